-- Legal help, and the files that users send.
CREATE TABLE queries (
    id BLOB PRIMARY KEY,
    citizen BLOB NOT NULL REFERENCES users (id),
    lawyer BLOB REFERENCES users (id),
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    category TEXT NOT NULL,
    status TEXT NOT NULL,
    outcome TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE disputes (
    id BLOB PRIMARY KEY,
    citizen BLOB NOT NULL REFERENCES users (id),
    lawyer BLOB REFERENCES users (id),
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    respondent TEXT NOT NULL,
    status TEXT NOT NULL,
    outcome TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- A case is a query or a dispute, as its kind says.
CREATE TABLE case_chats (
    id BLOB PRIMARY KEY,
    kind TEXT NOT NULL,
    about BLOB NOT NULL,
    citizen BLOB NOT NULL REFERENCES users (id),
    lawyer BLOB NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    last_message BLOB
) WITHOUT ROWID;
CREATE UNIQUE INDEX case_chats_by_case ON case_chats (about, kind, lawyer);

-- The activity of a chat is its newest message, or else the chat itself.
CREATE TABLE chat_participants (
    chat BLOB NOT NULL REFERENCES case_chats (id),
    user BLOB NOT NULL REFERENCES users (id),
    activity BLOB NOT NULL,
    PRIMARY KEY (chat, user)
) WITHOUT ROWID;

CREATE TABLE chat_messages (
    id BLOB PRIMARY KEY,
    chat BLOB NOT NULL REFERENCES case_chats (id),
    sender BLOB NOT NULL REFERENCES users (id),
    text TEXT NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE consultations (
    id BLOB PRIMARY KEY,
    citizen BLOB NOT NULL REFERENCES users (id),
    lawyer BLOB NOT NULL REFERENCES users (id),
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

-- What lawyers say about themselves. An entry stays while its account has another role, and is not shown.
CREATE TABLE lawyers (
    user BLOB PRIMARY KEY REFERENCES users (id),
    headline TEXT
) WITHOUT ROWID;

CREATE TABLE specializations (
    user BLOB NOT NULL REFERENCES users (id),
    area TEXT NOT NULL,
    PRIMARY KEY (user, area)
) WITHOUT ROWID;

CREATE TABLE uploads (
    id BLOB PRIMARY KEY,
    owner BLOB NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;
