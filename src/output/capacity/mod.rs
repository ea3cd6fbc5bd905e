//! Capacity reports for people.

mod charts;
mod conclusion;
mod csv;
mod curve;
mod html;
mod junit;
mod markdown;
pub mod progress;

use std::io;
use std::time::Duration;

use super::table::{figure as level, table};
use super::{FileFormat, json, style};
use crate::config::duration::humanize;
use crate::load::capacity::CapacityReport;
use crate::load::capacity::report::{SearchReport, StepReport};
use crate::load::capacity::search::{Finding, Purpose};
use crate::load::capacity::step::{Percentiles, Verdict};
use crate::text::one_line;

/// What is told of a step.
const STEP_COLUMNS: [&str; 10] =
    ["#", "step", "level", "achieved", "goodput", "p50", "p95", "p99", "errors", "verdict"];

/// The text of a file.
pub fn file(report: &CapacityReport, format: FileFormat) -> io::Result<String> {
    Ok(match format {
        FileFormat::Html => html::render(report)?,
        FileFormat::Json => json(report)?,
        FileFormat::Junit => junit::render(report),
        FileFormat::Markdown => markdown::render(report),
        FileFormat::Csv => csv::render(report)?,
    })
}

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
    table(&STEP_COLUMNS, 2, search.steps.iter().map(step).collect::<Vec<_>>())
}

fn step(step: &StepReport) -> Vec<String> {
    let mut cells = cells(step);
    if let [.., errors, verdict] = &mut cells[..] {
        if step.error_percent > 0.0 {
            *errors = style::bad(errors);
        }
        *verdict = match step.verdict {
            Verdict::Passed => style::well(verdict),
            Verdict::Failed => style::bad(verdict),
            Verdict::Invalid => style::look(verdict),
        };
    }
    cells
}

/// What [`STEP_COLUMNS`] name.
fn cells(step: &StepReport) -> Vec<String> {
    let time =
        |pick: fn(&Percentiles) -> u64| step.response.map_or("-".to_owned(), |times| micros(pick(&times)));
    let again = if step.is_repeat { " again" } else { "" };
    vec![
        step.number.to_string(),
        format!("{}{again}", purpose_word(step.purpose)),
        level(step.level),
        level(step.achieved),
        level(step.goodput),
        time(|times| times.p50),
        time(|times| times.p95),
        time(|times| times.p99),
        format!("{:.2}%", step.error_percent),
        verdict_word(step.verdict).to_owned(),
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
    let Said { mood, word, why } = said(report);
    let word = match mood {
        Mood::Well => style::well(word),
        Mood::Bad => style::bad(word),
        Mood::Look => style::look(word),
    };
    format!("{word}: {why}")
}

/// What a search comes to, in words.
struct Said {
    mood: Mood,
    word: &'static str,
    why: String,
}

enum Mood {
    Well,
    Bad,
    Look,
}

impl Said {
    fn new(mood: Mood, word: &'static str, why: impl Into<String>) -> Self {
        Self { mood, word, why: why.into() }
    }
}

fn said(report: &CapacityReport) -> Said {
    if report.is_interrupted {
        return Said::new(Mood::Look, "INTERRUPTED", "this is what was known");
    }
    if let Some(requirement) = &report.requirement {
        let wanted = format!("{} {}", level(requirement.level), report.unit);
        match requirement.met {
            Some(true) => return Said::new(Mood::Well, "PASSED", format!("{wanted} are held")),
            Some(false) => return Said::new(Mood::Bad, "FAILED", format!("{wanted} are not held")),
            None => {}
        }
    }
    let findings = report.searches.iter().map(|search| search.finding);
    match findings.max_by_key(|finding| gravity(*finding)) {
        Some(finding) => found(finding, report),
        None => Said::new(Mood::Well, "DONE", "the peaks are those of earlier reports"),
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

fn found(finding: Finding, report: &CapacityReport) -> Said {
    let inconclusive = |why: &str| Said::new(Mood::Look, "INCONCLUSIVE", why);
    match finding {
        Finding::Found => Said::new(Mood::Well, "FOUND", "the limit was found and confirmed"),
        Finding::AboveMaximum => {
            let (max, unit) = (level(report.settings.max), report.unit);
            Said::new(Mood::Well, "HELD", format!("{max} {unit} are held; the limit is above --max"))
        }
        Finding::Unsteady => {
            inconclusive("the best levels did not pass again; the system, or its surroundings, are unsteady")
        }
        Finding::AboveGenerator => inconclusive(
            "the limit is above what this machine can drive honestly; see why steps were invalid",
        ),
        Finding::FailsAtBaseline => Said::new(Mood::Bad, "FAILED", "it fails at the baseline already"),
        Finding::Unfinished => inconclusive("this is what was known"),
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

fn micros(micros: u64) -> String {
    humanize(Duration::from_micros(micros))
}
