//! Keys with two values.

use crate::output::table::table;
use crate::state::conflict::{Conflicts, Shown};
use crate::text::one_line;

/// One line for each value, and how to decide.
pub fn render(report: &Conflicts) -> String {
    if report.conflicts.is_empty() {
        return "No key has two values.".to_owned();
    }
    let rows = report.conflicts.iter().flat_map(|conflict| {
        let decided = conflict.keep;
        let stored = conflict.stored.as_ref().map_or_else(|| "(not written yet)".to_owned(), value);
        let mark =
            |side: &str| if decided == Some(side) { format!("{side} (kept)") } else { side.to_owned() };
        [
            vec![
                one_line(&conflict.key),
                mark("held"),
                format!("by {}", one_line(&conflict.instance)),
                value(&conflict.held),
            ],
            vec![String::new(), mark("stored"), "in Redis".to_owned(), stored],
        ]
    });
    let values = table(&["key", "side", "where", "value"], 4, rows.collect::<Vec<_>>());
    format!(
        "{values}\nTo decide: scalectl migrate state resolve KEY --keep held|stored (--show-values shows the values)"
    )
}

fn value(shown: &Shown) -> String {
    match &shown.value {
        Some(value) => one_line(value),
        None => format!("{} bytes, sha256 {}", shown.bytes, shown.fingerprint),
    }
}
