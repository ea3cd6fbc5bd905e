//! What became of the connections that storms cut.

use super::time;
use crate::load::LoadReport;
use crate::load::storm::StormReport;
use crate::output::markdown::cell;
use crate::output::style;
use crate::output::table::{table, thousands};
use crate::text::printable;

/// The columns of its table.
pub const COLUMNS: [&str; 9] =
    ["storm at", "cut", "back", "recovered", "away", "steady after", "p95 back", "peak", "missed"];

/// For a terminal; empty where there was none.
pub fn text(report: &LoadReport) -> String {
    if report.storms.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}\n{}", style::bold("Reconnect storms"), table(&COLUMNS, 1, rows(report)));
    for failures in report.storms.iter().filter_map(failures) {
        out += &format!("{failures}\n");
    }
    out
}

/// For a pull request.
pub fn markdown(report: &LoadReport) -> String {
    if report.storms.is_empty() {
        return String::new();
    }
    let line = |cells: Vec<String>| {
        format!("| {} |\n", cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join(" | "))
    };
    let head = format!("\n| {} |\n|---|{}\n", COLUMNS.join(" | "), "--:|".repeat(COLUMNS.len() - 1));
    head + &rows(report).into_iter().map(line).collect::<String>()
}

/// The cells of its table.
pub fn rows(report: &LoadReport) -> Vec<Vec<String>> {
    report.storms.iter().map(row).collect()
}

fn row(storm: &StormReport) -> Vec<String> {
    let steady = storm.steady_seconds.map_or_else(|| "never".to_owned(), |seconds| format!("{seconds:.1} s"));
    vec![
        format!("{} s", storm.at_seconds),
        thousands(storm.cut),
        thousands(storm.back),
        thousands(storm.recovered),
        thousands(storm.away + storm.ended),
        steady,
        time(storm.took, |times| times.p95),
        format!("{}/s", thousands(storm.peak_returns_per_second)),
        thousands(storm.missed),
    ]
}

/// Why attempts to come back failed, in one line.
pub fn failures(storm: &StormReport) -> Option<String> {
    let causes = storm.failures.iter().map(|f| format!("{} {}", thousands(f.count), printable(&f.cause)));
    let causes: Vec<String> = causes.collect();
    (!causes.is_empty())
        .then(|| format!("failed attempts after {} s: {}", storm.at_seconds, causes.join(", ")))
}
