//! Load reports for a pull request.

use super::{disconnect, doubts, fanout, measured, outcome_word, percent, storm, time, verdict_words};
use crate::load::LoadReport;
use crate::load::report::{FailureReport, RowReport};
use crate::load::slo::SloResult;
use crate::output::markdown::{cell, code};
use crate::output::table::thousands;

const SHOWN_FAILURES: usize = 5;

/// Renders `report`.
pub fn render(report: &LoadReport) -> String {
    let (verdict, why) = verdict_words(report);
    let mut text = format!("### Load test {}: {verdict}\n\n", code(&report.scenario));
    text += &format!(
        "{}. {} users, {:.1} s, {} exchanges ({:.1}/s, {} failed) against {}.\n\n",
        capitalized(&why),
        thousands(u64::from(report.users)),
        report.duration_seconds,
        thousands(report.total.count),
        report.total.rate,
        percent(report.total.errors, report.total.count),
        code(&report.target)
    );
    text += "| | threshold | measured |\n|---|---|---|\n";
    text += &report.slo.iter().map(threshold).collect::<String>();
    text +=
        "\n| step | count | errors | rate/s | p50 | p95 | p99 | max |\n|---|--:|--:|--:|--:|--:|--:|--:|\n";
    text += &report.rows.iter().chain([&report.total]).map(row).collect::<String>();
    text += &fanout::markdown(report);
    text += &storm::markdown(report);
    text += &disconnect::markdown(report);
    if !report.failures.is_empty() {
        text += "\n<details><summary>Failures</summary>\n\n| count | step | cause |\n|--:|---|---|\n";
        text += &report.failures.iter().take(SHOWN_FAILURES).map(failure).collect::<String>();
        text += "\n</details>\n";
    }
    let doubts = doubts(report);
    if !doubts.is_empty() {
        text += "\n**The load was not what was asked for:**\n\n";
        text += &doubts.iter().map(|doubt| format!("- {}\n", cell(doubt))).collect::<String>();
    }
    text
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn threshold(result: &SloResult) -> String {
    format!("| {} | {} | {} |\n", outcome_word(result.outcome), code(&result.slo), cell(&measured(result)))
}

fn row(row: &RowReport) -> String {
    let times = [
        time(row.response, |times| times.p50),
        time(row.response, |times| times.p95),
        time(row.response, |times| times.p99),
        time(row.response, |times| times.max),
    ];
    let (count, errors) = (thousands(row.count), thousands(row.errors));
    format!("| {} | {count} | {errors} | {:.1} | {} |\n", code(&row.name), row.rate, times.join(" | "))
}

fn failure(failure: &FailureReport) -> String {
    format!("| {} | {} | {} |\n", thousands(failure.count), code(&failure.row), code(&failure.cause))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::render;

    #[test]
    fn a_report_fits_a_pull_request() {
        let text = render(&sample::report());
        assert!(
            text.starts_with("### Load test `<b>feed.yaml`: FAILED\n\n1 of 3 thresholds missed. 50 users"),
            "{text}"
        );
        assert!(text.contains("| **FAILED** | `p95 < 50ms` | 93.4ms |"), "{text}");
        assert!(text.contains("| `=SUM(<script>alert(1)</script>)` |"), "{text}");
        let cells = |line: &&str| line.matches('|').count() - line.matches("\\|").count();
        let table: Vec<usize> =
            text.lines().filter(|line| line.starts_with("| `")).map(|l| cells(&l)).collect();
        assert!(table.iter().all(|cells| *cells == 9), "{text}");
    }
}
