//! What became of connections that were lost without a storm: a line for each outage, and the sum.

use super::time;
use crate::load::LoadReport;
use crate::load::disconnect::{DisconnectReport, Outage};
use crate::output::markdown::cell;
use crate::output::style;
use crate::output::table::{table, thousands};
use crate::text::printable;

/// The columns of its table.
pub const COLUMNS: [&str; 6] = ["lost at", "by", "lost", "back", "away", "steady after"];
/// Causes that are named in a line.
const SHOWN_CAUSES: usize = 2;

/// For a terminal; empty where none was lost.
pub fn text(report: &LoadReport) -> String {
    let Some(disconnects) = &report.disconnects else { return String::new() };
    let table = table(&COLUMNS, 2, rows(report));
    let heading = style::bold("Lost connections");
    format!("\n{heading}\n{table}{}\n", summary(disconnects).join("\n"))
}

/// For a pull request.
pub fn markdown(report: &LoadReport) -> String {
    let Some(disconnects) = &report.disconnects else { return String::new() };
    let line = |cells: Vec<String>| {
        format!("| {} |\n", cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join(" | "))
    };
    let head = format!("\n| {} |\n|---|---|{}\n", COLUMNS.join(" | "), "--:|".repeat(COLUMNS.len() - 2));
    head + &rows(report).into_iter().map(line).collect::<String>()
        + &format!("\n{}\n", summary(disconnects).join("; "))
}

/// The cells of its table.
pub fn rows(report: &LoadReport) -> Vec<Vec<String>> {
    report.disconnects.iter().flat_map(|disconnects| &disconnects.outages).map(row).collect()
}

fn row(outage: &Outage) -> Vec<String> {
    let Outage { at_seconds, lost, back, ended, steady_seconds, causes } = outage;
    let by =
        causes.iter().take(SHOWN_CAUSES).map(|c| format!("{} {}", thousands(c.count), printable(&c.cause)));
    let mut by = by.collect::<Vec<_>>().join(", ");
    if causes.len() > SHOWN_CAUSES {
        by += &format!(", {} more causes", causes.len() - SHOWN_CAUSES);
    }
    vec![
        format!("{at_seconds:.1} s"),
        by,
        thousands(*lost),
        thousands(*back),
        thousands(lost.saturating_sub(back + ended)),
        steady_seconds.map_or_else(|| "never".to_owned(), |seconds| format!("{seconds:.1} s")),
    ]
}

/// All of them together: how many are back, and, where there is anything to tell, what else became of them.
pub fn summary(disconnects: &DisconnectReport) -> Vec<String> {
    let DisconnectReport { lost, back, recovered, anew, ended, away, missed, outages_left_out, .. } =
        disconnects;
    let p95 = time(disconnects.took, |times| times.p95);
    let returns = format!("{} lost; {} back, 95 % within {p95}", thousands(*lost), thousands(*back));
    let others = [
        (recovered, "recovered"),
        (anew, "begun anew"),
        (ended, "ended"),
        (away, "away at the end"),
        (missed, "messages missed"),
        (outages_left_out, "smaller outages not shown"),
    ];
    let others = others.iter().filter(|(count, _)| **count > 0);
    let others: Vec<_> = others.map(|(count, what)| format!("{} {what}", thousands(**count))).collect();
    let lines = [returns, others.join("; ")].into_iter();
    lines.filter(|line| !line.is_empty()).collect()
}
