-- Days of the far future were counted under a wrong clock.
DELETE FROM credit_day WHERE day < ?1 OR day > ?2
