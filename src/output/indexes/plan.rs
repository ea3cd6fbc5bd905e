//! Plans for people: at a terminal, and as Markdown for a pull request.

use std::time::Duration;

use crate::config::duration::humanize;
use crate::indexes::diff::{Blocker, Change, DuplicateGroup, Note, Risk};
use crate::indexes::index::Index;
use crate::indexes::plan::Plan;
use crate::output::markdown::cell;
use crate::output::style;
use crate::output::table::thousands;
use crate::text::one_line;

/// The changes one after the other, each with its steps, and what they come to.
pub fn render(plan: &Plan) -> String {
    let mut text = format!("{}\n", title(plan));
    for change in &plan.changes {
        text += &format!("\n{}\n", block(change));
    }
    if !plan.notes.is_empty() {
        text += "\nLeft as they are:\n";
        text += &plan.notes.iter().map(|note| format!("  {}\n", noted(note))).collect::<String>();
    }
    text + &format!("\n{}\n", verdict(plan))
}

fn title(plan: &Plan) -> String {
    let spec = one_line(&plan.spec.name);
    let deployment = one_line(&plan.deployment.fingerprint);
    format!("{spec} against {deployment}, version {}", one_line(&plan.deployment.version))
}

fn block(change: &Change) -> String {
    let place = one_line(&format!("{}.{}", change.database, change.collection));
    let head = format!("{} {} on {place}", change.action.word(), one_line(&change.index));
    let risk = match change.risk {
        Risk::Low => style::dim("low risk"),
        Risk::Medium => style::look("medium risk"),
        Risk::High => style::bad("high risk"),
    };
    let mut lines =
        vec![format!("{}, {risk}", style::bold(&head)), format!("  why: {}", one_line(&change.reason))];
    lines.extend(change.risks.iter().map(|risk| format!("  mind: {risk}")));
    lines.extend(estimates(change).map(|estimate| format!("  size: {estimate}")));
    let options = change.after.as_ref().map(Index::shown_options).filter(|options| !options.is_empty());
    lines.extend(options.map(|options| format!("  with: {}", one_line(&options))));
    let steps = change.steps.iter().enumerate();
    lines.extend(steps.map(|(number, step)| format!("  {}. {}", number + 1, one_line(&step.to_string()))));
    lines.extend(change.blockers.iter().map(|blocker| format!("  {}", style::bad(&blocked(blocker)))));
    lines.extend(change.estimate.duplicates.iter().map(|group| format!("    {}", duplicate(group))));
    lines.join("\n")
}

fn estimates(change: &Change) -> Option<String> {
    let estimate = &change.estimate;
    let mut parts = Vec::new();
    parts.extend(estimate.documents.map(|count| format!("{} documents", thousands(count))));
    parts.extend(estimate.index_bytes.map(|size| format!("index about {}", bytes(size))));
    parts.extend(estimate.disk_bytes.map(|size| format!("disk about {} while it is built", bytes(size))));
    parts.extend(
        estimate
            .build_seconds
            .map(|seconds| format!("some {}", humanize(Duration::from_secs_f64(seconds.max(0.1))))),
    );
    let expired = estimate.expired_documents.filter(|count| *count > 0);
    parts.extend(expired.map(|count| format!("{} documents expire at once", thousands(count))));
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn blocked(blocker: &Blocker) -> String {
    let flag = blocker.flag.as_ref().map_or_else(String::new, |flag| format!(" with {flag}"));
    one_line(&format!("blocked: {}; {}{flag}", blocker.what, blocker.help))
}

fn duplicate(group: &DuplicateGroup) -> String {
    let more = if group.count > group.ids.len() as u64 { ", …" } else { "" };
    one_line(&format!("{} documents: _id {}{more}", thousands(group.count), group.ids.join(", ")))
}

fn noted(note: &Note) -> String {
    let index = note.index.as_ref().map_or_else(String::new, |index| format!(" {index}"));
    one_line(&format!("{}.{}{index}: {}", note.database, note.collection, note.text))
}

fn verdict(plan: &Plan) -> String {
    let steps: usize = plan.changes.iter().map(|change| change.steps.len()).sum();
    let blocked = plan.changes.iter().filter(|change| !change.blockers.is_empty()).count();
    match (plan.changes.len(), blocked) {
        (0, _) => style::well("Nothing to do: every declared index is there."),
        (count, 0) => {
            format!("{count} changes in {steps} steps.")
        }
        (count, blocked) => {
            let changes = counted(count, "change");
            style::bad(&format!("{blocked} of {changes} blocked: nothing can be applied."))
        }
    }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Bytes for people, in powers of 1,024.
pub fn bytes(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64 / 1024.0;
    if value < 1.0 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", units[unit])
}

/// The same for a pull request.
pub fn markdown(plan: &Plan) -> String {
    let mut text = format!("### Indexes: {}\n\n", cell(&title(plan)));
    if plan.changes.is_empty() {
        text += "Nothing to do: every declared index is there.\n";
    } else {
        text += "| change | index | on | risk | why | size |\n|---|---|---|---|---|---|\n";
        text += &plan.changes.iter().map(row).collect::<String>();
        text += "\n<details><summary>Steps</summary>\n\n";
        text += &plan.changes.iter().map(steps).collect::<String>();
        text += "</details>\n";
    }
    let blocked: String = plan
        .changes
        .iter()
        .flat_map(|change| change.blockers.iter().map(move |b| (change, b)))
        .map(|(change, blocker)| format!("- `{}`: {}\n", cell(&change.index), cell(&blocked(blocker))))
        .collect();
    if !blocked.is_empty() {
        text += &format!("\n**Nothing can be applied:**\n\n{blocked}");
    }
    if !plan.notes.is_empty() {
        let notes: String = plan.notes.iter().map(|note| format!("- {}\n", cell(&noted(note)))).collect();
        text += &format!("\nLeft as they are:\n\n{notes}");
    }
    text + &format!("\nPlan `{}`, made {}\n", &plan.hash[..12.min(plan.hash.len())], plan.made_at)
}

fn row(change: &Change) -> String {
    let place = format!("{}.{}", change.database, change.collection);
    let estimate = estimates(change).unwrap_or_default();
    let (risk, action) = (change.risk.word(), change.action.word());
    format!(
        "| {action} | `{}` | {} | {risk} | {} | {} |\n",
        cell(&change.index),
        cell(&place),
        cell(&change.reason),
        cell(&estimate)
    )
}

fn steps(change: &Change) -> String {
    let steps = change.steps.iter().enumerate();
    let steps: String = steps.map(|(n, step)| format!("{}. {}\n", n + 1, cell(&step.to_string()))).collect();
    format!(
        "`{}` on {}.{}:\n\n{steps}\n",
        cell(&change.index),
        cell(&change.database),
        cell(&change.collection)
    )
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_are_for_people() {
        let shown = [0, 1023, 1024, 1_536, 5 << 20, 3 << 40].map(bytes);
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "5.0 MiB", "3.0 TiB"]);
    }
}
