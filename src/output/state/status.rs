//! Where a migration is, in a table.

use std::time::Duration;

use crate::config::duration::humanize;
use crate::output::style;
use crate::output::table::{table, thousands};
use crate::state::status::{BackfillReport, GateReport, InstanceReport, StatusReport};
use crate::text::one_line;

/// Digits of a run's identity that are shown.
const RUN_DIGITS: usize = 8;

/// The phase, the instances, what they count, and the gates of the next steps.
pub fn render(report: &StatusReport) -> String {
    let mut text = format!("{}\n{}", headline(report), instances(report));
    text += &dropped(report);
    text += &notes(report);
    for (title, gate) in [("Next", &report.next), ("Back", &report.back)] {
        match gate {
            Some(gate) => text += &format!("\n{}", shown(title, gate)),
            None if title == "Back" && report.next.is_some() && report.phase != "off" => {
                text += "\nBack: no way back from here.";
            }
            None => {}
        }
    }
    text
}

fn headline(report: &StatusReport) -> String {
    let run = report.run.as_deref().map_or_else(String::new, |run| format!(", run {}", run_name(run)));
    let phase = style::bold(report.phase);
    let undo = report.undo.map_or_else(String::new, |phase| format!("; may be undone to {phase} at once"));
    let replicas = match (report.replicas_wanted, report.replicas_connected) {
        (0, 0) => String::new(),
        (wanted, connected) => format!("; {connected} replicas connected, {wanted} wanted"),
    };
    let failed = if report.failed_over {
        style::look("\nAnother Redis server has taken over since the last change, or it has restarted.")
    } else {
        String::new()
    };
    format!(
        "{} in {}: {phase}, epoch {}{run}{undo}{replicas}{failed}\n",
        one_line(&report.namespace),
        one_line(&report.redis),
        report.epoch
    )
}

/// A run's name: the first digits of its identity.
pub fn run_name(run: &str) -> &str {
    run.get(..RUN_DIGITS).unwrap_or(run)
}

fn instances(report: &StatusReport) -> String {
    if report.instances.is_empty() {
        return "No instance has registered.\n".to_owned();
    }
    let header =
        ["instance", "serves", "acknowledged", "seen", "held", "stored", "owed", "rounds", "differences"];
    let mut rows: Vec<Vec<String>> = report.instances.iter().map(row).collect();
    if rows.len() > 1 {
        let totals = &report.totals;
        let differences = totals.differences.unsettled + totals.differences.conflicts;
        let counts = [totals.held, totals.stored, totals.owed].map(thousands);
        let blank = String::new;
        rows.push(
            [
                vec!["all".into(), blank(), blank(), blank()],
                counts.to_vec(),
                vec![blank(), thousands(differences)],
            ]
            .concat(),
        );
    }
    table(&header, 3, rows)
}

fn row(instance: &InstanceReport) -> Vec<String> {
    let counts = &instance.counts;
    let acknowledged = match (instance.acknowledged, &instance.waiting_for) {
        (true, _) => style::well("yes"),
        (false, _) if instance.silent => style::bad("no"),
        (false, _) => style::look("not yet"),
    };
    let seen = humanize(Duration::from_millis(instance.seen_ms_ago));
    let seen = if instance.silent { style::bad(&format!("{seen}, silent")) } else { seen };
    let differences = counts.differences.unsettled + counts.differences.conflicts;
    vec![
        one_line(&instance.name),
        instance.serving.to_owned(),
        acknowledged,
        seen,
        thousands(counts.held),
        thousands(counts.stored),
        thousands(counts.owed),
        thousands(instance.clean_rounds),
        thousands(differences),
    ]
}

fn dropped(report: &StatusReport) -> String {
    let lapsed = report.dropped.iter().filter(|dropped| dropped.proof == "lapsed");
    let lines = lapsed.map(|dropped| {
        let name = one_line(&dropped.name);
        format!("{name} was dropped when its lease was over; whether its process is stopped is not known.\n")
    });
    lines.collect()
}

/// What is worth a line only when there is something to say.
fn notes(report: &StatusReport) -> String {
    let mut lines: Vec<String> = Vec::new();
    for instance in report.instances.iter().filter(|instance| !instance.acknowledged) {
        if let Some(cause) = &instance.waiting_for {
            lines.push(format!("{} waits for {}", one_line(&instance.name), one_line(cause)));
        }
    }
    lines.extend(report.backfill.as_ref().map(backfill));
    let differences = report.totals.differences;
    let classes = [
        ("compares that did not settle", differences.unsettled),
        ("keys with two values", differences.conflicts.max(report.conflicts)),
        ("values that vanished", differences.vanished),
        ("writes of superseded owners refused", differences.superseded),
        ("requests refused for want of Redis", report.totals.unavailable),
    ];
    lines.extend(
        classes
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(what, count)| format!("{what}: {}", thousands(*count))),
    );
    if let Some(last) = &report.verification {
        let ago = humanize(Duration::from_millis(last.ms_ago));
        lines.push(format!("verification: {} ({}), {ago} ago", last.outcome, one_line(&last.summary)));
    }
    if !report.journal.whole {
        lines.push(style::bad("the journal is not whole: `scalectl migrate state journal` says where"));
    }
    if let Some(holder) = &report.operator {
        lines.push(format!(
            "{} is at work ({})",
            one_line(&holder.owner.to_string()),
            one_line(&holder.command)
        ));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn backfill(report: &BackfillReport) -> String {
    let percent = (report.stored * 100).checked_div(report.keys).unwrap_or(100);
    let mut line =
        format!("backfill: {} of {} keys ({percent}%)", thousands(report.stored), thousands(report.keys));
    if let (Some(keys), Some(bytes)) = (report.keys_per_second, report.bytes_per_second) {
        line += &format!(", {} keys/s, {}/s", thousands(keys as u64), size(bytes));
    }
    match report.seconds_left {
        Some(left) if left > 0.0 => line + &format!(", {} left", humanize(Duration::from_secs_f64(left))),
        _ => line,
    }
}

fn size(bytes: f64) -> String {
    match bytes {
        b if b < 1e3 => format!("{b:.0} B"),
        b if b < 1e6 => format!("{:.1} kB", b / 1e3),
        b => format!("{:.1} MB", b / 1e6),
    }
}

fn shown(title: &str, gate: &GateReport) -> String {
    if gate.open {
        return format!("{title}: {}, {}: {}", gate.to, style::well("open"), gate.command);
    }
    let blockers = gate.blockers.iter().map(|blocker| format!("\n  - {}", one_line(&blocker.text)));
    format!("{title}: {}, {}:{}", gate.to, style::look("not yet"), blockers.collect::<String>())
}
