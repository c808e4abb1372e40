DELETE FROM asked WHERE request = ?1
