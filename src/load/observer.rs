//! Takes in what the processes of a run tell, judges it second by second, and sums it up in the end.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::beat::Beat;
use super::crew::Live;
use super::disconnect::DisconnectReport;
use super::engine::Once;
use super::fanout::FanoutReport;
use super::ledger::{Ledger, Second};
use super::onlooker::Onlooker;
use super::report::{LoadReport, Observed};
use super::run::Progress;
use super::scenario::Plan;
use super::schedule::Load;
use super::section::Given;
use super::slo::Slo;
use super::slo::judge::Judge;
use super::storm::StormReport;
use super::stretch::Stretches;
use super::tally::Tally;
use super::timeline::Chronicle;

/// What is known of a run so far.
#[derive(Debug)]
pub struct Observer {
    plan: Arc<Plan>,
    ledger: Ledger,
    chronicle: Chronicle,
    stretches: Stretches,
    judges: Vec<Judge>,
    onlookers: Vec<Box<dyn Onlooker>>,
}

impl Observer {
    /// Of a run by this many processes.
    pub fn new(plan: Arc<Plan>, parts: usize) -> Self {
        Self::after(plan, parts, Duration::ZERO)
    }

    /// The same, where the first `warm_up`, in whole seconds, is seen and not measured.
    pub fn after(plan: Arc<Plan>, parts: usize, warm_up: Duration) -> Self {
        let warm_up_seconds = warm_up.as_secs_f64().ceil() as u32;
        let ledger = Ledger::new(parts, plan.metrics.len() + 1, warm_up_seconds);
        let late = |slo: &Slo| {
            let mut slo = slo.clone();
            slo.scope.from = slo.scope.from.max(ledger.warm_up());
            slo
        };
        Self {
            chronicle: Chronicle::new(plan.load.duration(), &plan.metrics),
            stretches: Stretches::new(plan.load.duration(), &plan.metrics),
            judges: plan.slos.iter().map(|slo| Judge::new(late(slo), &plan.metrics)).collect(),
            onlookers: Vec::new(),
            ledger,
            plan,
        }
    }

    /// The same, with these who look on.
    pub fn before(self, onlookers: Vec<Box<dyn Onlooker>>) -> Self {
        Self { onlookers, ..self }
    }

    /// Load starts then.
    pub fn begin(&mut self, start: Instant) {
        self.onlookers.iter_mut().for_each(|onlooker| onlooker.begin(start));
    }

    /// Takes in what a process tells. Whether the run is to end now, because a threshold says so.
    pub fn take(&mut self, part: usize, beat: Beat) -> bool {
        let closed = self.ledger.take(part, beat);
        self.see(&closed)
    }

    /// Adds what a section outside of the load did; gives what it has set.
    pub fn add(&mut self, done: Once) -> Given {
        self.ledger.add(&done.tally);
        self.onlookers.iter_mut().for_each(|onlooker| onlooker.add(&done.tally));
        done.given
    }

    /// A process will not say anything any more.
    pub fn lose(&mut self, part: usize) {
        let closed = self.ledger.lose(part);
        self.see(&closed);
    }

    /// Takes in seconds that are complete. Whether a threshold ends the run.
    fn see(&mut self, seconds: &[Second]) -> bool {
        let mut aborts = false;
        for second in seconds {
            self.chronicle.take(second);
            self.stretches.take(second);
            for judge in &mut self.judges {
                aborts |= judge.take(second);
            }
            self.onlookers.iter_mut().for_each(|onlooker| onlooker.see(second));
        }
        aborts
    }

    /// What the screen is told; `live` is what was done since the last beats, where that is known.
    pub fn progress(&self, elapsed: Duration, live: Option<Live>) -> Progress {
        let plan = &self.plan;
        let total = plan.load.duration();
        let elapsed = elapsed.min(total);
        let phase = plan.phases.iter().find(|(end, _)| elapsed <= *end);
        let (mut done, mut errors) = counts(plan, self.ledger.totals());
        let (mut active, mut begun) = (self.ledger.active(), self.ledger.begun());
        if let Some(live) = live {
            active = live.active;
            begun = 0;
            if self.ledger.is_warm() {
                begun = live.begun.saturating_sub(self.ledger.begun_before());
                done += live.done;
                errors += live.errors;
            }
        }
        Progress {
            phase: phase.map(|(_, name)| name.clone()).unwrap_or_default(),
            elapsed,
            total,
            active,
            begun,
            done,
            errors,
        }
    }

    /// The sum of it all.
    pub fn finish(self, is_interrupted: bool, lost: Vec<String>) -> LoadReport {
        let Self { plan, ledger, chronicle, stretches, judges, onlookers: _ } = self;
        let arrivals = match &plan.load {
            // Without a row nobody was missing for them.
            Load::Open { shape, .. } if ledger.spent().is_none() => {
                Some(shape.arrivals().saturating_sub(ledger.begun_before()))
            }
            Load::Open { .. } | Load::Closed { .. } => None,
        };
        // Steps that were finished after the end belong to the time that they took.
        let last = ledger.totals().last.unwrap_or_default().saturating_sub(ledger.warm_up());
        let measured = last.max(ledger.measured());
        let fanouts = FanoutReport::all(&plan.fanouts, &plan.metrics, &ledger.accounts().fanout);
        let storms = StormReport::all(&plan.storms, &ledger.accounts().storms);
        let disconnects = DisconnectReport::new(&ledger.accounts().disconnects);
        let result = |judge: &Judge| judge.result(measured, &fanouts, &storms, disconnects.as_ref());
        let slo = judges.iter().map(result).collect();
        let observed = Observed {
            ledger: &ledger,
            stretches: &stretches,
            measured,
            is_interrupted,
            arrivals,
            lost,
            slo,
            fanouts,
            storms,
            disconnects,
        };
        LoadReport::new(&plan, observed, chronicle.finish())
    }
}

/// Exchanges, and those of them that failed.
pub fn counts(plan: &Plan, tally: &Tally) -> (u64, u64) {
    let rows = plan.metrics.iter().zip(&tally.rows);
    let exchanges = rows.filter(|(metric, _)| metric.kind.is_exchange());
    exchanges.fold((0, 0), |(done, errors), (_, row)| (done + row.count, errors + row.errors))
}
