//! Declared indexes: those that only make lists faster, and that can therefore be switched off to see what they
//! buy. Unique indexes and primary keys belong to the schema.

use rusqlite::Connection;

use super::SqliteStore;
use super::row::count;
use crate::store::StoreError;

/// Name, table and columns of each.
pub const DECLARED: &[(&str, &str)] = &[
    ("follows_by_followed", "follows (followed, id, follower)"),
    ("follows_by_follower", "follows (follower, id, followed)"),
    ("posts_by_author", "posts (author, id)"),
    ("notifications_by_user", "notifications (user, id)"),
    ("notifications_unread", "notifications (user) WHERE read = 0"),
    ("members_by_user", "members (user, last_message, conversation)"),
    ("messages_by_conversation", "messages (conversation, id)"),
    ("users_by_followers", "users (followers)"),
    ("likes_by_post", "likes (post, id, user)"),
    ("comments_by_post", "comments (post, id)"),
    ("notifications_by_subject", "notifications (subject) WHERE subject IS NOT NULL"),
    ("sessions_by_user", "sessions (user)"),
    ("sessions_by_expiry", "sessions (expires_at)"),
    ("queries_by_citizen", "queries (citizen, id)"),
    ("queries_by_citizen_status", "queries (citizen, status, id)"),
    ("queries_by_lawyer", "queries (lawyer, id)"),
    ("queries_by_lawyer_status", "queries (lawyer, status, id)"),
    ("queries_by_status", "queries (status, id)"),
    ("queries_by_status_category", "queries (status, category, id)"),
    ("disputes_by_citizen", "disputes (citizen, id)"),
    ("disputes_by_citizen_status", "disputes (citizen, status, id)"),
    ("disputes_by_lawyer", "disputes (lawyer, id)"),
    ("disputes_by_lawyer_status", "disputes (lawyer, status, id)"),
    ("disputes_by_status", "disputes (status, id)"),
    ("chat_participants_by_user", "chat_participants (user, activity, chat)"),
    ("chat_messages_by_chat", "chat_messages (chat, id)"),
    ("consultations_by_citizen", "consultations (citizen, id)"),
    ("consultations_by_citizen_status", "consultations (citizen, status, id)"),
    ("consultations_by_lawyer", "consultations (lawyer, id)"),
    ("consultations_by_lawyer_status", "consultations (lawyer, status, starts_at, ends_at)"),
    ("consultations_by_status", "consultations (status, id)"),
    ("specializations_by_area", "specializations (area, user)"),
    ("users_by_role", "users (role, id)"),
    ("users_by_active", "users (active, id)"),
    ("uploads_by_owner", "uploads (owner, id)"),
];

impl SqliteStore {
    /// Creates the declared indexes that do not exist, or drops those that do. Writes nothing when there is
    /// nothing to change, so that many processes may start on one file.
    pub async fn declare_indexes(&self, on: bool) -> Result<(), StoreError> {
        let existing = self.read(existing).await?;
        let wanted = if on { DECLARED.len() } else { 0 };
        if existing == wanted as u64 {
            return Ok(());
        }
        self.write(move |db| declare(db, on)).await
    }
}

fn existing(db: &Connection) -> Result<u64, StoreError> {
    DECLARED.iter().try_fold(0, |sum, (name, _)| {
        Ok(sum + count(db, "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND name = ?1", [name])?)
    })
}

/// Creates or drops all of them.
pub fn declare(db: &Connection, on: bool) -> Result<(), StoreError> {
    for (name, columns) in DECLARED {
        let statement = if on {
            format!("CREATE INDEX IF NOT EXISTS {name} ON {columns}")
        } else {
            format!("DROP INDEX IF EXISTS {name}")
        };
        db.execute_batch(&statement)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Durability;

    #[tokio::test]
    async fn indexes_come_and_go_and_unique_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("i.db"), Durability::Full).unwrap();
        for on in [true, true, false, false, true] {
            store.declare_indexes(on).await.unwrap();
            let found = store.read(existing).await.unwrap();
            assert_eq!(found, if on { DECLARED.len() as u64 } else { 0 });
            let unique = "SELECT count(*) FROM sqlite_master WHERE sql LIKE 'CREATE UNIQUE INDEX%'";
            assert!(store.read(|db| count(db, unique, [])).await.unwrap() >= 4);
        }
    }

    /// What the schema creates besides must be unique, or nobody could switch it off.
    #[tokio::test]
    async fn every_other_index_is_unique() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("i.db"), Durability::Full).unwrap();
        store.declare_indexes(false).await.unwrap();
        let left =
            "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND sql NOT LIKE 'CREATE UNIQUE%'";
        assert_eq!(store.read(|db| count(db, left, [])).await.unwrap(), 0);
    }
}
