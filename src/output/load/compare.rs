//! Comparisons for people, and for a pull request.

use super::{micros, shortened};
use crate::load::compare::{Change, CompareReport, MeasureComparison, RowComparison};
use crate::output::markdown::{cell, code};
use crate::output::style;
use crate::output::table::table;
use crate::text::one_line;

const HEADER: [&str; 7] = ["step", "p50", "p95", "p99", "errors", "rate", "verdict"];

/// Rows, what changed, and the verdict.
pub fn render(report: &CompareReport) -> String {
    let lines = |lines: Vec<String>| lines.iter().map(|line| one_line(line)).collect::<Vec<_>>().join("\n");
    let notes: Vec<String> = report.notes.iter().map(|note| format!("note: {note}")).collect();
    let parts = [
        style::bold(&one_line(&heading(report))),
        rows(report),
        lines(changes(report, str::to_owned)),
        if notes.is_empty() { String::new() } else { style::look(&lines(notes)) },
        format!("{}: {}", painted(report.verdict), meaning(report.verdict)),
    ];
    let parts = parts.iter().map(|part| part.trim_end()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("\n\n")
}

fn rows(report: &CompareReport) -> String {
    let row = |row: &RowComparison| {
        let changes = row.measures.iter().map(change);
        [shortened(&row.name)].into_iter().chain(changes).chain([painted(row.verdict)]).collect()
    };
    match report.rows.is_empty() {
        true => String::new(),
        false => table(&HEADER, 1, report.rows.iter().map(row).collect::<Vec<Vec<String>>>()),
    }
}

/// The same as Markdown.
pub fn markdown(report: &CompareReport) -> String {
    let mut out = format!("### Load compared: {}\n\n{}\n", word(report.verdict), cell(&heading(report)));
    if !report.rows.is_empty() {
        out += &format!("\n| {} |\n|---|--:|--:|--:|--:|--:|---|\n", HEADER.join(" | "));
    }
    for row in &report.rows {
        let changes: Vec<String> = row.measures.iter().map(change).collect();
        out += &format!("| {} | {} | {} |\n", code(&row.name), changes.join(" | "), word(row.verdict));
    }
    let changes = changes(report, code);
    if !changes.is_empty() {
        out +=
            &format!("\n{}\n", changes.iter().map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n"));
    }
    let notes: String = report.notes.iter().map(|note| format!("\n> {}\n", cell(note))).collect();
    out + &notes
}

fn heading(report: &CompareReport) -> String {
    match report.baselines.as_slice() {
        [one] => format!("{} against {one}", report.current),
        many => format!("{} against {} baselines", report.current, many.len()),
    }
}

/// `+12.3 %`, with a mark where it is not known to be one.
fn change(measure: &MeasureComparison) -> String {
    let Some(change) = measure.change else { return "-".to_owned() };
    let mark = if measure.verdict == Change::Unknown { " ?" } else { "" };
    let unit = if measure.measure == "errors" { " pp" } else { " %" };
    // Minus nought is nought.
    let change = if change.abs() < 0.05 { 0.0 } else { change };
    format!("{change:+.1}{unit}{mark}")
}

/// What is better or worse, in words.
fn changes(report: &CompareReport, name: impl Fn(&str) -> String) -> Vec<String> {
    let told = |row: &RowComparison| {
        let name = name(&row.name);
        let changed =
            |measure: &&MeasureComparison| matches!(measure.verdict, Change::Better | Change::Worse);
        row.measures.iter().filter(changed).map(|measure| line(&name, measure)).collect::<Vec<_>>()
    };
    report.rows.iter().flat_map(told).collect()
}

fn line(name: &str, measure: &MeasureComparison) -> String {
    let value = |value: Option<f64>| match (value, measure.unit) {
        (None, _) => "-".to_owned(),
        (Some(value), "µs") => micros(value as u64),
        (Some(value), unit) => format!("{value:.2}{unit}"),
    };
    let (low, high) = measure.interval.unwrap_or_default();
    let unit = if measure.measure == "errors" { "percentage points" } else { "%" };
    format!(
        "{}: {} of {name} from {} to {}, {} (the stretches say {low:+.1} to {high:+.1} {unit})",
        word(measure.verdict),
        measure.measure,
        value(measure.before),
        value(measure.after),
        change(measure)
    )
}

fn word(change: Change) -> &'static str {
    match change {
        Change::Better => "better",
        Change::Same => "same",
        Change::Worse => "worse",
        Change::Unknown => "cannot tell",
    }
}

fn painted(change: Change) -> String {
    match change {
        Change::Better => style::well(word(change)),
        Change::Same => word(change).to_owned(),
        Change::Worse => style::bad(word(change)),
        Change::Unknown => style::look(word(change)),
    }
}

fn meaning(change: Change) -> &'static str {
    match change {
        Change::Better => "something is significantly and materially better, and nothing is worse",
        Change::Same => "no change that is both significant and material",
        Change::Worse => "a change is both significant and material",
        Change::Unknown => "nothing can be said of these runs",
    }
}
