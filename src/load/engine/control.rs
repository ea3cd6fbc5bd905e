//! The steps that steer: lists, pauses, loops, branches, assignments.

use futures_util::future::BoxFuture;
use rand::RngExt;
use serde_json::Value;
use tokio::time::Instant;

use super::session::{connection_lost, keep_driving};
use super::user::{Ending, StepResult, VirtualUser};
use crate::load::recorder::Failure;
use crate::load::scenario::plan::{Loop, Step, Think, Times};

impl VirtualUser {
    /// Goes through `steps` until one fails or the user's time is over.
    pub(super) fn steps<'a>(&'a mut self, steps: &'a [Step]) -> BoxFuture<'a, StepResult> {
        Box::pin(async move {
            for step in steps {
                if self.is_over() {
                    return Err(Ending::Cut);
                }
                self.step(step).await?;
            }
            Ok(())
        })
    }

    async fn step(&mut self, step: &Step) -> StepResult {
        match step {
            Step::Http(step) => self.http(step).await,
            Step::Connect(step) => self.connect(step).await,
            Step::Emit(step) => self.emit(step).await,
            Step::Receive(step) => self.receive(step).await,
            Step::Ws(step) => self.ws(step).await,
            Step::Think(think) => self.think(*think).await,
            Step::Loop(repeat) => self.repeat(repeat).await,
            Step::If { condition, then, otherwise } => {
                let is_true = condition.is_true(&self.slots).map_err(|error| self.broken(&error))?;
                self.steps(if is_true { then } else { otherwise }).await
            }
            Step::Set(values) => {
                for (slot, template) in values {
                    let value = template.render(&self.slots).map_err(|error| self.broken(&error))?;
                    self.slots[*slot] = Some(value);
                }
                Ok(())
            }
        }
    }

    async fn repeat(&mut self, repeat: &Loop) -> StepResult {
        let builtin = self.shared.plan.builtin;
        let items = match &repeat.times {
            Times::Over(list) => Some(self.items(list.render(&self.slots))?),
            _ => None,
        };
        let mut round = 0_usize;
        loop {
            let goes_on = match (&repeat.times, &items) {
                (Times::Count(count), _) => round < *count as usize,
                (Times::While(condition), _) => {
                    condition.is_true(&self.slots).map_err(|error| self.broken(&error))?
                }
                (Times::Over(_), Some(items)) => round < items.len(),
                (Times::Over(_), None) => false,
                (Times::Forever, _) => Instant::now() < self.ends_at,
            };
            if !goes_on {
                return Ok(());
            }
            if self.is_over() {
                return Err(Ending::Cut);
            }
            self.slots[builtin.loop_count] = Some((round + 1).into());
            if let Some(items) = &items {
                self.slots[builtin.loop_element] = Some(items[round].clone());
            }
            self.steps(&repeat.body).await?;
            round += 1;
            // A body that never waits must not keep the other users of its thread from running.
            tokio::task::coop::consume_budget().await;
        }
    }

    fn items(&self, list: Result<Value, String>) -> Result<Vec<Value>, Ending> {
        match list {
            Ok(Value::Array(items)) => Ok(items),
            Ok(other) => Err(self.broken(&format!("`over` needs a list, found {other}"))),
            Err(error) => Err(self.broken(&error)),
        }
    }

    async fn think(&mut self, think: Think) -> StepResult {
        let pause = match think.max > think.min {
            true => rand::rng().random_range(think.min..=think.max),
            false => think.min,
        };
        let due = self.due + pause;
        let shared = std::sync::Arc::clone(&self.shared);
        let awaited = &shared.plan.scenarios[self.scenario].awaited;
        let is_closed = self.is_closed();
        let outcome = tokio::select! {
            biased;
            () = shared.stop.soft.cancelled() => return Err(Ending::Cut),
            () = tokio::time::sleep_until(self.ends_at), if is_closed && self.ends_at < due => return Err(Ending::Cut),
            () = tokio::time::sleep_until(due) => Ok(()),
            failure = keep_driving(self.session.as_mut(), awaited) => Err(failure),
        };
        match outcome {
            Ok(()) => {
                self.start_at(due);
                Ok(())
            }
            Err(failure) => self.lost(failure),
        }
    }

    /// The connection broke while nothing was asked of it.
    pub(super) fn lost(&mut self, failure: Failure) -> StepResult {
        if let Some(session) = self.session.take() {
            self.shared.recorder.loss(session.metric(), connection_lost(failure));
        }
        Err(Ending::Fruitless)
    }

    /// An expression that has no value ends the iteration and is counted where it can be seen.
    pub(super) fn broken(&self, error: &str) -> Ending {
        self.shared.recorder.script_error(error);
        Ending::Fruitless
    }
}
