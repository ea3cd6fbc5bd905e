//! Runs a search on a bench: whatever it is that can run one step.

use std::time::Duration;

use super::CapacityError;
use super::search::{Ask, Search, Step};
use super::step::{Recovery, StepOutcome};
use crate::load::Progress;

/// The system is watched at this part of what it holds until it has recovered.
const REST: f64 = 0.5;

/// What is to be shown while a search goes on.
#[derive(Debug)]
pub enum Event<'e> {
    /// A step begins; the number counts from 1.
    Begun {
        /// Its number.
        number: usize,
        /// What is asked for.
        ask: &'e Ask,
    },
    /// It goes on.
    Running(&'e Progress),
    /// It is over and judged.
    Ended(&'e Step),
}

/// Where steps are run.
pub trait Bench {
    /// Gets ready: finds out what the scenario does at the level of the baseline. `false` after an interrupt.
    async fn prepare(&mut self, level: f64) -> Result<bool, CapacityError>;

    /// Runs one step. Nothing after an interrupt.
    async fn step(
        &mut self,
        ask: &Ask,
        watch: &mut dyn FnMut(&Progress),
    ) -> Result<Option<StepOutcome>, CapacityError>;

    /// Watches at `level` until the system is well again after an overload. Nothing after an interrupt.
    async fn recover(&mut self, level: f64) -> Result<Option<Recovery>, CapacityError>;
}

/// Runs `search` to its end, or to an interrupt: what is known then stays known.
pub async fn drive(
    search: &mut Search,
    bench: &mut impl Bench,
    mut tell: impl FnMut(Event<'_>),
) -> Result<(), CapacityError> {
    if !bench.prepare(search.terms().baseline).await? {
        return Ok(());
    }
    while let Some(ask) = search.next() {
        tell(Event::Begun { number: search.steps().len() + 1, ask: &ask });
        let outcome = bench.step(&ask, &mut |progress| tell(Event::Running(progress))).await?;
        let Some(mut outcome) = outcome else { return Ok(()) };
        if ask.is_overload() {
            let rest = search.terms().axis.round(REST * search.best().unwrap_or(search.terms().baseline));
            let recovery = bench.recover(rest).await?;
            let Some(recovery) = recovery else { return Ok(()) };
            outcome.recovery = Some(recovery);
        }
        search.take(outcome);
        search.steps().last().into_iter().for_each(|step| tell(Event::Ended(step)));
    }
    Ok(())
}

/// How a step's time is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// At its beginning, not measured.
    pub warm_up: Duration,
    /// Measured.
    pub window: Duration,
}
