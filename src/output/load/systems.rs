//! What the systems said of themselves during a run.

use crate::load::metrics::sampler::{Fault, ServerReport, ServerSeries};
use crate::load::metrics::{Absent, FULL};
use crate::output::style;
use crate::output::table::{amount, table};
use crate::text::one_line;

/// A line for each quantity, and for each system that did not answer.
pub fn render(server: &ServerReport) -> String {
    let mut out = String::new();
    if !server.series.is_empty() {
        out += &format!("\n{}\n", style::bold("The systems meanwhile"));
        let header = ["system", "what", "mean", "most", "of its limit"];
        out += &table(&header, 2, server.series.iter().map(row).collect::<Vec<_>>());
    }
    for line in unheard(server) {
        out += &style::look(&format!("\nnote: {line}\n"));
    }
    out
}

fn row(series: &ServerSeries) -> Vec<String> {
    let values = || series.points.iter().map(|point| point.value);
    let mean = values().sum::<f64>() / series.points.len().max(1) as f64;
    let nearest = series.points.iter().filter_map(|point| point.saturation).reduce(f64::max);
    let limit = nearest.map_or_else(String::new, |part| format!("{:.0} %", (100.0 * part).min(999.0)));
    vec![
        series.source.to_owned(),
        series.name.to_owned(),
        amount(mean, series.unit),
        amount(values().fold(0.0, f64::max), series.unit),
        if nearest.is_some_and(|part| part >= FULL) { style::bad(&limit) } else { limit },
    ]
}

/// The systems that were not asked, or did not always answer, with the reasons.
pub fn unheard(server: &ServerReport) -> Vec<String> {
    let absent = server.absent.iter().map(|Absent { source, reason }| {
        format!("{source} was not there and was not asked again: {}", one_line(reason))
    });
    let faults = server.faults.iter().map(|Fault { source, reason, missed, looks }| {
        format!("{source} did not answer {missed} of {looks} times: {}", one_line(reason))
    });
    absent.chain(faults).collect()
}
