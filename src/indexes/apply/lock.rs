//! The lock on a database: one operator at a time, and a holder that died keeps nobody out for long.
//!
//! The lock is one document of the database itself. It has an owner, a number that only this holder knows (the nonce)
//! and a time at which it ends, by the clock of the server. The holder prolongs it; whoever finds that it has ended
//! takes it over. A holder that was asleep meanwhile finds another nonce when it prolongs, and stops: it prolongs
//! before every command, and stops a command that goes on when a heartbeat finds it out.

use std::sync::Arc;
use std::time::Duration;

use bson::{DateTime, Document, doc};
use mongodb::Collection;
use mongodb::options::{ReturnDocument, WriteConcern};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::patience::Patience;
use crate::indexes::error::{DUPLICATE_KEY, code};
use crate::indexes::live::Deployment;
use crate::indexes::{IndexError, Refusal};
use crate::owner::Owner;

/// How long the lock outlives its holder.
const LEASE: Duration = Duration::from_secs(20);
/// How often it is prolonged.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// The collection of the lock.
pub const COLLECTION: &str = "scalectl.locks";
const ID: &str = "indexes";

/// The lock document.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Held {
    owner: Option<Owner>,
    nonce: String,
    /// Grows with every holder.
    token: i64,
    #[schemars(with = "String")]
    since: DateTime,
    #[schemars(with = "String")]
    expires_at: DateTime,
}

/// A lock that is held; it is prolonged until it is released or dropped.
#[derive(Debug)]
pub struct Lock {
    held: Arc<Holding>,
    heartbeat: JoinHandle<()>,
    /// Cancelled when a heartbeat finds that somebody else has it.
    lost: CancellationToken,
    /// Grows with every holder: what is written with a lower one is from before.
    pub token: i64,
}

#[derive(Debug)]
struct Holding {
    deployment: Deployment,
    database: String,
    nonce: String,
    patience: Patience,
}

impl Lock {
    /// Takes the lock, or says who has it.
    pub async fn acquire(
        deployment: &Deployment,
        database: &str,
        owner: &Owner,
        patience: &Patience,
    ) -> Result<Self, IndexError> {
        let holding = Holding {
            deployment: deployment.clone(),
            database: database.to_owned(),
            nonce: Uuid::new_v4().to_string(),
            patience: patience.clone(),
        };
        let now = holding.patience.persist(async || holding.now().await).await;
        let now = now.map_err(|error| holding.fault("take the lock", &error))?;
        let free = doc! { "_id": ID, "expiresAt": { "$lte": now } };
        let held = match holding.take(free, owner, now).await? {
            Some(held) => held,
            None => holding.take_from_the_dead(owner, now).await?,
        };
        let (held_by_us, lost) = (Arc::new(holding), CancellationToken::new());
        let heartbeat = tokio::spawn(beat(Arc::clone(&held_by_us), lost.clone()));
        Ok(Self { held: held_by_us, heartbeat, lost, token: held.token })
    }

    /// Prolongs it; an error when somebody else has it by now.
    pub async fn prolong(&self) -> Result<(), IndexError> {
        let prolonged = self.held.patience.persist(async || self.held.prolong().await).await;
        match prolonged.map_err(|error| self.held.fault("prolong the lock", &error))? {
            true => Ok(()),
            false => Err(self.taken_over()),
        }
    }

    /// Waits until somebody else has it: whatever goes on then must stop.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// What to say when somebody else has it.
    pub fn taken_over(&self) -> IndexError {
        let reason = format!("the lock on {} was taken over by somebody else", self.held.database);
        IndexError::HalfWay { reason }
    }

    /// Gives it back.
    pub async fn release(self) -> Result<(), IndexError> {
        self.heartbeat.abort();
        let free = doc! { "$set": { "expiresAt": DateTime::from_millis(0), "owner": null } };
        let mine = doc! { "_id": ID, "nonce": &self.held.nonce };
        let released = self.held.collection().update_one(mine, free).await;
        released.map(|_| ()).map_err(|error| self.held.fault("release the lock", &error))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.heartbeat.abort();
    }
}

impl Holding {
    fn collection(&self) -> Collection<Document> {
        let options = mongodb::options::CollectionOptions::builder().write_concern(WriteConcern::majority());
        self.deployment.database(&self.database).collection_with_options(COLLECTION, options.build())
    }

    /// The server's clock: the operators' own may differ.
    async fn now(&self) -> mongodb::error::Result<DateTime> {
        let hello = self.deployment.database("admin").run_command(doc! { "hello": 1 }).await?;
        Ok(hello.get_datetime("localTime").copied().unwrap_or_else(|_| DateTime::now()))
    }

    /// Takes the lock where `free` matches it, or where there is none; nothing when it is held.
    async fn take(&self, free: Document, owner: &Owner, now: DateTime) -> Result<Option<Held>, IndexError> {
        let owner =
            bson::serialize_to_bson(owner).map_err(|error| self.fault("take the lock", &error.into()))?;
        let taken = doc! {
            "$set": { "owner": owner, "nonce": &self.nonce, "since": now, "expiresAt": end_of_lease(now) },
            "$inc": { "token": 1_i64 },
        };
        let locks = self.collection();
        let take = async || {
            let taking = locks.find_one_and_update(free.clone(), taken.clone());
            taking.upsert(true).return_document(ReturnDocument::After).await
        };
        match self.patience.persist(take).await {
            Err(error) if code(&error) != Some(DUPLICATE_KEY) => Err(self.fault("take the lock", &error)),
            // What was written counts: two that meet may both be told "done" by a server that only resembles MongoDB,
            // and a refusal may be the answer to a second attempt when that to the first was lost.
            _ => Ok(self.read().await?.filter(|held| held.nonce == self.nonce)),
        }
    }

    /// A holder on this machine whose process has ended needs no lease, nor does one that gave the lock back just now.
    async fn take_from_the_dead(&self, owner: &Owner, now: DateTime) -> Result<Held, IndexError> {
        let held = self.read().await?;
        if let Some(held) = &held
            && held.owner.as_ref().is_none_or(|other| owner.knows_to_be_dead(other))
            && let Some(taken) = self.take(doc! { "_id": ID, "nonce": &held.nonce }, owner, now).await?
        {
            return Ok(taken);
        }
        let (owner, since) = match held {
            Some(held) => {
                let owner = held.owner.map_or_else(|| "somebody".to_owned(), |owner| owner.to_string());
                (owner, held.since.try_to_rfc3339_string().unwrap_or_default())
            }
            None => ("somebody".to_owned(), "just now".to_owned()),
        };
        Err(Refusal::Locked { database: self.database.clone(), owner, since, lease: LEASE }.into())
    }

    async fn read(&self) -> Result<Option<Held>, IndexError> {
        let locks = self.collection().clone_with_type::<Held>();
        let found = self.patience.persist(async || locks.find_one(doc! { "_id": ID }).await).await;
        found.map_err(|error| self.fault("read the lock", &error))
    }

    /// False when somebody else has it.
    async fn prolong(&self) -> mongodb::error::Result<bool> {
        let now = self.now().await?;
        let longer = doc! { "$set": { "expiresAt": end_of_lease(now) } };
        let mine = doc! { "_id": ID, "nonce": &self.nonce };
        Ok(self.collection().update_one(mine, longer).await?.matched_count == 1)
    }

    fn fault(&self, doing: &str, error: &mongodb::error::Error) -> IndexError {
        self.deployment.fault(&format!("{doing} on {}", self.database), error)
    }
}

/// A beat that fails is made up for by the next, or by the check before a command.
async fn beat(held: Arc<Holding>, lost: CancellationToken) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        if let Ok(false) = held.prolong().await {
            return lost.cancel();
        }
    }
}

fn end_of_lease(now: DateTime) -> DateTime {
    let lease = i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX);
    DateTime::from_millis(now.timestamp_millis().saturating_add(lease))
}
