SELECT day, reserved, spent FROM credit_day WHERE day = ?1
