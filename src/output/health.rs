//! Health reports for people.

use super::style;
use super::table::table;
use crate::health::{HealthReport, State};
use crate::text::one_line;

/// The checks as a table, and what they come to.
pub fn render(report: &HealthReport) -> String {
    let rows = report.checks.iter().map(|check| {
        let time = format!("{:.1} ms", check.elapsed_ms);
        vec![word(check.state), one_line(&check.name), check.kind.to_owned(), time, one_line(&check.detail)]
    });
    let rows: Vec<_> = rows.collect();
    format!("{}\n{}", table(&["state", "check", "kind", "time", "answer"], 5, rows), summary(report))
}

fn summary(report: &HealthReport) -> String {
    let count = |state| report.checks.iter().filter(|check| check.state == state).count();
    let all = report.checks.len();
    let checks = if all == 1 { "check" } else { "checks" };
    match report.state {
        State::Ok => format!("{}: {all} {checks} passed", word(State::Ok)),
        state => {
            let (bad, look) = (count(State::Critical), count(State::Warning));
            format!("{}: {bad} critical, {look} warning, of {all} {checks}", word(state))
        }
    }
}

fn word(state: State) -> String {
    match state {
        State::Ok => style::well("OK"),
        State::Warning => style::look("WARNING"),
        State::Critical => style::bad("CRITICAL"),
    }
}

/// One line of a wait: what is still not well.
pub fn waiting(report: &HealthReport) -> String {
    let ill: Vec<String> = report
        .checks
        .iter()
        .filter(|check| check.state == State::Critical)
        .map(|check| format!("{} ({})", check.name, check.detail))
        .collect();
    format!("waiting for {}", ill.join(", "))
}
