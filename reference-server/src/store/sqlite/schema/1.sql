-- Identifiers are the sixteen bytes of a UUIDv7: their order is the order of creation.
-- Times are microseconds since 1970.
CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE users (
    id BLOB PRIMARY KEY,
    username TEXT NOT NULL COLLATE NOCASE,
    name TEXT NOT NULL,
    email TEXT COLLATE NOCASE,
    password_hash TEXT,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX users_by_username ON users (username);
CREATE UNIQUE INDEX users_by_email ON users (email) WHERE email IS NOT NULL;

-- The id of an edge orders the lists of followers.
CREATE TABLE follows (
    follower BLOB NOT NULL REFERENCES users (id),
    followed BLOB NOT NULL REFERENCES users (id),
    id BLOB NOT NULL,
    PRIMARY KEY (follower, followed)
) WITHOUT ROWID;
CREATE INDEX follows_by_followed ON follows (followed, id, follower);
CREATE INDEX follows_by_follower ON follows (follower, id, followed);

CREATE TABLE posts (
    id BLOB PRIMARY KEY,
    author BLOB NOT NULL REFERENCES users (id),
    text TEXT NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX posts_by_author ON posts (author, id);

CREATE TABLE notifications (
    id BLOB PRIMARY KEY,
    user BLOB NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL,
    actor BLOB NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    read INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX notifications_by_user ON notifications (user, id);
CREATE INDEX notifications_unread ON notifications (user) WHERE read = 0;

-- The two members in the order of their ids, so that each pair has one conversation.
CREATE TABLE conversations (
    id BLOB PRIMARY KEY,
    low BLOB NOT NULL REFERENCES users (id),
    high BLOB NOT NULL REFERENCES users (id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX conversations_by_members ON conversations (low, high);

CREATE TABLE members (
    conversation BLOB NOT NULL REFERENCES conversations (id),
    user BLOB NOT NULL REFERENCES users (id),
    last_message BLOB NOT NULL,
    PRIMARY KEY (conversation, user)
) WITHOUT ROWID;
CREATE INDEX members_by_user ON members (user, last_message, conversation);

CREATE TABLE messages (
    id BLOB PRIMARY KEY,
    conversation BLOB NOT NULL REFERENCES conversations (id),
    sender BLOB NOT NULL REFERENCES users (id),
    receiver BLOB NOT NULL REFERENCES users (id),
    text TEXT NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX messages_by_conversation ON messages (conversation, id);
