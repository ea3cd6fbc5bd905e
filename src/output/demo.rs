//! The frame around what a demo shows.

use std::path::Path;

use super::style;
use crate::demo::DemoReport;
use crate::load::report::Verdict;

/// A line that begins a part of the demo.
pub fn heading(title: &str) -> String {
    format!("\n{}\n", style::bold(&format!("== {title}")))
}

/// A service's name, as wide as the longest.
pub fn padded(name: &str) -> String {
    format!("{name:<16}")
}

/// The last lines: what it came to, what was not tried, what to do next.
pub fn verdict(report: &DemoReport, file: &Path) -> String {
    let mut out = heading("Verdict");
    for load in &report.loads {
        out += &format!("\n  {}  {}", word(load.verdict), load.scenario);
    }
    for reason in &report.left_out {
        out += &format!("\n  {}  {reason}", style::dim("left out"));
    }
    out += &format!("\n\n{}: the whole report is in {}", word(report.verdict), file.display());
    out +=
        "\nNext: `scalectl serve` in one terminal, `scalectl loadtest run scenarios/chess.yaml` in another.";
    out
}

fn word(verdict: Verdict) -> String {
    match verdict {
        Verdict::Passed => style::well("PASSED"),
        Verdict::Failed => style::bad("FAILED"),
        Verdict::Inconclusive => style::look("INCONCLUSIVE"),
        Verdict::Interrupted => style::look("INTERRUPTED"),
    }
}
