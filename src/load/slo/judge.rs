//! A threshold held against a run while it goes on: over its whole part of the run, or over every stretch of it.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Measure, Outcome, Scope, Slo, SloResult, WindowsResult};
use crate::load::disconnect::DisconnectReport;
use crate::load::fanout::FanoutReport;
use crate::load::fanout::report::FanoutSum;
use crate::load::ledger::Second;
use crate::load::scenario::plan::MetricDef;
use crate::load::storm::StormReport;
use crate::load::tally::{Row, Tally};

/// One threshold and what it has seen.
#[derive(Debug)]
pub struct Judge {
    slo: Slo,
    rows: Vec<usize>,
    seen: Row,
    /// Seconds of its part of the run that it has seen.
    seconds: u32,
    stretch: Option<Stretch>,
}

/// The last seconds, as many as a threshold is judged over.
#[derive(Debug)]
struct Stretch {
    length: usize,
    rows: VecDeque<Row>,
    sum: Row,
    worst: Option<f64>,
    result: WindowsResult,
}

impl Judge {
    /// For a run with these rows and one more for steps that could not be begun.
    pub fn new(slo: Slo, metrics: &[MetricDef]) -> Self {
        let rows = slo.rows(metrics);
        let stretch = slo.scope.window.map(Stretch::new);
        Self { slo, rows, seen: Row::default(), seconds: 0, stretch }
    }

    /// Takes a second in. Whether the run is to end now.
    pub fn take(&mut self, second: &Second) -> bool {
        let at = Duration::from_secs(second.number.into());
        let scope = &self.slo.scope;
        if at < scope.from || scope.to.is_some_and(|to| at >= to) {
            return false;
        }
        let row = self.select(&second.tally);
        self.seconds += 1;
        let Some(stretch) = &mut self.stretch else {
            self.seen.absorb(&row);
            return false;
        };
        let missed = stretch.take(row, &self.slo, second.number + 1);
        stretch.result.aborted |= missed && scope.aborts;
        stretch.result.aborted
    }

    /// What became of it; `measured` is how long load lasted.
    pub fn result(
        &self,
        measured: Duration,
        fanouts: &[FanoutReport],
        storms: &[StormReport],
        disconnects: Option<&DisconnectReport>,
    ) -> SloResult {
        if self.slo.measure.is_of_fanout() {
            return self.slo.judge(self.of_fanouts(fanouts));
        }
        if self.slo.measure == Measure::Steady {
            return self.of_absences(storms, disconnects);
        }
        match &self.stretch {
            Some(stretch) => stretch.result(&self.slo),
            None => self.slo.judge(observe(&self.slo, &self.seen, self.span(measured))),
        }
    }

    /// What somebody stayed away from has no end: no time is within a limit then, and none can be told. Where nobody was
    /// to be cut and nobody was lost, it has been steady all the time; a storm that met nobody says nothing.
    fn of_absences(&self, storms: &[StormReport], disconnects: Option<&DisconnectReport>) -> SloResult {
        let storms_that_cut = storms.iter().filter(|storm| storm.cut > 0).map(|storm| storm.steady_seconds);
        let times: Vec<_> =
            storms_that_cut.chain(disconnects.map(|disconnects| disconnects.steady_seconds)).collect();
        if times.iter().all(Option::is_some) {
            let steady = storms.is_empty().then_some(0.0);
            let longest = times.into_iter().flatten().reduce(f64::max).or(steady);
            return self.slo.judge(longest.map(|seconds| seconds * 1e6));
        }
        let outcome = if self.slo.holds(f64::INFINITY) { Outcome::Passed } else { Outcome::Failed };
        SloResult { outcome, ..self.slo.judge(None) }
    }

    /// What it measures of the fan-outs that it is about.
    fn of_fanouts(&self, fanouts: &[FanoutReport]) -> Option<f64> {
        let count = |sum: &FanoutSum| match self.slo.measure {
            Measure::Loss => sum.lost,
            Measure::Duplicates => sum.duplicates,
            _ => sum.out_of_order,
        };
        let meant =
            fanouts.iter().filter(|fanout| self.rows.contains(&fanout.row)).map(|fanout| &fanout.total);
        let (part, whole) =
            meant.fold((0, 0), |(part, whole), sum| (part + count(sum), whole + sum.expected));
        (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
    }

    /// How much of its part of the run took place, in seconds.
    fn span(&self, measured: Duration) -> f64 {
        match self.slo.scope {
            Scope { from: Duration::ZERO, to: None, .. } => measured.as_secs_f64(),
            // Only seconds that began within it were counted.
            _ => self.seconds.into(),
        }
    }

    fn select(&self, tally: &Tally) -> Row {
        let mut sum = Row::default();
        self.rows.iter().filter_map(|row| tally.rows.get(*row)).for_each(|row| sum.absorb(row));
        sum
    }
}

impl Stretch {
    fn new(window: Duration) -> Self {
        let length = usize::try_from(window.as_secs()).unwrap_or(usize::MAX).max(1);
        let result = WindowsResult { judged: 0, missed: 0, first_missed_at: None, aborted: false };
        Self { length, rows: VecDeque::new(), sum: Row::default(), worst: None, result }
    }

    /// Whether the stretch that ends with this second misses the threshold.
    fn take(&mut self, row: Row, slo: &Slo, now: u32) -> bool {
        self.sum.absorb(&row);
        self.rows.push_back(row);
        if self.rows.len() > self.length
            && let Some(oldest) = self.rows.pop_front()
        {
            self.sum.shed(&oldest);
        }
        if self.rows.len() < self.length {
            return false;
        }
        let Some(value) = observe(slo, &self.sum, self.length as f64) else { return false };
        let missed = !slo.holds(value);
        self.result.judged += 1;
        self.result.missed += u32::from(missed);
        if missed {
            self.result.first_missed_at.get_or_insert(now);
        }
        if self.worst.is_none_or(|worst| slo.is_worse(value, worst)) {
            self.worst = Some(value);
        }
        missed
    }

    fn result(&self, slo: &Slo) -> SloResult {
        let outcome = match self.result {
            WindowsResult { missed: 1.., .. } => Outcome::Failed,
            WindowsResult { judged: 0, .. } => Outcome::Inconclusive,
            _ => Outcome::Passed,
        };
        SloResult { outcome, windows: Some(self.result), ..slo.judge(self.worst) }
    }
}

/// What `row` comes to over so many seconds, in the unit of the threshold; `None` when nothing was measured.
fn observe(slo: &Slo, row: &Row, seconds: f64) -> Option<f64> {
    match slo.measure {
        Measure::Errors => (row.count > 0).then(|| 100.0 * row.errors as f64 / row.count as f64),
        Measure::Rate => (row.count > 0).then(|| row.count as f64 / seconds.max(1e-3)),
        Measure::Count => Some(row.count as f64),
        Measure::CacheHits => {
            (row.cache_answers > 0).then(|| 100.0 * row.cache_hits as f64 / row.cache_answers as f64)
        }
        time => time.of(&row.response),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Judge;
    use crate::load::disconnect::{Book, DisconnectReport, Return};
    use crate::load::ledger::Second;
    use crate::load::scenario::plan::{MetricDef, MetricKind};
    use crate::load::slo::{Outcome, Scope, Slo};
    use crate::load::tally::Tally;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn judge(text: &str, scope: Scope) -> Judge {
        let metric = |name: &str, kind| MetricDef::of_http(name, kind);
        let metrics = [metric("GET /", MetricKind::Exchange), metric("receive", MetricKind::Wait)];
        let slo = Slo { scope, ..Slo::parse(text, &["GET /", "receive"]).unwrap() };
        Judge::new(slo, &metrics)
    }

    /// Ten requests that took so long, and a wait in vain.
    fn second(number: u32, millis: u64) -> Second {
        let mut tally = Tally::new(3);
        let time = Duration::from_millis(millis);
        (0..10).for_each(|_| tally.rows[0].add(time, time));
        tally.rows[1].count = 1;
        tally.rows[1].errors = 1;
        Second { number, tally, active: 1, effort: None }
    }

    #[test]
    fn what_is_before_and_after_its_part_does_not_count() {
        let scope = Scope { from: seconds(2), to: Some(seconds(4)), ..Scope::default() };
        let mut slow_outside = judge("max < 50ms", scope.clone());
        let mut rate = judge("rate >= 10", scope);
        for (number, millis) in [(0, 900), (1, 900), (2, 10), (3, 10), (4, 900)] {
            assert!(!slow_outside.take(&second(number, millis)));
            rate.take(&second(number, millis));
        }
        assert_eq!(slow_outside.result(seconds(5), &[], &[], None).outcome, Outcome::Passed);
        assert_eq!(rate.result(seconds(5), &[], &[], None).observed, Some(10.0));
    }

    #[test]
    fn every_stretch_has_to_hold_and_the_worst_is_told() {
        let scope = Scope { window: Some(seconds(2)), ..Scope::default() };
        let mut judge = judge("mean < 100ms", scope);
        for (number, millis) in [(0, 10), (1, 10), (2, 300), (3, 10), (4, 10)] {
            assert!(!judge.take(&second(number, millis)));
        }
        let result = judge.result(seconds(5), &[], &[], None);
        let windows = result.windows.unwrap();
        assert_eq!((windows.judged, windows.missed, windows.first_missed_at), (4, 2, Some(3)));
        assert_eq!(result.outcome, Outcome::Failed);
        assert!((result.observed.unwrap() - 155_000.0).abs() < 1_000.0, "{result:?}");
    }

    #[test]
    fn a_run_ends_with_the_first_stretch_that_misses_only_when_asked_to() {
        let scope = Scope { window: Some(seconds(1)), aborts: true, ..Scope::default() };
        let mut judge = judge("max < 100ms", scope);
        let told: Vec<_> =
            [10, 10, 500].iter().zip(0..).map(|(ms, at)| judge.take(&second(at, *ms))).collect();
        assert_eq!(told, [false, false, true]);
        assert!(judge.result(seconds(3), &[], &[], None).windows.unwrap().aborted);
    }

    #[test]
    fn a_stretch_that_never_was_whole_is_no_verdict() {
        let mut judge = judge("max < 1s", Scope { window: Some(seconds(10)), ..Scope::default() });
        judge.take(&second(0, 1));
        assert_eq!(judge.result(seconds(1), &[], &[], None).outcome, Outcome::Inconclusive);
    }

    #[test]
    fn errors_count_waits_in_vain_unless_a_row_is_named() {
        let (mut all, mut one) =
            (judge("errors < 5%", Scope::default()), judge("errors of GET / < 5%", Scope::default()));
        all.take(&second(0, 1));
        one.take(&second(0, 1));
        assert!((all.result(seconds(1), &[], &[], None).observed.unwrap() - 100.0 / 11.0).abs() < 1e-9);
        assert_eq!(one.result(seconds(1), &[], &[], None).observed, Some(0.0));
    }

    #[test]
    fn it_is_steady_while_nobody_is_away_and_never_where_somebody_stays_away() {
        let steady = judge("steady < 2s", Scope::default());
        let outcome = |book: &Book| {
            let disconnects = DisconnectReport::new(&book.tally());
            let result = steady.result(seconds(60), &[], &[], disconnects.as_ref());
            (result.observed, result.outcome)
        };
        let book = Book::default();
        assert_eq!(outcome(&book), (Some(0.0), Outcome::Passed));
        let lost = || book.lost(1, seconds(10), "connection reset".to_owned());
        lost();
        book.back(1, seconds(11), Return::Rejoined);
        assert_eq!(outcome(&book), (Some(1e6), Outcome::Passed));
        lost();
        assert_eq!(outcome(&book), (None, Outcome::Failed));
    }
}
