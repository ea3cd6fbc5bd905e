//! The journal of a migration.

use state_map::operator::{Entry, Outcome};

use crate::output::style;
use crate::output::table::table;
use crate::state::conflict::keep_name;
use crate::state::journal::{JournalListing, Line};
use crate::state::status::proof_name;
use crate::text::one_line;

/// One line for each entry, and whether the journal is whole.
pub fn render(report: &JournalListing) -> String {
    let rows = report.entries.iter().map(row);
    let entries = if report.entries.is_empty() {
        format!("{}: nothing was ever decided\n", one_line(&report.namespace))
    } else {
        table(&["entry", "at", "who", "what"], 4, rows)
    };
    format!("{entries}\n{}", verdict(report))
}

fn verdict(report: &JournalListing) -> String {
    let mut flaws: Vec<String> = Vec::new();
    for place in &report.flaws {
        let copy = if place.copy == "file" { report.file.as_str() } else { "the copy in Redis" };
        flaws.push(format!("{copy}: entry {} {}", place.flaw.number, place.flaw.what));
    }
    if let Some(number) = report.differ_from {
        flaws.push(format!("{} and the copy in Redis differ from entry {number} on", report.file));
    }
    match &flaws[..] {
        [] => style::well("The journal is whole: every checksum fits, in the file and in Redis."),
        flaws => style::bad(&format!("The journal is not whole: {}", flaws.join("; "))),
    }
}

fn row(line: &Line) -> Vec<String> {
    // Seconds are enough, and the table has to fit.
    let at = line.at.get(..19).unwrap_or(&line.at);
    vec![
        line.number.to_string(),
        at.to_owned(),
        one_line(&line.owner.to_string()),
        one_line(&told(&line.entry)),
    ]
}

/// What a verification came to, as the end of a sentence.
pub fn outcome_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "passed",
        Outcome::Fail => "found differences",
        Outcome::Inconclusive => "was inconclusive",
    }
}

fn told(entry: &Entry) -> String {
    match entry {
        Entry::Intended(intent) => {
            let (step, from, record) = (intent.step, intent.from, &intent.record);
            let seen = intent.evidence.members.len();
            format!("{step}: {from} -> {}, epoch {} (instances: {seen})", record.phase, record.stamp.epoch)
        }
        Entry::Done { stamp, kept: true } => format!("epoch {} is there", stamp.epoch),
        Entry::Done { stamp, kept: false } => {
            format!("epoch {} is there, but not all replicas have it", stamp.epoch)
        }
        Entry::NotDone { stamp, reason } => format!("epoch {} is not there: {reason}", stamp.epoch),
        Entry::Noticed(_) => "another Redis server has taken over, or it has restarted".to_owned(),
        Entry::Verified(verification) => {
            let outcome = outcome_words(verification.outcome);
            format!("verification at epoch {} {outcome}: {}", verification.stamp.epoch, verification.summary)
        }
        Entry::Evicting { name, proof, .. } => format!("{name} is dropped ({})", proof_name(*proof)),
        Entry::Resolved { key, keep } => format!("{key}: the {} value stays", keep_name(*keep)),
        Entry::Heard { epoch } => format!("epochs up to {epoch} were used in another journal"),
        Entry::Collected { records, .. } => format!("{records} tombstones and sidecars were collected"),
    }
}
