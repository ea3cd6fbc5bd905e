//! What became of what was published: a line for each fan-out, for each size of its rooms, and for the rooms that lost
//! messages.

use super::{percent, time};
use crate::load::LoadReport;
use crate::load::fanout::report::{FanoutPart, FanoutReport, FanoutSum};
use crate::output::markdown::cell;
use crate::output::style;
use crate::output::table::{table, thousands};
use crate::text::printable;

/// The columns of its table.
pub const COLUMNS: [&str; 9] =
    ["fan-out", "listeners", "sent", "expected", "lost", "twice", "out of order", "p50", "p99"];
/// Rooms that are shown because they lost messages.
const SHOWN_ROOMS: usize = 5;

/// For a terminal; empty where nothing was published.
pub fn text(report: &LoadReport) -> String {
    let rows = rows(report, true);
    if rows.is_empty() {
        return String::new();
    }
    format!("\n{}\n{}", style::bold("Fan-out"), table(&COLUMNS, 1, rows))
}

/// For a pull request.
pub fn markdown(report: &LoadReport) -> String {
    let rows = rows(report, false);
    if rows.is_empty() {
        return String::new();
    }
    let line = |cells: &Vec<String>| {
        format!("| {} |\n", cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join(" | "))
    };
    let head = format!("\n| {} |\n|---|{}\n", COLUMNS.join(" | "), "--:|".repeat(COLUMNS.len() - 1));
    head + &rows.iter().map(line).collect::<String>()
}

/// The cells of its table, with a line for each lossy room or without them.
pub fn rows(report: &LoadReport, has_rooms: bool) -> Vec<Vec<String>> {
    report.fanouts.iter().flat_map(|fanout| lines(fanout, has_rooms)).collect()
}

fn lines(fanout: &FanoutReport, has_rooms: bool) -> Vec<Vec<String>> {
    let mut lines = vec![line(printable(&fanout.name), &fanout.total)];
    let sizes = fanout.sizes.iter().filter(|_| fanout.sizes.len() > 1);
    lines.extend(sizes.map(|FanoutPart { name, sum }| line(format!("  rooms of {name}"), sum)));
    let is_shown = |room: &&FanoutPart| has_rooms && room.sum.lost > 0 && fanout.rooms > 1;
    let rooms = fanout.worst_rooms.iter().filter(is_shown).take(SHOWN_ROOMS);
    lines.extend(rooms.map(|FanoutPart { name, sum }| line(format!("  room {}", printable(name)), sum)));
    lines
}

fn line(name: String, sum: &FanoutSum) -> Vec<String> {
    let lost = match sum.lost {
        0 => "0".to_owned(),
        lost => format!("{} ({})", thousands(lost), percent(lost, sum.expected)),
    };
    vec![
        name,
        thousands(sum.listeners),
        thousands(sum.sent),
        thousands(sum.expected),
        lost,
        thousands(sum.duplicates),
        thousands(sum.out_of_order),
        time(sum.delivery, |times| times.p50),
        time(sum.delivery, |times| times.p99),
    ]
}
