//! The history of a database's indexes, in the database: who did what and when, how each step is undone, and what was
//! there before.
//!
//! Entries are only added. Their numbers have no holes and each carries the checksum of the one before, so that a
//! changed or missing entry shows. The number is the key: of two writers with the same idea of the end, one fails.

use std::time::Duration;

use bson::doc;
use futures_util::TryStreamExt;
use mongodb::Collection;
use mongodb::options::{CollectionOptions, WriteConcern};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patience::Patience;
use crate::clock::now;
use crate::digest;
use crate::indexes::IndexError;
use crate::indexes::diff::Step;
use crate::indexes::error::{DUPLICATE_KEY, code};
use crate::indexes::index::Index;
use crate::indexes::live::Deployment;
use crate::owner::Owner;

/// The collection of the history.
pub const COLLECTION: &str = "scalectl.indexHistory";

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its number, from 1.
    #[serde(rename = "_id")]
    pub number: i64,
    /// The run to which it belongs.
    pub run: String,
    /// When, in RFC 3339.
    pub at: String,
    /// Who.
    pub owner: Owner,
    /// The token of the lock under which it was written.
    pub token: i64,
    /// What happened.
    pub event: Event,
    /// The checksum of the entry before.
    pub previous: String,
    /// SHA-256 over all of the above, in hexadecimal.
    pub checksum: String,
}

/// What happened.
#[expect(clippy::large_enum_variant, reason = "entries are read and written one by one")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// A run began.
    Began {
        /// `apply` or `rollback`.
        command: String,
        /// The specification's name.
        spec: String,
        /// The specification's hash.
        spec_hash: String,
        /// The plan's hash.
        plan_hash: String,
        /// The indexes of the collections that it touches, as they were.
        before: Vec<Snapshot>,
    },
    /// A step is about to be done.
    Started {
        /// The collection.
        collection: String,
        /// What is done.
        #[serde(rename = "do")]
        step: Step,
        /// What undoes it, where one command can.
        inverse: Option<Step>,
    },
    /// A step is done.
    Done {
        /// The collection.
        collection: String,
        /// What was done.
        #[serde(rename = "do")]
        step: Step,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// A step failed.
    Failed {
        /// The collection.
        collection: String,
        /// What was tried.
        #[serde(rename = "do")]
        step: Step,
        /// Why it failed.
        reason: String,
    },
    /// A run came to its end.
    Ended,
}

/// The indexes of a collection at some time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The collection.
    pub collection: String,
    /// Its indexes, without the one on `_id`.
    pub indexes: Vec<Index>,
}

/// The history of one database.
#[derive(Debug)]
pub struct Journal {
    deployment: Deployment,
    database: String,
    /// The newest entry's number and checksum.
    end: (i64, String),
    run: String,
    owner: Owner,
    token: i64,
    patience: Patience,
}

/// What is wrong with a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Flaw {
    /// The entry.
    pub number: i64,
    /// What is wrong with it.
    pub what: String,
}

impl Entry {
    fn sealed(mut self) -> Self {
        self.checksum = self.compute_checksum();
        self
    }

    fn compute_checksum(&self) -> String {
        let unsealed = Self { checksum: String::new(), ..self.clone() };
        digest::sha256(&serde_json::to_vec(&unsealed).unwrap_or_default())
    }
}

/// The entries of a database, oldest first.
pub async fn read(deployment: &Deployment, database: &str) -> Result<Vec<Entry>, IndexError> {
    let fault =
        |error: mongodb::error::Error| deployment.fault(&format!("read the history of {database}"), &error);
    let entries = collection(deployment, database);
    let cursor = entries.find(doc! {}).sort(doc! { "_id": 1 }).await.map_err(fault)?;
    cursor.try_collect().await.map_err(fault)
}

/// Entries that are missing, or are not as they were written.
pub fn flaws(entries: &[Entry]) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let (mut number, mut previous) = (1, String::new());
    for entry in entries {
        if entry.number != number {
            flaws.push(Flaw { number, what: "missing".to_owned() });
        } else if entry.previous != previous {
            flaws.push(Flaw { number, what: "the entry before it was changed".to_owned() });
        }
        if entry.checksum != entry.compute_checksum() {
            flaws.push(Flaw { number: entry.number, what: "was changed".to_owned() });
        }
        (number, previous) = (entry.number + 1, entry.checksum.clone());
    }
    flaws
}

impl Journal {
    /// Goes on where the history ends.
    pub async fn open(
        deployment: &Deployment,
        database: &str,
        owner: Owner,
        token: i64,
        patience: Patience,
    ) -> Result<Self, IndexError> {
        let newest = collection(deployment, database).find_one(doc! {}).sort(doc! { "_id": -1 }).await;
        let newest =
            newest.map_err(|error| deployment.fault(&format!("read the history of {database}"), &error))?;
        let end = newest.map_or_else(|| (0, String::new()), |entry| (entry.number, entry.checksum));
        let run = uuid::Uuid::new_v7(uuid::Timestamp::now(uuid::NoContext)).to_string();
        let (deployment, database) = (deployment.clone(), database.to_owned());
        Ok(Self { deployment, database, end, run, owner, token, patience })
    }

    /// Adds an entry; it is on the majority of the members when this returns.
    pub async fn add(&mut self, event: Event) -> Result<(), IndexError> {
        let entry = Entry {
            number: self.end.0 + 1,
            run: self.run.clone(),
            at: now(),
            owner: self.owner.clone(),
            token: self.token,
            event,
            previous: self.end.1.clone(),
            checksum: String::new(),
        };
        let entry = entry.sealed();
        let doing = format!("write the history of {}", self.database);
        let entries = collection(&self.deployment, &self.database);
        let added = self.patience.persist(async || entries.insert_one(&entry).await).await;
        match added {
            // It may have been written when the answer to the first attempt was lost.
            Err(error) if code(&error) == Some(DUPLICATE_KEY) => self.expect(&entries, &entry).await?,
            added => drop(added.map_err(|error| self.deployment.fault(&doing, &error))?),
        }
        self.end = (entry.number, entry.checksum);
        Ok(())
    }

    /// From now on an entry is tried once: the run has failed already, and its end is not put off.
    pub fn hurry(&mut self) {
        self.patience.limit = Duration::ZERO;
    }

    /// The entry is there, and not another of its number.
    async fn expect(&self, entries: &Collection<Entry>, entry: &Entry) -> Result<(), IndexError> {
        let find = async || entries.find_one(doc! { "_id": entry.number }).await;
        let found = self.patience.persist(find).await;
        let found = found.map_err(|error| {
            self.deployment.fault(&format!("read the history of {}", self.database), &error)
        })?;
        match found.map(|found| found.checksum == entry.checksum) {
            Some(true) => Ok(()),
            _ => {
                let reason = format!("somebody else writes to the history of {} as well", self.database);
                Err(IndexError::HalfWay { reason })
            }
        }
    }

    /// The run that this journal writes.
    pub fn run(&self) -> &str {
        &self.run
    }
}

fn collection(deployment: &Deployment, database: &str) -> Collection<Entry> {
    let options = CollectionOptions::builder().write_concern(WriteConcern::majority()).build();
    deployment.database(database).collection_with_options(COLLECTION, options)
}
