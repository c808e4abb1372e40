SELECT json FROM content WHERE request = ?1
