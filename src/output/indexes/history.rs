//! The history of a database's indexes, for people.

use std::time::Duration;

use crate::config::duration::humanize;
use crate::indexes::apply::journal::{Entry, Event};
use crate::indexes::history::HistoryReport;
use crate::output::style;
use crate::output::table::table;
use crate::text::one_line;

/// One line for each entry, and whether the history is whole.
pub fn render(report: &HistoryReport) -> String {
    if report.entries.is_empty() {
        return format!("{}: no index was ever changed by scalectl", one_line(&report.database));
    }
    // A step that came to an end is told once.
    let next = report.entries.iter().skip(1).map(Some).chain([None]);
    let shown = report.entries.iter().zip(next).filter(|(entry, next)| !is_told_by_next(entry, *next));
    let rows = shown.map(|(entry, _)| row(entry));
    let entries = table(&["entry", "at", "who", "what"], 4, rows);
    let verdict = match &report.flaws[..] {
        [] => style::well("The history is whole: every checksum fits."),
        flaws => {
            let flaws: Vec<String> =
                flaws.iter().map(|flaw| format!("entry {}: {}", flaw.number, flaw.what)).collect();
            style::bad(&format!("The history was changed: {}", flaws.join("; ")))
        }
    };
    format!(
        "{entries}\n{verdict}\nTo go back to how it was after an entry, 0 for before the first: \
         scalectl migrate indexes rollback --database {} --to ENTRY\n",
        one_line(&report.database)
    )
}

fn is_told_by_next(entry: &Entry, next: Option<&Entry>) -> bool {
    let ends = next.is_some_and(|next| matches!(next.event, Event::Done { .. } | Event::Failed { .. }));
    matches!(entry.event, Event::Started { .. }) && ends
}

fn row(entry: &Entry) -> Vec<String> {
    // Seconds are enough, and the table has to fit.
    let at = entry.at.get(..19).unwrap_or(&entry.at);
    vec![
        entry.number.to_string(),
        at.to_owned(),
        one_line(&entry.owner.to_string()),
        one_line(&told(&entry.event)),
    ]
}

fn told(event: &Event) -> String {
    match event {
        Event::Began { command, spec, plan_hash, .. } => {
            format!("{command} of {spec} begins, plan {}", plan_hash.get(..12).unwrap_or(plan_hash))
        }
        Event::Started { collection, step, .. } => {
            format!("{collection}: {step}: begun, and not known to have ended")
        }
        Event::Done { collection, step, took_ms } => {
            format!("{collection}: {step}: done in {}", humanize(Duration::from_millis(*took_ms)))
        }
        Event::Failed { collection, step, reason } => format!("{collection}: {step}: failed: {reason}"),
        Event::Ended => "ends".to_owned(),
    }
}
