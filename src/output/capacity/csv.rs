//! The steps of a search as a table: a line for each.

use std::io;

use super::{purpose_word, verdict_word};
use crate::load::capacity::CapacityReport;
use crate::load::capacity::report::{SearchReport, StepReport};
use crate::text::printable;

const HEADER: [&str; 15] = [
    "search",
    "target",
    "number",
    "step",
    "level",
    "achieved",
    "goodput",
    "users_under_way",
    "exchanges",
    "error_percent",
    "p50_us",
    "p95_us",
    "p99_us",
    "max_us",
    "verdict",
];

/// Renders `report`.
pub fn render(report: &CapacityReport) -> io::Result<String> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(HEADER)?;
    for (number, search) in (1..).zip(&report.searches) {
        for step in &search.steps {
            table.write_record(line(number, search, step))?;
        }
    }
    let bytes = table.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

fn line(number: u32, search: &SearchReport, step: &StepReport) -> Vec<String> {
    let times = step.response.map(|times| [times.p50, times.p95, times.p99, times.max]);
    let time = |index: usize| times.map(|times| times[index].to_string()).unwrap_or_default();
    vec![
        number.to_string(),
        printable(&search.target),
        step.number.to_string(),
        purpose_word(step.purpose).to_owned(),
        step.level.to_string(),
        step.achieved.to_string(),
        step.goodput.to_string(),
        step.concurrency.to_string(),
        step.exchanges.to_string(),
        step.error_percent.to_string(),
        time(0),
        time(1),
        time(2),
        time(3),
        verdict_word(step.verdict).to_owned(),
    ]
}
