//! What is told of each second: counts since the start, and the percentiles of the second itself.

use tokio::time::Instant;

use crate::load::ledger::Second;
use crate::load::scenario::Plan;
use crate::load::scenario::plan::{MetricKind, SCRIPT_ROW, exchanges};
use crate::load::scenario::template::epoch_micros;
use crate::load::tally::{Row, Tally};
use crate::load::timeline::{PointTimes, point_times};

/// What stays the same from second to second.
#[derive(Debug)]
pub struct Subject {
    /// Labels that stand on every figure.
    pub labels: Vec<(String, String)>,
    /// Rows with their kinds, in the order of the file.
    pub rows: Vec<(String, &'static str)>,
    exchanges: Vec<usize>,
}

/// How a run stands at a moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Moment {
    /// Milliseconds since 1970.
    pub at: u64,
    /// When load started, in milliseconds since 1970.
    pub start: u64,
    /// Users within an iteration.
    pub users: u32,
    /// All exchanges together.
    pub total: Figure,
    /// Row by row.
    pub rows: Vec<Figure>,
    /// How late the generator's timers were.
    pub lag: Option<PointTimes>,
}

/// How a row stands.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Figure {
    /// Steps since the start.
    pub count: u64,
    /// Those that failed.
    pub errors: u64,
    /// Response times in the last second.
    pub response: Option<PointTimes>,
}

/// Sums a run up.
#[derive(Debug)]
pub struct Figures {
    exchanges: Vec<usize>,
    start: u64,
    is_begun: bool,
    last: Moment,
}

impl Subject {
    /// A plan's rows.
    pub fn new(plan: &Plan, labels: &[(String, String)]) -> Self {
        let script = (SCRIPT_ROW.to_owned(), MetricKind::Exchange.word());
        let named = plan.metrics.iter().map(|metric| (metric.name.clone(), metric.kind.word()));
        Self {
            labels: labels.to_vec(),
            rows: named.chain([script]).collect(),
            exchanges: exchanges(&plan.metrics).chain([plan.metrics.len()]).collect(),
        }
    }
}

impl Figures {
    /// Nothing yet.
    pub fn new(subject: &Subject) -> Self {
        let rows = vec![Figure::default(); subject.rows.len()];
        let last = Moment { rows, ..Moment::default() };
        Self { exchanges: subject.exchanges.clone(), start: 0, is_begun: false, last }
    }

    /// Load starts then.
    pub fn begin(&mut self, start: Instant) {
        let until = start.saturating_duration_since(Instant::now()).as_micros() as u64;
        self.start = (epoch_micros() + until) / 1_000;
    }

    /// How the run stands at the end of a second.
    pub fn take(&mut self, second: &Second) -> Moment {
        self.is_begun = true;
        self.sum(&second.tally);
        self.last.users = second.active;
        self.moment(self.start + 1_000 * (u64::from(second.number) + 1))
    }

    /// Adds what was done once. What comes before the load is told with its first second.
    pub fn add(&mut self, tally: &Tally) -> Option<Moment> {
        self.sum(tally);
        self.last.users = 0;
        self.is_begun.then(|| self.moment(epoch_micros() / 1_000))
    }

    fn moment(&mut self, at: u64) -> Moment {
        // Receivers refuse a second value for one time.
        self.last.at = at.max(self.last.at + 1);
        self.last.start = self.start;
        self.last.clone()
    }

    fn sum(&mut self, tally: &Tally) {
        let mut all = Row::default();
        self.exchanges.iter().filter_map(|row| tally.rows.get(*row)).for_each(|row| all.absorb(row));
        self.last.total.add(&all);
        self.last.rows.iter_mut().zip(&tally.rows).for_each(|(figure, row)| figure.add(row));
        self.last.lag = point_times(&tally.lag);
    }
}

impl Figure {
    fn add(&mut self, row: &Row) {
        self.count += row.count;
        self.errors += row.errors;
        self.response = point_times(&row.response);
    }
}

impl PointTimes {
    /// Quantiles with their times in seconds; the last is the longest.
    pub fn quantiles(&self) -> [(&'static str, f64); 4] {
        let seconds = |micros: u64| micros as f64 / 1e6;
        [
            ("0.5", seconds(self.p50)),
            ("0.95", seconds(self.p95)),
            ("0.99", seconds(self.p99)),
            ("1", seconds(self.max)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Figures, Subject};
    use crate::load::ledger::Second;
    use crate::load::tally::Tally;

    fn tally(counts: [u64; 3]) -> Tally {
        let mut tally = Tally::new(3);
        for (row, count) in tally.rows.iter_mut().zip(counts) {
            (0..count).for_each(|n| row.add(Duration::from_millis(n + 1), Duration::ZERO));
        }
        tally
    }

    #[tokio::test]
    async fn counts_grow_and_percentiles_are_of_the_second() {
        let row = |name: &str, kind| (name.to_owned(), kind);
        let rows = vec![row("GET /", "exchange"), row("wait", "wait"), row("(script)", "exchange")];
        let subject = Subject { labels: Vec::new(), rows, exchanges: vec![0, 2] };
        let mut figures = Figures::new(&subject);
        assert_eq!(figures.add(&tally([0, 0, 2])), None);
        figures.begin(Instant::now());
        let second = |number, counts| Second { number, tally: tally(counts), active: 7, effort: None };
        let first = figures.take(&second(0, [10, 5, 0]));
        let next = figures.take(&second(1, [1, 5, 0]));
        assert_eq!((first.total.count, next.total.count, next.rows[1].count), (12, 13, 10));
        assert_eq!((next.total.response.unwrap().max, next.users, next.at - first.at), (1_000, 7, 1_000));
        assert_eq!((first.at - first.start, first.start), (1_000, next.start));
        let after = figures.add(&tally([0, 0, 1])).unwrap();
        assert_eq!((after.total.count, after.users), (14, 0));
        assert!(after.at > next.at, "two values for one time");
    }
}
