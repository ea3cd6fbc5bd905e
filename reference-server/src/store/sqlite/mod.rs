//! The embedded store: SQLite in WAL mode, which several processes may open at the same time.
//!
//! Writes go through one connection on its own thread, which commits queued writes together (`writer`).
//! Reads use a small pool (`readers`), each in one read transaction.

mod accounts;
mod connection;
mod follows;
mod messages;
mod notifications;
mod posts;
mod readers;
mod row;
mod schema;
mod writer;

use std::path::Path;

pub use connection::store_file;
use readers::Readers;
use rusqlite::Connection;
use writer::Writer;

use super::{Answer, Store, StoreError};
use crate::config::Durability;
use crate::domain::{
    Account, Conversation, ConversationId, Follow, Message, NewAccount, Notification, Page, PageRequest,
    Person, Post, PostId, Profile, UserId,
};

/// A [`Store`] in one SQLite file.
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
}

impl SqliteStore {
    /// Opens the file, creating it and bringing its schema up to date when needed.
    pub fn open(file: &Path, durability: Durability) -> Result<Self, StoreError> {
        let mut connection = connection::open(file, durability)?;
        schema::migrate(&mut connection)?;
        let readers = Readers::open(file, durability)?;
        Ok(Self { writer: Writer::start(connection)?, readers })
    }

    fn write<'a, T: Send + 'static>(
        &'a self,
        change: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<'a, T> {
        Box::pin(self.writer.submit(change))
    }

    fn read<'a, T: Send + 'static>(
        &'a self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<'a, T> {
        Box::pin(self.readers.run(query))
    }
}

impl Store for SqliteStore {
    fn create_account(&self, account: NewAccount) -> Answer<'_, ()> {
        self.write(move |db| accounts::create(db, &account))
    }

    fn find_account(&self, username: &str) -> Answer<'_, Option<Account>> {
        let username = username.to_owned();
        self.read(move |db| accounts::find(db, &username))
    }

    fn profile(&self, user: UserId) -> Answer<'_, Option<Profile>> {
        self.read(move |db| accounts::profile(db, user))
    }

    fn profile_by_username(&self, username: &str) -> Answer<'_, Option<Profile>> {
        let username = username.to_owned();
        self.read(move |db| accounts::profile_by_username(db, &username))
    }

    fn follow(&self, follower: UserId, followed: UserId) -> Answer<'_, Follow> {
        self.write(move |db| follows::follow(db, follower, followed))
    }

    fn unfollow(&self, follower: UserId, followed: UserId) -> Answer<'_, Follow> {
        self.write(move |db| follows::unfollow(db, follower, followed))
    }

    fn followers(&self, user: UserId, page: PageRequest) -> Answer<'_, Page<Person>> {
        self.read(move |db| follows::followers(db, user, page))
    }

    fn following(&self, user: UserId, page: PageRequest) -> Answer<'_, Page<Person>> {
        self.read(move |db| follows::following(db, user, page))
    }

    fn create_post(&self, post: Post) -> Answer<'_, ()> {
        self.write(move |db| posts::create(db, &post))
    }

    fn post(&self, post: PostId) -> Answer<'_, Option<Post>> {
        self.read(move |db| posts::find(db, post))
    }

    fn feed(&self, reader: UserId, page: PageRequest) -> Answer<'_, Page<Post>> {
        self.read(move |db| posts::feed(db, reader, page))
    }

    fn notifications(&self, user: UserId, page: PageRequest) -> Answer<'_, Page<Notification>> {
        self.read(move |db| notifications::list(db, user, page))
    }

    fn unread(&self, user: UserId) -> Answer<'_, u64> {
        self.read(move |db| notifications::unread(db, user))
    }

    fn mark_read(&self, user: UserId) -> Answer<'_, u64> {
        self.write(move |db| notifications::mark_read(db, user))
    }

    fn send_message(&self, message: Message) -> Answer<'_, Message> {
        self.write(move |db| messages::send(db, message))
    }

    fn conversations(&self, user: UserId, page: PageRequest) -> Answer<'_, Page<Conversation>> {
        self.read(move |db| messages::conversations(db, user, page))
    }

    fn messages(
        &self,
        reader: UserId,
        conversation: ConversationId,
        page: PageRequest,
    ) -> Answer<'_, Option<Page<Message>>> {
        self.read(move |db| messages::list(db, reader, conversation, page))
    }

    fn secret(&self, name: &'static str, fresh: Vec<u8>) -> Answer<'_, Vec<u8>> {
        self.write(move |db| accounts::secret(db, name, &fresh))
    }

    fn ping(&self) -> Answer<'_, ()> {
        Box::pin(async {
            self.write(|_| Ok(())).await?;
            self.read(|db| Ok(db.query_row("SELECT 1", [], |_| Ok(()))?)).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::suite;
    use super::*;

    fn open(dir: &Path) -> SqliteStore {
        SqliteStore::open(&dir.join("test.db"), Durability::Full).unwrap()
    }

    #[tokio::test]
    async fn keeps_what_every_store_promises() {
        let dir = tempfile::tempdir().unwrap();
        suite::run(&open(dir.path())).await;
    }

    #[tokio::test]
    async fn data_survive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let left = suite::leave_data(&open(dir.path())).await;
        suite::find_data(&open(dir.path()), &left).await;
    }

    #[tokio::test]
    async fn two_open_stores_see_each_others_writes() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (open(dir.path()), open(dir.path()));
        let left = suite::leave_data(&one).await;
        suite::find_data(&other, &left).await;
        let secret = one.secret("token", vec![1]).await.unwrap();
        assert_eq!(other.secret("token", vec![2]).await.unwrap(), secret);
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path()));
        let raw = Connection::open(dir.path().join("test.db")).unwrap();
        raw.pragma_update(None, "user_version", 99).unwrap();
        let refused = SqliteStore::open(&dir.path().join("test.db"), Durability::Full);
        assert!(matches!(refused, Err(StoreError::NewerSchema { found: 99, .. })));
    }
}
