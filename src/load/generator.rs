//! How well the generator did what it was asked to, and what follows from that for the verdict.
//!
//! A generator that is short of something makes a system look worse or loads it less than was asked for. Both
//! are told, and where they could have decided a verdict, the run is inconclusive.

use schemars::JsonSchema;
use serde::Serialize;

use super::report::{Observed, Times, times};
use super::vitals::Effort;
use crate::text::thousands;

/// Timers that fire this much later than asked, in microseconds, are part of life.
pub const HONEST_LAG_MICROS: f64 = 10_000.0;
/// More arrivals than this that never began are another load than was asked for.
const DROPPED_LIMIT: f64 = 0.01;
/// More of the users' time than this spent waiting for the generator is another load than was asked for.
const IDLED_LIMIT: f64 = 0.1;
/// Users that are woken this late on average, in microseconds, are short of CPU; less is a busy moment.
const IDLING_MICROS: f64 = 25_000.0;
/// Causes of failure that are this machine's own, with what helps.
const OWN_CAUSES: [(&str, &str); 2] = [
    ("no free file descriptor", "raise `ulimit -n`, or use more --workers"),
    ("no free local port", "widen net.ipv4.ip_local_port_range, or use more source addresses"),
];

/// How well the generator kept its own schedule.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GeneratorReport {
    /// How much later than asked timers fired; `null` when none was set.
    pub lag: Option<Times>,
    /// Arrivals that had to wait for a free user; their response times count the wait.
    pub late_starts: u64,
    /// Arrivals that were due and never began, because no user was free; `null` in the closed model.
    pub dropped_arrivals: Option<u64>,
    /// Virtual users that a mistake of the generator ended.
    pub broken_users: u32,
    /// Processes that made load.
    pub processes: u32,
    /// Processor time that they used, in seconds.
    pub cpu_seconds: f64,
    /// Processors of this machine that were busy with anything while load was made, percent.
    pub machine_busy_percent: f64,
    /// Their memory at the end, in bytes.
    pub rss_bytes: u64,
    /// Why the load was not what was asked for; empty when it was.
    pub doubts: Vec<String>,
}

impl GeneratorReport {
    /// Sums up what the processes said of themselves.
    pub fn new(observed: &Observed<'_>) -> Self {
        let ledger = observed.ledger;
        let totals = ledger.totals();
        let vitals: Vec<_> = ledger.vitals().collect();
        let mut effort = Effort::default();
        vitals.iter().for_each(|span| effort.absorb(Effort::between(&span.first, &span.last)));
        let dropped = observed.arrivals.map(|arrivals| arrivals.saturating_sub(ledger.begun()));
        let mut report = Self {
            lag: times(&totals.lag),
            late_starts: totals.late_starts,
            dropped_arrivals: dropped.filter(|_| !observed.is_interrupted),
            broken_users: ledger.broken_users(),
            processes: vitals.len() as u32,
            cpu_seconds: round(effort.cpu_seconds),
            machine_busy_percent: effort.machine_busy_percent().map_or(0.0, round),
            rss_bytes: vitals.iter().map(|span| span.last.rss_bytes).sum(),
            doubts: Vec::new(),
        };
        report.doubts = report.doubts(observed);
        report
    }

    fn doubts(&self, observed: &Observed<'_>) -> Vec<String> {
        let mut doubts = observed.lost.clone();
        let arrivals = observed.arrivals.unwrap_or(0) as f64;
        if let Some(dropped) =
            self.dropped_arrivals.filter(|dropped| *dropped as f64 > DROPPED_LIMIT * arrivals)
        {
            doubts.push(format!("{} arrivals never began, because no user was free", thousands(dropped)));
        }
        if self.broken_users > 0 {
            let broken = self.broken_users;
            doubts.push(format!("{broken} virtual users ended by a mistake of scalectl; please report it"));
        }
        doubts.extend(self.idled(observed));
        doubts.extend(own_failures(observed));
        doubts
    }

    /// In the closed model a user that is woken late does less: how much of all users' time that was.
    fn idled(&self, observed: &Observed<'_>) -> Option<String> {
        let lag = observed.ledger.totals().lag.histogram();
        let late_seconds = lag.mean() * lag.len() as f64 / 1e6;
        let user_seconds = observed.ledger.user_seconds();
        let part = late_seconds / user_seconds.max(1.0);
        let is_closed = observed.arrivals.is_none();
        (is_closed && lag.mean() > IDLING_MICROS && part > IDLED_LIMIT).then(|| {
            let percent = 100.0 * part;
            format!("users were woken late for {percent:.0} % of their time: this machine was short of CPU")
        })
    }
}

/// Whether a failure is this machine's own and not the target's.
pub fn is_own_cause(cause: &str) -> bool {
    OWN_CAUSES.iter().any(|(known, _)| *known == cause)
}

/// Connections that this machine itself refused.
fn own_failures(observed: &Observed<'_>) -> Vec<String> {
    let failures = &observed.ledger.totals().failures;
    let of =
        |cause: &str| failures.iter().filter(|(_, known, _)| *known == cause).map(|(.., f)| f.count).sum();
    let told = OWN_CAUSES.iter().filter_map(|(cause, help)| {
        let count: u64 = of(cause);
        (count > 0).then(|| format!("{} times this machine had {cause}: {help}", thousands(count)))
    });
    told.collect()
}

fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
