//! What a command that steers has changed.

use super::notice;
use crate::output::style;
use crate::output::table::thousands;
use crate::state::change::{ChangeReport, EvictionReport, StepReport};
use crate::text::one_line;

/// The steps, who has not acknowledged the last one, and the command that goes on.
pub fn render(report: &ChangeReport) -> String {
    let mut text: String = report.changes.iter().map(|change| format!("{}\n", step(change))).collect();
    if report.changes.is_empty() {
        text += &format!("Nothing to do: {} is in {}.\n", report.namespace, report.phase);
    }
    match &report.missing[..] {
        [] if report.changes.is_empty() => {}
        [] => text += &format!("{}\n", style::well("Every instance has acknowledged it.")),
        missing => {
            text += &format!("{}\n", style::look("Not acknowledged yet:"));
            text += &missing.iter().map(|one| format!("  {}\n", one_line(&one.text))).collect::<String>();
        }
    }
    if let Some(records) = report.collected {
        let records = thousands(records);
        text += &format!(
            "{records} tombstones, sidecars of absent keys and keys of earlier runs were collected.\n"
        );
    }
    if let Some(phase) = report.stopped_before {
        let notice = phase.parse().ok().and_then(notice::before).unwrap_or_default();
        text += &format!("\n{}\n", style::look(&format!("Stopped before {phase}.")));
        text += &format!("{notice}\n");
    }
    match report.next {
        Some(command) if report.stopped_before.is_some() => text + &format!("To go on: {command} --yes"),
        Some(command) => text + &format!("Next: {command}"),
        None => text + &style::well("The migration is done."),
    }
}

fn step(change: &StepReport) -> String {
    let StepReport { step, from, to, epoch } = change;
    if from == to {
        format!("{to} is asserted anew under epoch {epoch}: a fail-over had lost the last change.")
    } else {
        format!("{from} -> {to} ({step}), epoch {epoch}.")
    }
}

/// Who was dropped, and what that means.
pub fn render_eviction(report: &EvictionReport) -> String {
    let name = one_line(&report.name);
    match report.proof {
        "lapsed" => format!(
            "{name} is dropped: its lease was over. Before going back to read-new its process must be stopped, and \
             `scalectl migrate state evict {name} --stopped` said."
        ),
        _ => format!("{name} is dropped: its keys are free for the other instances."),
    }
}
