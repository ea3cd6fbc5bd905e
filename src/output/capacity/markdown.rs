//! Capacity reports for a pull request.

use super::{STEP_COLUMNS, Said, cells, conclusion, said};
use crate::load::capacity::CapacityReport;
use crate::load::capacity::report::SearchReport;
use crate::output::markdown::{cell, code};

/// Renders `report`.
pub fn render(report: &CapacityReport) -> String {
    let Said { word, why, .. } = said(report);
    let mut text = format!("### Capacity of {}: {word}\n\n{}.\n\n", code(&report.scenario), cell(&why));
    text += &report.searches.iter().map(|search| one(search, report)).collect::<String>();
    if let Some(scaling) = &report.scaling {
        let rows = conclusion::instances_rows(scaling);
        text += &format!("**Instances**\n\n{}\n", table(&conclusion::instances_header(report), &rows));
        text += &lines(&conclusion::forecasts(scaling, report));
    }
    text
}

fn one(search: &SearchReport, report: &CapacityReport) -> String {
    let instances = search.instances.map(|n| format!(", {n} instances")).unwrap_or_default();
    let mut text = format!("**{}{instances}**, in {}\n\n", code(&search.target), report.unit);
    let numbers: Vec<_> = conclusion::rows(search, report).into_iter().map(Vec::from).collect();
    text += &format!("{}\n", table(&["", "level", "evidence"], &numbers));
    text += &lines(&conclusion::reasons(search, report));
    let steps: Vec<_> = search.steps.iter().map(cells).collect();
    text + &format!("<details><summary>Steps</summary>\n\n{}\n</details>\n\n", table(&STEP_COLUMNS, &steps))
}

fn lines(lines: &[String]) -> String {
    lines.iter().map(|line| format!("- {}\n", cell(line))).collect::<String>() + "\n"
}

fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let escaped = |row: &Vec<String>| line(&row.iter().map(|text| cell(text)).collect::<Vec<_>>());
    let rules: String = header.iter().map(|_| "---|").collect();
    format!("| {} |\n|{rules}\n{}", header.join(" | "), rows.iter().map(escaped).collect::<String>())
}
