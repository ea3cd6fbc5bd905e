//! Tables that fit 100 columns.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

pub use crate::text::thousands;

const WIDTH: u16 = 100;

/// A borderless table whose columns from `numbers_from` on are aligned to the right.
pub fn table(header: &[&str], numbers_from: usize, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    table.set_header(header.iter().map(|title| title.to_uppercase()));
    for row in rows {
        table.add_row(row);
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        let right = if index >= numbers_from { CellAlignment::Right } else { CellAlignment::Left };
        column.set_cell_alignment(right);
        column.set_padding((0, if index + 1 == header.len() { 0 } else { 2 }));
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Three figures of a number that has more.
pub fn figure(value: f64) -> String {
    match value {
        value if value >= 100.0 => thousands(value.round() as u64),
        value if (value - value.round()).abs() < 1e-6 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// A quantity with its unit.
pub fn amount(value: f64, unit: &str) -> String {
    let space = if matches!(unit, "" | "%" | "/s") { "" } else { " " };
    format!("{}{space}{unit}", figure(value))
}

#[cfg(test)]
mod tests {
    use super::{amount, thousands};

    #[test]
    fn thousands_are_separated() {
        let shown = [0, 999, 1_000, 1_234_567].map(thousands);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn amounts_are_short() {
        let shown = [(0.1234, "cores"), (3.0, ""), (12.34, "ms"), (12_345.6, "/s"), (50.0, "%")]
            .map(|(value, unit)| amount(value, unit));
        assert_eq!(shown, ["0.12 cores", "3", "12.3 ms", "12,346/s", "50%"]);
    }
}
