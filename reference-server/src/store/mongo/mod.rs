//! The store on MongoDB: the documents' own database, behind the same traits as the embedded one.
//!
//! - Collections and fields are named as the documents' Mongoose models name them, so that their index lists
//!   apply. Followers are a collection of edges instead of two arrays on the account: an array grows without
//!   bound, is rewritten with each follower, and cannot be paged by an index.
//! - `_id` is a UUID of version 7: its order is the order of creation, and every list is sorted by it.
//! - Where several documents must agree, they change in one transaction, which is run again when it loses
//!   against another. A standalone server has none: there the same writes happen one after the other, those
//!   that the later ones count or point to first, and a crash in between leaves a counter or a notification
//!   behind, never one too many.
//! - Calls run in tasks of their own, which go on when their caller gives up: the driver asks for it.

mod accounts;
mod bulk;
mod case_chats;
mod cases;
mod client;
mod collection;
mod comments;
mod consultations;
mod dashboard;
mod database;
mod directory;
mod failure;
mod follows;
mod index;
mod likes;
mod messages;
mod monitor;
mod notifications;
mod operations;
mod posts;
mod sessions;
mod suggestions;
mod transaction;
mod uploads;
mod value;

use std::sync::Arc;
use std::time::Duration;

use database::Database;
pub use failure::is_away;
use futures_util::future::BoxFuture;
use mongodb::bson::doc;
use mongodb::error::Error;
use mongodb::options::DatabaseOptions;
use tracing::Instrument;
use transaction::Runner;

use super::{Answer, StoreError};
use crate::config::MongoSettings;
use crate::telemetry::Telemetry;

pub use client::hosts;

/// A collection exists already: another process was quicker.
const NAMESPACE_EXISTS: i32 = 48;

/// A [`Store`](super::Store) in one MongoDB database.
pub struct MongoStore {
    runner: Runner,
    /// Asks the members that the settings name for lists and profiles.
    reading: mongodb::Database,
    limit: Duration,
}

impl MongoStore {
    /// Connects, and makes the collections and indexes that are missing. Fails within the selection timeout
    /// when no server answers. The declared indexes are dropped when they are switched off.
    pub async fn open(
        settings: &MongoSettings,
        indexes: bool,
        telemetry: &Arc<Telemetry>,
    ) -> Result<Self, StoreError> {
        let client = client::connect(settings, telemetry).await?;
        let hello = client.database("admin").run_command(doc! { "hello": 1 }).await?;
        let transactions =
            hello.contains_key("setName") || hello.get_str("msg").is_ok_and(|kind| kind == "isdbgrid");
        if !transactions {
            tracing::warn!("MongoDB is standalone: changes of several documents are not atomic");
        }
        let database = client.default_database().unwrap_or_else(|| client.database(&settings.database));
        create_collections(&database).await?;
        index::apply(&database, indexes).await?;
        let criteria = client::criteria(settings.read_from);
        let options = DatabaseOptions::builder().selection_criteria(criteria).build();
        let reading = client.database_with_options(database.name(), options);
        let limit = settings.socket_timeout;
        let runner = Runner { client, database, transactions, limit, line: Arc::default() };
        Ok(Self { runner, reading, limit })
    }

    /// A query that may be answered by a member that is a little behind: lists and profiles.
    fn read<'a, T: Send + 'static>(
        &'a self,
        query: impl for<'q> FnOnce(&'q mut Database) -> BoxFuture<'q, Result<T, StoreError>> + Send + 'static,
    ) -> Answer<'a, T> {
        let mut database = Database::new(self.reading.clone(), self.limit);
        self.run(async move { query(&mut database).await })
    }

    /// A query that must see every acknowledged write: logins, sessions, secrets.
    fn read_newest<'a, T: Send + 'static>(
        &'a self,
        query: impl for<'q> FnOnce(&'q mut Database) -> BoxFuture<'q, Result<T, StoreError>> + Send + 'static,
    ) -> Answer<'a, T> {
        let mut database = Database::new(self.runner.database.clone(), self.limit);
        self.run(async move { query(&mut database).await })
    }

    /// Changes of one document, or that need not agree. They run again after losing against another one.
    fn write<'a, T: Send + 'static>(
        &'a self,
        change: impl for<'q> Fn(&'q mut Database) -> BoxFuture<'q, Result<T, StoreError>> + Send + Sync + 'static,
    ) -> Answer<'a, T> {
        let runner = Runner { transactions: false, ..self.runner.clone() };
        self.run(async move { runner.run(change).await })
    }

    /// Changes that happen together or not at all.
    fn transact<'a, T: Send + 'static>(
        &'a self,
        change: impl for<'q> Fn(&'q mut Database) -> BoxFuture<'q, Result<T, StoreError>> + Send + Sync + 'static,
    ) -> Answer<'a, T> {
        let runner = self.runner.clone();
        self.run(async move { runner.run(change).await })
    }

    fn run<'a, T: Send + 'static>(
        &'a self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Answer<'a, T> {
        let (limit, running) = (self.limit, self.run_to_its_end(work));
        Box::pin(
            async move { tokio::time::timeout(limit, running).await.unwrap_or(Err(StoreError::Slow(limit))) },
        )
    }

    /// Work that may take as long as it takes: seed data and their indexes.
    fn run_to_its_end<'a, T: Send + 'static>(
        &'a self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            let running = tokio::spawn(work.in_current_span());
            running.await.map_err(|_| StoreError::Closed)?
        })
    }
}

async fn create_collections(database: &mongodb::Database) -> Result<(), Error> {
    let existing = database.list_collection_names().await?;
    for name in collection::ALL.iter().filter(|name| !existing.iter().any(|found| found == **name)) {
        match database.create_collection(*name).await {
            Err(failure) if failure::code(&failure) == Some(NAMESPACE_EXISTS) => {}
            outcome => outcome?,
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "../../../tests/api/support/mongo.rs"]
pub mod test_server;

#[cfg(test)]
mod tests;
