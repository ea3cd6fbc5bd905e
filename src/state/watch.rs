//! Looking at a migration without steering it: no lock, no change.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use state_map::Phase;
use state_map::operator::{Known, survey};
use state_map::redis::RedisPort;
use state_map::wire::call::Surveyed;
use tokio::time::Instant;

use super::helm::connected_replicas;
use super::journal::Copies;
use super::status::{Sources, StatusReport, is_newer};
use super::{StateError, Target, lock};
use crate::clients::redis::Link;

/// How long to wait for the heartbeats that rates are measured between.
const SECOND_LOOK: Duration = Duration::from_secs(5);
/// Between two looks for them.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The least time that counts as a lease.
const LEASE_MS: u64 = 10_000;

/// Looks at a migration.
pub struct Watch {
    target: Target,
    link: Link,
    port: Arc<RedisPort>,
    journal: PathBuf,
    clean_rounds: u64,
    before: Option<Surveyed>,
}

impl Watch {
    /// Connects.
    pub async fn start(target: Target, journal: PathBuf, clean_rounds: u64) -> Result<Self, StateError> {
        let link = target.connect().await?;
        let port = target.port()?;
        Ok(Self { target, link, port, journal, clean_rounds, before: None })
    }

    /// Where the migration is now. During a backfill the first look takes two heartbeats: its rate is measured.
    pub async fn look(&mut self) -> Result<StatusReport, StateError> {
        let mut view = self.survey().await?;
        if view.record.phase == Phase::Backfill && self.before.is_none() {
            view = self.second_look(view).await?;
        }
        let report = self.report(&view).await?;
        if self.before.as_ref().is_none_or(|before| is_newer(before, &view)) {
            self.before = Some(view);
        }
        Ok(report)
    }

    async fn second_look(&mut self, first: Surveyed) -> Result<Surveyed, StateError> {
        let end = Instant::now() + SECOND_LOOK;
        loop {
            let view = self.survey().await?;
            if is_newer(&first, &view) || Instant::now() >= end {
                self.before = Some(first);
                return Ok(view);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn survey(&self) -> Result<Surveyed, StateError> {
        survey(&*self.port).await.map_err(|stopped| StateError::stopped(&self.target, stopped))
    }

    async fn report(&mut self, view: &Surveyed) -> Result<StatusReport, StateError> {
        let copies = Copies::read(&self.target, &mut self.link, &self.journal).await?;
        let notes = copies.notes();
        let known = Known {
            journal_epoch: notes.highest_epoch,
            noticed: notes.noticed,
            verification: notes.verification,
            collected: notes.collected,
            clean_rounds: self.clean_rounds,
            lease_ms: LEASE_MS,
            replicas: connected_replicas(&self.target, &self.link).await?,
        };
        let operator = lock::holder(&self.target, &self.link).await?;
        Ok(StatusReport::new(Sources {
            namespace: &self.target.namespace,
            redis: self.target.url.to_string(),
            view,
            before: self.before.as_ref(),
            known: &known,
            copies: &copies,
            operator,
        }))
    }
}
