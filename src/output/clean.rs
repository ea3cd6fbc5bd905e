//! What runs have left behind, for people.

use super::style;
use super::table::{table, thousands};
use crate::load::clean::{CleanReport, PlaceReport};
use crate::text::one_line;

/// Places, and what is to be done next.
pub fn render(report: &CleanReport) -> String {
    let heading = one_line(&format!("{}: test data of {}", report.scenario, runs(report)));
    let row = |place: &PlaceReport| {
        let removed = if report.is_removal { thousands(place.removed) } else { "-".to_owned() };
        vec![one_line(&place.place), place.store.to_owned(), thousands(place.found), removed]
    };
    let rows = table(&["place", "store", "found", "removed"], 2, report.places.iter().map(row));
    format!("{}\n\n{rows}\n{}", style::bold(&heading), ending(report))
}

fn runs(report: &CleanReport) -> String {
    match report.runs.as_slice() {
        [] => "all runs".to_owned(),
        runs => runs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn ending(report: &CleanReport) -> String {
    let found: u64 = report.places.iter().map(|place| place.found).sum();
    let removed: u64 = report.places.iter().map(|place| place.removed).sum();
    match (found, report.is_removal, report.is_interrupted) {
        (_, _, true) => format!("INTERRUPTED: {} were removed; the same command goes on", thousands(removed)),
        (0, ..) => "CLEAN: nothing was left behind".to_owned(),
        (_, true, _) => format!("DONE: {} were removed", thousands(removed)),
        (_, false, _) => "nothing was removed: the same command with --yes does it".to_owned(),
    }
}
