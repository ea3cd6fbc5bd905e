//! Seed data: accounts, a skewed follow graph, posts and what people do with them, made up from a plan.
//!
//! Everything follows from the plan: the same plan gives the same rows in every store, identifiers and times
//! included. `generate` makes them up, without knowing where they go; this module brings them there.

mod chance;
mod generate;
mod graph;
mod people;
mod plan;
mod posts;
mod talk;
#[cfg(test)]
pub mod tests;
mod words;

use std::sync::Arc;

use tokio::sync::mpsc;

pub use plan::{BadPlan, SeedPlan};

use crate::config::Config;
use crate::error::StartError;
use crate::security;
use crate::store::bulk::{Batch, Import};
use crate::store::{self, Store, StoreError};
use crate::telemetry::Telemetry;

/// The password of every seeded account.
pub const SEED_PASSWORD: &str = "seeded-password";

/// Batches that are ready before the store is.
const READY: usize = 2;

/// Why there are no seed data.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The store was filled by another plan.
    #[error("the store holds the seed data of '{0}': seed with that plan, or use another --data directory")]
    OtherPlan(String),
    /// The store is in use.
    #[error("the store holds accounts that were not seeded: use another --data directory or database")]
    OtherData,
    /// The store failed. What was imported stays, and the next run goes on.
    #[error("{0}: run the same command again to go on")]
    Store(#[from] StoreError),
    /// The store cannot be opened, or the settings are wrong.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// What a store holds after seeding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seeded {
    /// Rows written by this run; none when the data had been there.
    pub rows: u64,
    /// Whether the data had been there.
    pub already: bool,
}

/// Fills the store of this configuration, unless it holds the data of this plan already. `progress` is told
/// the number of rows written so far, and about how many there will be.
pub async fn seed(
    config: &Config,
    plan: &SeedPlan,
    progress: impl FnMut(u64, u64),
) -> Result<Seeded, SeedError> {
    let store = store::open(config, &Arc::new(Telemetry::new(None))).await?;
    let password_hash = security::hash_published(config.security.password, SEED_PASSWORD)?;
    fill(store.as_ref(), config.store.indexes, plan, password_hash, progress).await
}

/// Fills this store.
pub async fn fill(
    store: &dyn Store,
    indexes: bool,
    plan: &SeedPlan,
    password_hash: String,
    mut progress: impl FnMut(u64, u64),
) -> Result<Seeded, SeedError> {
    match store.begin_import(plan.to_string()).await? {
        Import::Open => {}
        Import::Complete => return Ok(Seeded { rows: 0, already: true }),
        Import::OtherPlan(plan) => return Err(SeedError::OtherPlan(plan)),
        Import::OtherData => return Err(SeedError::OtherData),
    }
    let mut batches = start(plan.clone(), password_hash);
    let (mut rows, expected) = (0, plan.expected_rows());
    while let Some(batch) = batches.recv().await {
        rows += batch.rows() as u64;
        store.import(batch).await?;
        progress(rows, expected.max(rows));
    }
    store.end_import(indexes).await?;
    Ok(Seeded { rows, already: false })
}

/// Makes up the rows on a thread of its own, a little ahead of the store.
fn start(plan: SeedPlan, password_hash: String) -> mpsc::Receiver<Batch> {
    let (ready, batches) = mpsc::channel(READY);
    tokio::task::spawn_blocking(move || {
        // A store that failed has dropped the receiver: the rest is not needed.
        generate::generate(&plan, &password_hash, &mut |batch| ready.blocking_send(batch).is_ok());
    });
    batches
}
