-- Roles, profiles, likes, comments, chess posts, read state of conversations. Counters are kept beside the lists
-- that they count, in the same transaction. Indexes that only make lists faster are declared in `index.rs`.
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'citizen';
ALTER TABLE users ADD COLUMN active INTEGER NOT NULL DEFAULT 1;
ALTER TABLE users ADD COLUMN bio TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN avatar BLOB;
ALTER TABLE users ADD COLUMN followers INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN following INTEGER NOT NULL DEFAULT 0;
UPDATE users SET followers = (SELECT count(*) FROM follows WHERE followed = users.id),
                 following = (SELECT count(*) FROM follows WHERE follower = users.id);

-- The game of a chess post, as JSON.
ALTER TABLE posts ADD COLUMN game TEXT;
ALTER TABLE posts ADD COLUMN likes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE posts ADD COLUMN comments INTEGER NOT NULL DEFAULT 0;

-- The id of a like orders the lists.
CREATE TABLE likes (
    post BLOB NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    user BLOB NOT NULL REFERENCES users (id),
    id BLOB NOT NULL,
    PRIMARY KEY (post, user)
) WITHOUT ROWID;

CREATE TABLE comments (
    id BLOB PRIMARY KEY,
    post BLOB NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    author BLOB NOT NULL REFERENCES users (id),
    text TEXT NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

-- The post that a notification is about. A like notifies once, however often it is taken back.
ALTER TABLE notifications ADD COLUMN subject BLOB REFERENCES posts (id) ON DELETE CASCADE;
CREATE UNIQUE INDEX notifications_of_likes ON notifications (subject, actor) WHERE kind = 'like';

ALTER TABLE members ADD COLUMN unread INTEGER NOT NULL DEFAULT 0;
