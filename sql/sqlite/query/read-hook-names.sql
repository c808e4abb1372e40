SELECT name FROM hook ORDER BY name;
