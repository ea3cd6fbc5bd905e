//! The steps that steer: lists, pauses, loops, branches, assignments.

use std::borrow::Cow;

use futures_util::future::BoxFuture;
use rand::RngExt;
use serde_json::Value;
use tokio::time::Instant;

use super::session::{Session, connection_lost, keep_driving};
use super::user::{Ending, StepResult, VirtualUser};
use crate::load::recorder::Failure;
use crate::load::scenario::compile::parse_think;
use crate::load::scenario::model::ThinkTime;
use crate::load::scenario::plan::{Loop, Step, Think, Times};
use crate::load::scenario::template::{JsonTemplate, Template};

/// A pause that an expression gives is not longer than one that is written.
const LONGEST_THINK_SECONDS: f64 = 86_400.0;

/// What a loop goes through.
struct Rounds<'s> {
    first: u64,
    end: u64,
    items: Option<Cow<'s, [Value]>>,
}

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

    pub(super) async fn step(&mut self, step: &Step) -> StepResult {
        match step {
            // Boxed: each list of steps that a user is in holds a pointer, not the largest state of all steps.
            Step::Http(step) => Box::pin(self.http(step)).await,
            Step::Connect(step) => self.connect(step).await,
            Step::Emit(step) => self.emit(step).await,
            Step::Receive(step) => self.receive(step).await,
            Step::Fanout(step) => self.fanout(step).await,
            Step::Ws(step) => self.ws(step).await,
            Step::Think(think) => Box::pin(self.think(*think)).await,
            Step::ThinkComputed(template) => {
                let think = self.computed_think(template).map_err(|error| self.broken(&error))?;
                Box::pin(self.think(think)).await
            }
            Step::Parallel(parallel) => Box::pin(self.parallel(parallel)).await,
            Step::Loop(repeat) => self.repeat(repeat).await,
            Step::If { condition, then, otherwise } => {
                let is_true = condition.is_true(&self.slots).map_err(|error| self.broken(&error))?;
                self.steps(if is_true { then } else { otherwise }).await
            }
            Step::Set(values) => {
                for (slot, template) in values {
                    let value = template.render(&self.slots).map_err(|error| self.broken(&error))?;
                    self.slots.set(*slot, value);
                }
                Ok(())
            }
        }
    }

    async fn repeat(&mut self, repeat: &Loop) -> StepResult {
        let builtin = self.shared.plan.builtin;
        let rounds = self.rounds(&repeat.times).map_err(|error| self.broken(&error))?;
        let mut round = rounds.first;
        loop {
            let goes_on = match &repeat.times {
                Times::While(condition) => {
                    condition.is_true(&self.slots).map_err(|error| self.broken(&error))?
                }
                Times::Forever => Instant::now() < self.ends_at,
                Times::Count(..) | Times::Computed(_) | Times::Over(_) => round < rounds.end,
            };
            if !goes_on {
                return Ok(());
            }
            if self.is_over() {
                return Err(Ending::Cut);
            }
            self.slots.set(builtin.loop_count, round.into());
            let index = usize::try_from(round).unwrap_or(usize::MAX);
            let element = rounds.items.as_ref().and_then(|items| items.get(index)).cloned();
            self.slots.set(builtin.loop_element, element.unwrap_or_else(|| round.into()));
            self.steps(&repeat.body).await?;
            round += 1;
            // A body that never waits must not keep the other users of its thread from running.
            tokio::task::coop::consume_budget().await;
        }
    }

    /// From which round to which a loop goes, and the list that it goes through.
    fn rounds<'s>(&self, times: &'s Times) -> Result<Rounds<'s>, String> {
        let none = Rounds { first: 0, end: 0, items: None };
        Ok(match times {
            Times::Count(first, end) => Rounds { first: *first, end: *end, ..none },
            Times::Computed(template) => Rounds { end: self.computed_count(template)?, ..none },
            Times::Over(list) => {
                let items = self.items(list)?;
                Rounds { end: items.len() as u64, items: Some(items), ..none }
            }
            Times::While(_) | Times::Forever => none,
        })
    }

    /// How often, where an expression says it.
    pub(super) fn computed_count(&self, template: &Template) -> Result<u64, String> {
        let text = template.render(&self.slots)?;
        text.trim().parse().map_err(|_| format!("`count` is no number: {text}"))
    }

    fn items<'s>(&self, list: &'s JsonTemplate) -> Result<Cow<'s, [Value]>, String> {
        if let Some(Value::Array(items)) = list.as_static() {
            return Ok(Cow::Borrowed(items));
        }
        match list.render(&self.slots)? {
            Value::Array(items) => Ok(Cow::Owned(items)),
            other => Err(format!("`over` needs a list, found {other}")),
        }
    }

    fn computed_think(&self, template: &Template) -> Result<Think, String> {
        let text = template.render(&self.slots)?;
        let think = match text.trim().parse::<f64>() {
            Ok(seconds) if (0.0..=LONGEST_THINK_SECONDS).contains(&seconds) => ThinkTime::Seconds(seconds),
            _ => ThinkTime::Text(text),
        };
        parse_think(&think).map(|think| Think { max: think.max.max(think.min), ..think })
    }

    pub(super) async fn think(&mut self, think: Think) -> StepResult {
        let pause = match think.max > think.min {
            true => self.slots.chance.draw(|chance| chance.random_range(think.min..=think.max)),
            false => think.min,
        };
        let due = self.due + pause;
        let shared = std::sync::Arc::clone(&self.shared);
        let awaited = &shared.plan.scenarios[self.scenario].awaited;
        let wakes = if self.is_closed() { due.min(self.ends_at) } else { due };
        let outcome = tokio::select! {
            biased;
            () = shared.stop.soft.cancelled() => return Err(Ending::Cut),
            () = tokio::time::sleep_until(wakes) => Ok(()),
            failure = keep_driving(self.session.as_mut(), awaited) => Err(failure),
        };
        match outcome {
            Ok(()) if wakes < due => Err(Ending::Cut),
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
            self.session = Some(session).filter(Session::owes_goodbye);
        }
        Err(Ending::Fruitless)
    }

    /// An expression that has no value ends the iteration and is counted where it can be seen.
    pub(super) fn broken(&self, error: &str) -> Ending {
        self.shared.recorder.script_error(error);
        Ending::Fruitless
    }
}
