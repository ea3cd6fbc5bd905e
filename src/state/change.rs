//! What a command that steers has changed, and several steps in a row.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use state_map::Phase;
use state_map::operator::{Changed, Eviction, Step};

use super::status::{BlockerReport, next_command, proof_name};
use super::{Helm, StateError};

/// What a command has changed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeReport {
    /// Version of this layout.
    pub schema: &'static str,
    /// The name under which the migration is steered.
    pub namespace: String,
    /// The run.
    pub run: String,
    /// The steps that were taken.
    pub changes: Vec<StepReport>,
    /// The phase now.
    pub phase: &'static str,
    /// Its epoch.
    pub epoch: u64,
    /// Who has not acknowledged it yet.
    pub missing: Vec<BlockerReport>,
    /// Tombstones and sidecars that were collected.
    pub collected: Option<u64>,
    /// The step that needs the operator's word, at which this stopped.
    pub stopped_before: Option<&'static str>,
    /// The command that goes on; none in `done`.
    pub next: Option<&'static str>,
}

/// One step.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// `start`, `advance`, `rollback` or `re-assertion`.
    pub step: String,
    /// The phase before.
    pub from: &'static str,
    /// The phase after.
    pub to: &'static str,
    /// The epoch after.
    pub epoch: u64,
}

/// An instance that was dropped.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvictionReport {
    /// Version of this layout.
    pub schema: &'static str,
    /// Its name.
    pub name: String,
    /// Identity of its process.
    pub incarnation: String,
    /// `stopped` or `lapsed`.
    pub proof: &'static str,
}

impl From<Eviction> for EvictionReport {
    fn from(eviction: Eviction) -> Self {
        Self {
            schema: "scalectl.state.eviction/1",
            name: eviction.name,
            incarnation: eviction.incarnation.to_string(),
            proof: proof_name(eviction.proof),
        }
    }
}

impl From<&Changed> for StepReport {
    fn from(changed: &Changed) -> Self {
        Self {
            step: changed.step.to_string(),
            from: changed.from.name(),
            to: changed.record.phase.name(),
            epoch: changed.record.stamp.epoch,
        }
    }
}

/// Where a row of steps leads.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The last phase.
    pub to: Phase,
    /// How long to wait before each step for what opens by itself.
    pub patience: Duration,
    /// Whether the operator has agreed to `strict`.
    pub confirmed: bool,
}

/// How far a row of steps came.
#[derive(Debug, Default)]
pub struct Travelled {
    /// The steps that were taken.
    pub changes: Vec<Changed>,
    /// Tombstones and sidecars that were collected.
    pub collected: Option<u64>,
    /// The phase that needs the operator's word.
    pub stopped_before: Option<Phase>,
}

impl Helm<'_> {
    /// Takes steps in one direction. `travelled` has what was done also when it fails.
    pub async fn travel(&mut self, route: Route, travelled: &mut Travelled) -> Result<(), StateError> {
        loop {
            let phase = self.survey().await?.record.phase;
            if phase == route.to {
                return Ok(());
            }
            let step = if phase < route.to { Step::Forward } else { Step::Back };
            if step == Step::Forward && phase.next() == Some(Phase::Strict) && !route.confirmed {
                travelled.stopped_before = Some(Phase::Strict);
                return Ok(());
            }
            if let Some(next) = phase.next().filter(|_| step == Step::Forward) {
                self.tell_before(next);
            }
            travelled.changes.push(self.step(step, route.patience).await?);
        }
    }

    /// What was changed, and who has still to acknowledge it after so long.
    pub async fn report(
        &mut self,
        travelled: &Travelled,
        patience: Duration,
    ) -> Result<ChangeReport, StateError> {
        let missing =
            if travelled.changes.is_empty() { Vec::new() } else { self.acknowledged(patience).await? };
        let record = self.survey().await?.record;
        Ok(ChangeReport {
            schema: "scalectl.state.change/1",
            namespace: self.target.namespace.clone(),
            run: record.run.to_string(),
            changes: travelled.changes.iter().map(StepReport::from).collect(),
            phase: record.phase.name(),
            epoch: record.stamp.epoch,
            missing: missing.iter().map(BlockerReport::from).collect(),
            collected: travelled.collected,
            stopped_before: travelled.stopped_before.map(Phase::name),
            next: (record.phase != Phase::Done).then(|| next_command(record.phase)),
        })
    }
}

/// A row of steps that stopped after its first is half-way, whatever stopped it: the same command goes on.
pub fn half_way(error: StateError, travelled: &Travelled, resume: &str) -> StateError {
    if travelled.changes.is_empty() || matches!(error, StateError::Interrupted) {
        return error;
    }
    let done =
        travelled.changes.iter().map(|changed| format!("{} -> {}", changed.from, changed.record.phase));
    let done = done.collect::<Vec<_>>().join(", ");
    StateError::HalfWay { reason: error.to_string(), done, resume: resume.to_owned() }
}
