//! One page with everything, which needs nothing beside itself: no network, no other file.
//!
//! Names and causes come from servers and files: the template escapes whatever it is given, and the page's own policy
//! runs no script but its own.

pub(super) mod charts;
mod systems;

use std::io;

use serde::Serialize;

use super::systems::unheard;
use super::{disconnect, doubts, fanout, measured, outcome_word, percent, storm, time, verdict_words};
use crate::load::LoadReport;
use crate::load::report::{FailureReport, RowReport, Verdict};
use crate::load::slo::{Outcome, SloResult};
use crate::output::chart::sparkline;
use crate::output::indexes::plan::bytes;
use crate::output::page::{self, Fact, Frame, Placed};
use crate::output::table::thousands;
use crate::text::printable;

const TEMPLATE: &str = include_str!("page/report.html");
const SHOWN_FAILURES: usize = 100;
const COLUMNS: [&str; 10] =
    ["count", "errors", "rate/s", "p50", "p90", "p95", "p99", "p99.9", "max", "service p95"];

/// What the template is given.
#[derive(Serialize)]
struct Page {
    #[serde(flatten)]
    frame: Frame,
    schema: &'static str,
    scenario: String,
    target: String,
    verdict: Judged,
    facts: Vec<Fact>,
    doubts: Vec<String>,
    thresholds: Vec<Judged>,
    charts: Vec<Placed>,
    columns: [&'static str; 10],
    steps: Vec<StepView>,
    fanouts: Vec<Vec<String>>,
    fanout_columns: [&'static str; 9],
    storms: Vec<Vec<String>>,
    storm_columns: [&'static str; 9],
    storm_failures: Vec<String>,
    outages: Vec<Vec<String>>,
    outage_columns: [&'static str; 6],
    outage_summary: Vec<String>,
    failures: Vec<FailureView>,
    failures_left_out: usize,
    generator: Vec<Fact>,
    unheard: Vec<String>,
}

/// The verdict, or a threshold.
#[derive(Default, Serialize)]
struct Judged {
    class: &'static str,
    word: String,
    why: String,
    text: String,
    measured: String,
}

#[derive(Serialize)]
struct StepView {
    name: String,
    cells: Vec<String>,
    has_errors: bool,
    is_total: bool,
    spark: String,
}

#[derive(Serialize)]
struct FailureView {
    count: String,
    row: String,
    cause: String,
    sample: String,
}

/// Renders `report`.
pub fn render(report: &LoadReport) -> io::Result<String> {
    page::render(TEMPLATE, page(report))
}

fn page(report: &LoadReport) -> Page {
    Page {
        frame: Frame::new(),
        schema: report.schema,
        scenario: printable(&report.scenario),
        target: printable(&report.target),
        verdict: verdict(report),
        facts: facts(report),
        doubts: doubts(report).iter().map(|doubt| printable(doubt)).collect(),
        thresholds: report.slo.iter().map(threshold).collect(),
        charts: charts::all(report).into_iter().map(Placed::from).collect(),
        columns: COLUMNS,
        steps: steps(report),
        fanouts: fanout::rows(report, true),
        fanout_columns: fanout::COLUMNS,
        storms: storm::rows(report),
        storm_columns: storm::COLUMNS,
        storm_failures: report.storms.iter().filter_map(storm::failures).collect(),
        outages: disconnect::rows(report),
        outage_columns: disconnect::COLUMNS,
        outage_summary: report.disconnects.iter().flat_map(disconnect::summary).collect(),
        failures: report.failures.iter().take(SHOWN_FAILURES).map(failure).collect(),
        failures_left_out: report.failures.len().saturating_sub(SHOWN_FAILURES),
        generator: generator(report),
        unheard: report.server.iter().flat_map(unheard).map(|line| printable(&line)).collect(),
    }
}

fn verdict(report: &LoadReport) -> Judged {
    let (word, why) = verdict_words(report);
    let class = match report.verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "failed",
        Verdict::Inconclusive | Verdict::Interrupted => "unknown",
    };
    Judged { class, word: word.to_owned(), why, ..Judged::default() }
}

fn threshold(result: &SloResult) -> Judged {
    let class = match result.outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Inconclusive => "unknown",
    };
    let word = outcome_word(result.outcome).trim_matches('*').to_owned();
    let measured = format!("measured: {}", measured(result));
    Judged { class, word, text: printable(&result.slo), measured, ..Judged::default() }
}

fn facts(report: &LoadReport) -> Vec<Fact> {
    let total = &report.total;
    let fact = |label, value| Fact { label, value };
    vec![
        fact("users", thousands(report.users.into())),
        fact("load lasted", format!("{:.1} s", report.duration_seconds)),
        fact("iterations", thousands(report.iterations)),
        fact("exchanges", thousands(total.count)),
        fact("a second", format!("{:.1}", total.rate)),
        fact("failed", percent(total.errors, total.count)),
        fact("p50", time(total.response, |times| times.p50)),
        fact("p95", time(total.response, |times| times.p95)),
        fact("p99", time(total.response, |times| times.p99)),
    ]
}

fn generator(report: &LoadReport) -> Vec<Fact> {
    let generator = &report.generator;
    let fact = |label, value| Fact { label, value };
    let mut facts = vec![
        fact("processes", generator.processes.to_string()),
        fact("processor time", format!("{:.1} s", generator.cpu_seconds)),
        fact("machine busy", format!("{:.0} %", generator.machine_busy_percent)),
        fact("memory in the end", bytes(generator.rss_bytes)),
        fact("timers late, p99", time(generator.lag, |times| times.p99)),
        fact("late starts", thousands(generator.late_starts)),
    ];
    facts.extend(generator.dropped_arrivals.map(|dropped| fact("never begun", thousands(dropped))));
    facts
}

fn steps(report: &LoadReport) -> Vec<StepView> {
    let points = &report.timeline.points;
    let spark = |index: usize| {
        let p95 = |point: &crate::load::timeline::Point| Some(point.rows.get(index)?.response?.p95 as f64);
        sparkline(&points.iter().map(p95).collect::<Vec<_>>())
    };
    let rows = report.rows.iter().enumerate().map(|(index, row)| step(row, spark(index), false));
    let total: Vec<_> = points.iter().map(|point| Some(point.response?.p95 as f64)).collect();
    rows.chain([step(&report.total, sparkline(&total), true)]).collect()
}

fn step(row: &RowReport, spark: String, is_total: bool) -> StepView {
    let response = |pick| time(row.response, pick);
    let cells = vec![
        thousands(row.count),
        thousands(row.errors),
        format!("{:.1}", row.rate),
        response(|times| times.p50),
        response(|times| times.p90),
        response(|times| times.p95),
        response(|times| times.p99),
        response(|times| times.p999),
        response(|times| times.max),
        time(row.service, |times| times.p95),
    ];
    StepView { name: printable(&row.name), cells, has_errors: row.errors > 0, is_total, spark }
}

fn failure(failure: &FailureReport) -> FailureView {
    FailureView {
        count: thousands(failure.count),
        row: printable(&failure.row),
        cause: printable(&failure.cause),
        sample: printable(&failure.sample),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::render;

    #[test]
    fn what_comes_from_elsewhere_is_never_markup() {
        let page = render(&sample::report()).unwrap();
        assert!(!page.contains("<script>alert"), "a name became a script");
        assert!(!page.contains("<img"), "a cause became an image");
        assert!(page.contains("=SUM(&lt;script&gt;alert(1)&lt;&#x2f;script&gt;)"), "the name is shown");
    }

    #[test]
    fn nothing_is_fetched() {
        let page = render(&sample::report()).unwrap();
        for word in ["src=", "url(", "@import", "fetch(", "https:"] {
            assert!(!page.contains(word), "{word}");
        }
    }

    #[test]
    fn a_run_of_less_than_a_second_is_a_page_too() {
        let mut report = sample::report();
        report.timeline.points.clear();
        assert!(render(&report).unwrap().contains("ended before its first second"));
    }
}
