-- Two members may have one hash.
INSERT OR IGNORE INTO custom_member (hash, request) VALUES (?1, ?2)
