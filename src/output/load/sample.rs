//! A report to be rendered by tests, with names that a careless page would obey.

use std::time::Duration;

use crate::load::LoadReport;
use crate::load::generator::GeneratorReport;
use crate::load::ledger::Second;
use crate::load::metrics::Absent;
use crate::load::metrics::sampler::{ServerPoint, ServerReport, ServerSeries};
use crate::load::report::{FailureReport, RowReport, Times, Verdict};
use crate::load::scenario::plan::{MetricDef, MetricKind};
use crate::load::slo::{Outcome, SloResult};
use crate::load::tally::Tally;
use crate::load::timeline::Chronicle;
use crate::load::vitals::Effort;

const CAUSE: &str = "</script><script>alert(2)</script><img onerror=alert(3)>";

/// Thirty seconds of two rows.
pub fn report() -> LoadReport {
    let names = ["GET /feed", "=SUM(<script>alert(1)</script>)"];
    let metrics = names.map(|name| MetricDef::of_http(name, MetricKind::Exchange));
    let mut chronicle = Chronicle::new(Duration::from_secs(30), &metrics);
    (0..30).for_each(|number| chronicle.take(&second(number)));
    LoadReport {
        seed: 1,
        notes: Vec::new(),
        schema: "scalectl.loadtest/1",
        scenario: "<b>feed.yaml".to_owned(),
        target: "http://127.0.0.1:8080".to_owned(),
        verdict: Verdict::Failed,
        users: 50,
        duration_seconds: 30.0,
        stretch_seconds: 2,
        iterations: 2_400,
        total: row("all exchanges", 4_800),
        rows: names.map(|name| row(name, 2_400)).into(),
        fanouts: Vec::new(),
        storms: Vec::new(),
        disconnects: None,
        failures: vec![FailureReport {
            row: names[1].to_owned(),
            cause: CAUSE.to_owned(),
            count: 30,
            sample: CAUSE.to_owned(),
        }],
        slo: vec![
            slo("errors < 1%", Some(0.6), "%", Outcome::Passed),
            slo("p95 < 50ms", Some(93_400.0), "µs", Outcome::Failed),
            slo("p95 of \"GET /rare\" < 1s", None, "µs", Outcome::Inconclusive),
        ],
        generator: GeneratorReport {
            lag: Some(times()),
            late_starts: 0,
            dropped_arrivals: None,
            broken_users: 0,
            processes: 1,
            cpu_seconds: 3.2,
            machine_busy_percent: 41.0,
            rss_bytes: 30 << 20,
            doubts: Vec::new(),
        },
        timeline: chronicle.finish(),
        server: Some(server()),
    }
}

/// Two systems, one of which was not there.
fn server() -> ServerReport {
    let points = (0..30).map(|at| ServerPoint { at, value: 0.8, saturation: Some(0.4) }).collect();
    ServerReport {
        step_seconds: 1,
        series: vec![ServerSeries { source: "target", name: "CPU", unit: "cores", points }],
        absent: vec![Absent { source: "redis", reason: CAUSE.to_owned() }],
        faults: Vec::new(),
    }
}

fn second(number: u32) -> Second {
    let mut tally = Tally::new(3);
    for n in 0..80 {
        let time = Duration::from_micros(2_000 + 700 * n + u64::from(number) * 40);
        (0..2).for_each(|row: usize| tally.rows[row].add(time, time));
        tally.lag.record(Duration::from_micros(100 + n));
    }
    tally.rows[1].errors = 1;
    tally.failures.add(1, CAUSE.to_owned(), 1, || CAUSE.to_owned());
    let effort = Effort { cpu_seconds: 0.1, machine_busy_seconds: 0.8, machine_idle_seconds: 1.2 };
    Second { number, tally, active: 50, effort: Some(effort) }
}

fn row(name: &str, count: u64) -> RowReport {
    RowReport {
        tags: Default::default(),
        name: name.to_owned(),
        kind: "exchange",
        count,
        errors: 30,
        rate: count as f64 / 30.0,
        response: Some(times()),
        service: Some(times()),
        histogram: crate::load::tally::Times::default(),
        stretches: Vec::new(),
    }
}

fn times() -> Times {
    Times {
        min: 2_000,
        mean: 30_000.0,
        p50: 30_100,
        p90: 52_000,
        p95: 93_400,
        p99: 95_000,
        p999: 95_100,
        max: 95_200,
    }
}

fn slo(text: &str, observed: Option<f64>, unit: &'static str, outcome: Outcome) -> SloResult {
    SloResult { slo: text.to_owned(), observed, unit, outcome, windows: None }
}
