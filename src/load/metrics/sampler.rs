//! Asks the systems once a second while a run goes on, in a task of its own: a system that is slow to answer costs
//! looks, never load.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::sources::{Snapshot, Sources};
use super::{Absent, Reading};
use crate::load::ledger::Second;
use crate::load::onlooker::Onlooker;
use crate::load::tally::Tally;
use crate::load::timeline::step_seconds;

/// What the systems said of themselves while load was made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerReport {
    /// Seconds between two looks; more where a system was slow to answer.
    pub step_seconds: u32,
    /// Quantity by quantity.
    pub series: Vec<ServerSeries>,
    /// Sources that were not there at the beginning, and were not asked again.
    pub absent: Vec<Absent>,
    /// Sources that did not answer every time.
    pub faults: Vec<Fault>,
}

/// One quantity over time.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ServerSeries {
    /// `target`, `mongodb`, `redis` or `host`.
    pub source: &'static str,
    /// What it is.
    pub name: &'static str,
    /// Of what: `cores`, `%`, `ms`, `MiB`, `/s`, or empty.
    pub unit: &'static str,
    /// In order of time.
    pub points: Vec<ServerPoint>,
}

/// How much of it there was between two looks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct ServerPoint {
    /// The earlier look, in seconds since the start of the load.
    pub at: u32,
    /// What grew in between, as a rate; else what it was at the later look.
    pub value: f64,
    /// How near to its own limit, 1 being at it; `null` where it has none.
    pub saturation: Option<f64>,
}

/// A source that did not answer every time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Fault {
    /// Which.
    pub source: &'static str,
    /// Why, the first time.
    pub reason: String,
    /// How often.
    pub missed: u32,
    /// Of so many looks.
    pub looks: u32,
}

/// Asks while a run goes on.
#[derive(Debug)]
pub struct Sampler {
    begin: watch::Sender<Option<Instant>>,
    over: CancellationToken,
    task: JoinHandle<ServerReport>,
}

/// Tells a sampler when load starts.
#[derive(Debug)]
struct Starter(watch::Sender<Option<Instant>>);

impl Sampler {
    /// Asks these sources from the start of a run that is meant to last so long.
    pub fn start(sources: Sources, duration: Duration) -> Self {
        let (begin, begun) = watch::channel(None);
        let over = CancellationToken::new();
        let task = tokio::spawn(sample(sources, step_seconds(duration), begun, over.clone()));
        Self { begin, over, task }
    }

    /// Has to look on, to know when load starts.
    pub fn onlooker(&self) -> Box<dyn Onlooker> {
        Box::new(Starter(self.begin.clone()))
    }

    /// Load is over.
    pub async fn finish(self) -> ServerReport {
        self.over.cancel();
        // A source that made it panic is a mistake of ours, and no reason to lose the run.
        self.task.await.unwrap_or_default()
    }
}

impl Onlooker for Starter {
    fn begin(&mut self, start: Instant) {
        self.0.send_replace(Some(start));
    }

    fn see(&mut self, _: &Second) {}

    fn add(&mut self, _: &Tally) {}
}

async fn sample(
    sources: Sources,
    step_seconds: u32,
    mut begun: watch::Receiver<Option<Instant>>,
    over: CancellationToken,
) -> ServerReport {
    let absent = sources.absent().to_vec();
    let mut report = ServerReport { step_seconds, absent, ..ServerReport::default() };
    let start = tokio::select! {
        start = begun.wait_for(Option::is_some) => start.ok().and_then(|start| *start),
        () = over.cancelled() => None,
    };
    let Some(start) = start else { return report };
    tokio::time::sleep_until(start).await;
    let step = Duration::from_secs(step_seconds.into());
    let mut looks = Looks { sources, start, before: None, count: 0 };
    looks.take(&mut report).await;
    let mut tick = interval_at(start + step, step);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            biased;
            _ = tick.tick() => looks.take(&mut report).await,
            () = over.cancelled() => break,
        }
    }
    if report.series.is_empty() {
        looks.take(&mut report).await;
    }
    report.faults.iter_mut().for_each(|fault| fault.looks = looks.count);
    report
}

struct Looks {
    sources: Sources,
    start: Instant,
    before: Option<Snapshot>,
    count: u32,
}

impl Looks {
    async fn take(&mut self, report: &mut ServerReport) {
        let after = self.sources.snapshot().await;
        self.count += 1;
        after.faults().iter().for_each(|fault| report.miss(fault));
        if let Some(before) = &self.before {
            let at = before.at().duration_since(self.start).as_secs_f64().round() as u32;
            let readings = self.sources.readings(before, &after);
            readings.iter().for_each(|reading| report.take(at, reading));
        }
        self.before = Some(after);
    }
}

impl ServerReport {
    fn take(&mut self, at: u32, reading: &Reading) {
        let Reading { source, name, value, unit, saturation } = *reading;
        let round = |value: f64| (value * 1e3).round() / 1e3;
        let point = ServerPoint { at, value: round(value), saturation: saturation.map(round) };
        match self.series.iter_mut().find(|series| series.source == source && series.name == name) {
            Some(series) => series.points.push(point),
            None => self.series.push(ServerSeries { source, name, unit, points: vec![point] }),
        }
    }

    fn miss(&mut self, Absent { source, reason }: &Absent) {
        match self.faults.iter_mut().find(|fault| fault.source == *source) {
            Some(fault) => fault.missed += 1,
            None => self.faults.push(Fault { source, reason: reason.clone(), missed: 1, looks: 0 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Absent, Reading, ServerReport};

    fn reading(name: &'static str, value: f64) -> Reading {
        Reading { source: "redis", name, value, unit: "", saturation: Some(value / 10.0) }
    }

    #[test]
    fn readings_of_one_quantity_are_a_series_and_gaps_are_left_out() {
        let mut report = ServerReport::default();
        report.take(0, &reading("clients", 1.0));
        report.take(0, &reading("CPU", 0.123_456));
        report.take(3, &reading("clients", 2.0));
        let shown: Vec<_> = report
            .series
            .iter()
            .map(|series| (series.name, series.points.iter().map(|p| (p.at, p.value)).collect::<Vec<_>>()))
            .collect();
        assert_eq!(shown, [("clients", vec![(0, 1.0), (3, 2.0)]), ("CPU", vec![(0, 0.123)])]);
    }

    #[test]
    fn a_source_that_fails_again_and_again_is_told_once_with_its_first_reason() {
        let mut report = ServerReport::default();
        for reason in ["connection refused", "no answer within 3.0s"] {
            report.miss(&Absent { source: "redis", reason: reason.to_owned() });
        }
        let told: Vec<_> = report.faults.iter().map(|fault| (fault.reason.as_str(), fault.missed)).collect();
        assert_eq!(told, [("connection refused", 2)]);
    }
}
