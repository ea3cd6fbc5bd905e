-- A login, and the SHA-256 of the one refresh token that is good for it.
CREATE TABLE sessions (
    id BLOB PRIMARY KEY,
    user BLOB NOT NULL REFERENCES users (id),
    token BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
