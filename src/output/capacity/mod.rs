//! Capacity reports for people.

mod conclusion;
mod curve;
pub mod progress;

use std::time::Duration;

use super::style;
use super::table::{table, thousands};
use crate::config::duration::humanize;
use crate::load::capacity::CapacityReport;
use crate::load::capacity::report::{SearchReport, StepReport};
use crate::load::capacity::search::{Finding, Purpose};
use crate::load::capacity::step::Verdict;
use crate::text::one_line;

/// The numbers, the curve, the steps and the verdict.
pub fn render(report: &CapacityReport) -> String {
    let mut out = String::new();
    for search in &report.searches {
        out += &heading(report, search);
        out += &conclusion::numbers(search, report);
        out += &format!("\n{}\n{}", style::bold("Curve: goodput by level"), curve::draw(search));
        out += &format!("\n{}\n{}", style::bold("Steps"), steps(search));
        out += &format!("{}\n", reasons(search));
    }
    if let Some(scaling) = &report.scaling {
        out += &conclusion::scaling(scaling, report);
    }
    out + &verdict(report)
}

fn heading(report: &CapacityReport, search: &SearchReport) -> String {
    let instances = search.instances.map(|n| format!(", {n} instances")).unwrap_or_default();
    let scenario = style::bold(&report.scenario);
    format!("{scenario} against {}{instances}: capacity in {}\n\n", search.target, report.unit)
}

fn steps(search: &SearchReport) -> String {
    let header = ["#", "step", "level", "achieved", "goodput", "p50", "p95", "p99", "errors", "verdict"];
    table(&header, 2, search.steps.iter().map(step).collect::<Vec<_>>())
}

fn step(step: &StepReport) -> Vec<String> {
    let time = |pick: fn(&crate::load::capacity::step::Percentiles) -> u64| {
        step.response.map_or("-".to_owned(), |times| micros(pick(&times)))
    };
    let again = if step.is_repeat { " again" } else { "" };
    let errors = format!("{:.2}%", step.error_percent);
    vec![
        step.number.to_string(),
        format!("{}{again}", purpose_word(step.purpose)),
        level(step.level),
        level(step.achieved),
        level(step.goodput),
        time(|times| times.p50),
        time(|times| times.p95),
        time(|times| times.p99),
        if step.error_percent > 0.0 { style::bad(&errors) } else { errors },
        match step.verdict {
            Verdict::Passed => style::well("passed"),
            Verdict::Failed => style::bad("failed"),
            Verdict::Invalid => style::look("invalid"),
        },
    ]
}

/// Why steps did not pass, by their numbers.
fn reasons(search: &SearchReport) -> String {
    let mut out = String::new();
    for step in search.steps.iter().filter(|step| !step.reasons.is_empty()) {
        for reason in &step.reasons {
            out += &format!("  {:>2}  {}\n", step.number, one_line(reason));
        }
    }
    if out.is_empty() { out } else { format!("\n{}\n{out}", style::bold("Why steps did not pass")) }
}

fn verdict(report: &CapacityReport) -> String {
    if report.is_interrupted {
        return format!("{}: this is what was known", style::look("INTERRUPTED"));
    }
    if let Some(requirement) = &report.requirement {
        let wanted = format!("{} {}", level(requirement.level), report.unit);
        match requirement.met {
            Some(true) => return format!("{}: {wanted} are held", style::well("PASSED")),
            Some(false) => return format!("{}: {wanted} are not held", style::bad("FAILED")),
            None => {}
        }
    }
    let findings = report.searches.iter().map(|search| search.finding);
    match findings.max_by_key(|finding| gravity(*finding)) {
        Some(finding) => said(finding, report),
        None => format!("{}: the peaks are those of earlier reports", style::well("DONE")),
    }
}

fn gravity(finding: Finding) -> u8 {
    match finding {
        Finding::Found => 0,
        Finding::AboveMaximum => 1,
        Finding::Unfinished => 2,
        Finding::Unsteady => 3,
        Finding::AboveGenerator => 4,
        Finding::FailsAtBaseline => 5,
    }
}

fn said(finding: Finding, report: &CapacityReport) -> String {
    let max = level(report.settings.max);
    match finding {
        Finding::Found => format!("{}: the limit was found and confirmed", style::well("FOUND")),
        Finding::AboveMaximum => {
            format!("{}: {max} {} are held; the limit is above --max", style::well("HELD"), report.unit)
        }
        Finding::Unsteady => format!(
            "{}: the best levels did not pass again; the system, or its surroundings, are unsteady",
            style::look("INCONCLUSIVE")
        ),
        Finding::AboveGenerator => format!(
            "{}: the limit is above what this machine can drive honestly; see why steps were invalid",
            style::look("INCONCLUSIVE")
        ),
        Finding::FailsAtBaseline => format!("{}: it fails at the baseline already", style::bad("FAILED")),
        Finding::Unfinished => format!("{}: this is what was known", style::look("INCONCLUSIVE")),
    }
}

fn purpose_word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Baseline => "baseline",
        Purpose::Climb => "climb",
        Purpose::Bisect => "bisect",
        Purpose::Confirm => "confirm",
        Purpose::Overload => "overload",
    }
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "failed",
        Verdict::Invalid => "invalid",
    }
}

/// A level with as many figures as it needs.
fn level(value: f64) -> String {
    match value {
        value if value >= 100.0 || value == value.round() => thousands(value.round() as u64),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

fn micros(micros: u64) -> String {
    humanize(Duration::from_micros(micros))
}
