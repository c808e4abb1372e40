SELECT min(id) FROM event;
