//! Removing what runs have left behind. Only what has a run's name in it is ever looked for, so that no mistake in a
//! scenario file can reach data of others; `documents` does it in MongoDB, `keys` in Redis.

mod documents;
mod keys;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use self::documents::Documents;
use self::keys::Keys;
use super::scenario::Plan;
use super::scenario::test_data::{KeyPattern, MarkedDocuments, TestId};
use crate::clients::redis::Link;
use crate::clients::{ClientError, SecretUrl, mongodb, redis};

/// Documents or keys that are removed at once: no command keeps a store from its other work for long.
const BATCH: usize = 1_000;
const MONGODB: &str = "mongodb";

/// Whose data is meant.
#[derive(Debug, Clone)]
pub enum Runs {
    /// Of these runs.
    Named(Vec<TestId>),
    /// Of whatever run.
    All,
}

impl Runs {
    /// Patterns of their names that mean the same in a regular expression and in a glob.
    fn patterns(&self) -> Vec<String> {
        match self {
            Self::Named(runs) => runs.iter().map(TestId::to_string).collect(),
            Self::All => vec![TestId::any()],
        }
    }
}

/// A place where data is looked for.
pub struct Place {
    /// For people.
    name: String,
    store: Store,
}

enum Store {
    MongoDb(Documents),
    Redis(Keys),
}

/// Why data could not be counted or removed.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {source}{}", .removed.checked_sub(1).map(|_| format!("; {removed} were removed until then, and the same command goes on")).unwrap_or_default())]
pub struct CleanError {
    /// Where.
    place: String,
    /// What was removed before, everywhere.
    pub removed: u64,
    /// Why.
    pub source: ClientError,
}

/// What was found, and what was done about it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CleanReport {
    /// Name and version of this layout.
    pub schema: &'static str,
    /// The scenario file.
    pub scenario: String,
    /// The names of the runs; empty when all are meant.
    #[schemars(with = "Vec<String>")]
    pub runs: Vec<TestId>,
    /// Where data was looked for.
    pub places: Vec<PlaceReport>,
    /// Whether it was to be removed, or only counted.
    pub is_removal: bool,
    /// Whether somebody ended it early.
    pub is_interrupted: bool,
}

/// Data of one place.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlaceReport {
    /// `mongodb` or `redis`.
    pub store: &'static str,
    /// The field of a collection, or the pattern of keys.
    pub place: String,
    /// Documents or keys that were there.
    pub found: u64,
    /// Those that were removed.
    pub removed: u64,
}

impl CleanReport {
    /// Before anything was looked for.
    pub fn new(plan: &Plan, runs: &Runs, is_removal: bool) -> Self {
        let named = match runs {
            Runs::Named(runs) => runs.clone(),
            Runs::All => Vec::new(),
        };
        Self {
            schema: "scalectl.loadtest.clean/1",
            scenario: plan.file.clone(),
            runs: named,
            places: Vec::new(),
            is_removal,
            is_interrupted: false,
        }
    }
}

impl PlaceReport {
    /// What is counted.
    pub fn what(&self) -> &'static str {
        if self.store == MONGODB { "documents" } else { "keys" }
    }
}

impl Place {
    /// Documents of a MongoDB; `limit` is for reaching it.
    pub async fn documents(
        uri: &SecretUrl,
        limit: Duration,
        marked: &[MarkedDocuments],
        runs: &Runs,
    ) -> Result<Vec<Self>, CleanError> {
        let name = |marked: &MarkedDocuments| format!("{}.{}", marked.collection, marked.field);
        let Some(first) = marked.first() else { return Ok(Vec::new()) };
        let client = mongodb::client(uri, limit).await.map_err(CleanError::at(&name(first)))?;
        let place = |marked: &MarkedDocuments| {
            let documents = Documents::new(&client, (uri, limit), marked, runs);
            let store = Store::MongoDb(documents.map_err(CleanError::at(&name(marked)))?);
            Ok(Self { name: name(marked), store })
        };
        marked.iter().map(place).collect()
    }

    /// Keys of a Redis; `limit` is for connecting and for each answer.
    pub async fn keys(
        url: &SecretUrl,
        limit: Duration,
        patterns: &[(String, KeyPattern)],
        runs: &Runs,
    ) -> Result<Vec<Self>, CleanError> {
        let Some((first, _)) = patterns.first() else { return Ok(Vec::new()) };
        let connected = Link::connect(url, limit).await;
        let link = connected.map_err(|error| redis::client_error(url, limit, &error));
        let link = link.map_err(CleanError::at(first))?;
        let place = |(name, pattern): &(String, KeyPattern)| {
            let keys = Keys::new(link.clone(), (url, limit), pattern, runs);
            Self { name: name.clone(), store: Store::Redis(keys) }
        };
        Ok(patterns.iter().map(place).collect())
    }

    /// What is there.
    pub async fn count(&self) -> Result<PlaceReport, CleanError> {
        let (store, found) = match &self.store {
            Store::MongoDb(documents) => (MONGODB, documents.count().await),
            Store::Redis(keys) => ("redis", keys.count().await),
        };
        let found = found.map_err(CleanError::at(&self.name))?;
        Ok(PlaceReport { store, place: self.name.clone(), found, removed: 0 })
    }

    /// Removes it until `stop`, and tells how many are gone so far.
    pub async fn remove(
        &self,
        stop: &CancellationToken,
        mut tell: impl FnMut(u64),
    ) -> Result<u64, CleanError> {
        let mut removed = 0;
        let tell = |gone| {
            removed = gone;
            tell(gone);
        };
        let done = match &self.store {
            Store::MongoDb(documents) => documents.remove(stop, tell).await,
            Store::Redis(keys) => keys.remove(stop, tell).await,
        };
        done.map_err(|source| CleanError { place: self.name.clone(), removed, source })
    }
}

impl CleanError {
    /// For `map_err`: before anything was removed.
    fn at(place: &str) -> impl FnOnce(ClientError) -> Self {
        let place = place.to_owned();
        move |source| Self { place, removed: 0, source }
    }

    /// The same after so many others were removed elsewhere.
    pub fn after(self, others: u64) -> Self {
        Self { removed: self.removed + others, ..self }
    }
}
