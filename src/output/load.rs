//! Load reports: for people here, and for pages, pull requests, CI and spreadsheets in the modules below.

pub mod compare;
mod csv;
mod disconnect;
mod fanout;
mod html;
mod junit;
pub mod live;
mod markdown;
#[cfg(test)]
mod sample;
mod storm;
mod systems;

use std::io;

use std::time::Duration;

use super::table::{table, thousands};
use super::{FileFormat, json, style};
use crate::config::duration::humanize;
use crate::load::report::{FailureReport, LoadReport, RowReport, Times, Verdict};
use crate::load::slo::{Outcome, SloResult, WindowsResult};
use crate::text::one_line;

const SHOWN_FAILURES: usize = 10;
const NAME_WIDTH: usize = 30;
/// A generator whose timers fire later than this was short of CPU: its figures include its own delay.
const LAG_TO_MENTION_MICROS: u64 = 50_000;

/// The text of a file.
pub fn file(report: &LoadReport, format: FileFormat) -> io::Result<String> {
    Ok(match format {
        FileFormat::Html => html::render(report)?,
        FileFormat::Json => json(report)?,
        FileFormat::Junit => junit::render(report),
        FileFormat::Markdown => markdown::render(report),
        FileFormat::Csv => csv::render(report)?,
    })
}

/// Rows, failures, thresholds and the verdict.
pub fn render(report: &LoadReport) -> String {
    let mut out = heading(report);
    out += "\n\n";
    out += &times_table(report);
    out += &fanout::text(report);
    out += &storm::text(report);
    out += &disconnect::text(report);
    if !report.failures.is_empty() {
        out += &format!("\n{}\n", style::bold("Failures"));
        out += &failures_table(&report.failures);
    }
    out += &report.server.as_ref().map(systems::render).unwrap_or_default();
    out += &generator_notes(report);
    for note in &report.notes {
        out += &style::look(&format!("\nnote: {}\n", one_line(note)));
    }
    out += &format!("\n{}\n", style::bold("Thresholds"));
    for result in &report.slo {
        out += &format!("  {}\n", slo_line(result));
    }
    out += &format!("\n{}", verdict(report));
    out
}

fn heading(report: &LoadReport) -> String {
    let users = thousands(u64::from(report.users));
    let seconds = report.duration_seconds;
    let scenario = style::bold(&report.scenario);
    format!(
        "{scenario} against {}: {users} users, {seconds:.1} s, {} iterations, seed {}",
        report.target,
        thousands(report.iterations),
        report.seed
    )
}

fn times_table(report: &LoadReport) -> String {
    let header = ["step", "count", "errors", "rate/s", "p50", "p95", "p99", "max", "service p95"];
    let rows = report.rows.iter().chain([&report.total]).map(times_row);
    table(&header, 1, rows.collect::<Vec<_>>())
}

fn times_row(row: &RowReport) -> Vec<String> {
    let errors = thousands(row.errors);
    vec![
        shortened(&row.name),
        thousands(row.count),
        if row.errors > 0 { style::bad(&errors) } else { errors },
        format!("{:.1}", row.rate),
        time(row.response, |times| times.p50),
        time(row.response, |times| times.p95),
        time(row.response, |times| times.p99),
        time(row.response, |times| times.max),
        time(row.service, |times| times.p95),
    ]
}

fn time(times: Option<Times>, pick: fn(&Times) -> u64) -> String {
    times.map_or_else(|| "-".to_owned(), |times| micros(pick(&times)))
}

fn percent(part: u64, whole: u64) -> String {
    format!("{:.2} %", 100.0 * part as f64 / whole.max(1) as f64)
}

fn shortened(name: &str) -> String {
    let name = one_line(name);
    if name.chars().count() <= NAME_WIDTH {
        return name;
    }
    let start: String = name.chars().take(NAME_WIDTH - 1).collect();
    format!("{start}…")
}

fn micros(micros: u64) -> String {
    humanize(Duration::from_micros(micros))
}

fn failures_table(failures: &[FailureReport]) -> String {
    let rows = failures.iter().take(SHOWN_FAILURES).map(|failure| {
        let (cause, sample) = (one_line(&failure.cause), one_line(&failure.sample));
        vec![thousands(failure.count), shortened(&failure.row), cause, sample]
    });
    let shown = table(&["count", "step", "cause", "first case"], 4, rows.collect::<Vec<_>>());
    match failures.len().saturating_sub(SHOWN_FAILURES) {
        0 => shown,
        more => format!("{shown}and {more} more; --output json has them all\n"),
    }
}

fn generator_notes(report: &LoadReport) -> String {
    let mut out = String::new();
    let late = report.generator.late_starts;
    if late > 0 {
        let late = thousands(late);
        out += &style::look(&format!(
            "\nnote: {late} arrivals waited for a free user, and their response times count the wait; \
             raise maxVusers or --users\n"
        ));
    }
    for doubt in &report.generator.doubts {
        out += &style::look(&format!("\nnote: {doubt}\n"));
    }
    if let Some(lag) = report.generator.lag.filter(|lag| lag.p99 > LAG_TO_MENTION_MICROS) {
        let lag = micros(lag.p99);
        out += &style::look(&format!(
            "\nnote: this machine was short of CPU: 1 % of the generator's timers fired {lag} late or later\n"
        ));
    }
    out
}

fn slo_line(result: &SloResult) -> String {
    let mark = match result.outcome {
        Outcome::Passed => style::well("passed"),
        Outcome::Failed => style::bad("FAILED"),
        Outcome::Inconclusive => style::look("unknown"),
    };
    format!("{mark}  {}  {}", result.slo, style::dim(&format!("(measured: {})", measured(result))))
}

/// What a threshold was held against.
fn measured(result: &SloResult) -> String {
    let observed = match (result.observed, result.unit) {
        (None, _) => "nothing".to_owned(),
        (Some(value), "µs") => micros(value as u64),
        (Some(value), unit) => format!("{value:.2}{unit}"),
    };
    observed + &result.windows.map(windows_line).unwrap_or_default()
}

/// An outcome where there is no colour.
fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "**FAILED**",
        Outcome::Inconclusive => "unknown",
    }
}

fn windows_line(windows: WindowsResult) -> String {
    let WindowsResult { judged, missed, first_missed_at, aborted } = windows;
    let ended = if aborted { ", which ended the run" } else { "" };
    match first_missed_at {
        Some(at) => format!(" at worst; {missed} of {judged} stretches missed it, first at {at} s{ended}"),
        None => format!(" at worst of {judged} stretches"),
    }
}

fn verdict(report: &LoadReport) -> String {
    let (word, why) = verdict_words(report);
    let word = match report.verdict {
        Verdict::Passed => style::well(word),
        Verdict::Failed => style::bad(word),
        Verdict::Inconclusive | Verdict::Interrupted => style::look(word),
    };
    format!("{word}: {why}")
}

/// The verdict and its reason.
fn verdict_words(report: &LoadReport) -> (&'static str, String) {
    let missed = report.slo.iter().filter(|result| result.outcome == Outcome::Failed).count();
    match report.verdict {
        Verdict::Passed => ("PASSED", "all thresholds held".to_owned()),
        Verdict::Failed => ("FAILED", format!("{missed} of {} thresholds missed", report.slo.len())),
        Verdict::Inconclusive => ("INCONCLUSIVE", why_inconclusive(report).to_owned()),
        Verdict::Interrupted => ("INTERRUPTED", "these are the results so far".to_owned()),
    }
}

fn why_inconclusive(report: &LoadReport) -> &'static str {
    let unknown = report.slo.iter().find(|result| result.outcome == Outcome::Inconclusive);
    match unknown {
        _ if !report.generator.doubts.is_empty() => "the load was not what was asked for",
        Some(SloResult { observed: Some(_), .. }) => {
            "the generator's own delay may be why a threshold was missed"
        }
        _ => "nothing was measured that a threshold needs",
    }
}

/// Why the load was not what was asked for.
fn doubts(report: &LoadReport) -> &[String] {
    &report.generator.doubts
}
