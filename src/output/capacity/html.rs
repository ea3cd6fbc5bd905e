//! One page with the whole story of a search: the three numbers, the curve, the law, every step and what the systems
//! said in it.

use std::io;

use serde::Serialize;

use super::{Mood, STEP_COLUMNS, Said, cells, charts, conclusion, level, said};
use crate::config::duration::humanize;
use crate::load::capacity::CapacityReport;
use crate::load::capacity::report::{SearchReport, StepReport};
use crate::load::capacity::step::Verdict;
use crate::load::metrics::{FULL, Reading};
use crate::output::page::{self, Fact, Frame, Placed};
use crate::output::table::amount;
use crate::text::printable;

const TEMPLATE: &str = include_str!("page.html");

/// What the template is given.
#[derive(Serialize)]
struct Page {
    #[serde(flatten)]
    frame: Frame,
    schema: &'static str,
    scenario: String,
    class: &'static str,
    word: &'static str,
    why: String,
    facts: Vec<Fact>,
    searches: Vec<SearchView>,
    instances: Option<InstancesView>,
}

#[derive(Serialize)]
struct SearchView {
    target: String,
    unit: &'static str,
    numbers: Vec<[String; 3]>,
    reasons: Vec<String>,
    charts: Vec<Placed>,
    law: Placed,
    columns: [&'static str; 10],
    steps: Vec<StepView>,
    readings: Vec<String>,
}

#[derive(Serialize)]
struct StepView {
    class: &'static str,
    cells: Vec<String>,
    why: Vec<String>,
    /// In the order of the search's readings; empty where nothing was said.
    readings: Vec<ReadingView>,
}

#[derive(Default, Serialize)]
struct ReadingView {
    text: String,
    is_full: bool,
}

#[derive(Serialize)]
struct InstancesView {
    chart: Placed,
    header: [&'static str; 3],
    rows: Vec<Vec<String>>,
    forecasts: Vec<String>,
}

/// Renders `report`.
pub fn render(report: &CapacityReport) -> io::Result<String> {
    page::render(TEMPLATE, content(report))
}

fn content(report: &CapacityReport) -> Page {
    let Said { mood, word, why } = said(report);
    let class = match mood {
        Mood::Well => "passed",
        Mood::Bad => "failed",
        Mood::Look => "unknown",
    };
    let searches = report.searches.iter().enumerate();
    Page {
        frame: Frame::new(),
        schema: report.schema,
        scenario: printable(&report.scenario),
        class,
        word,
        why,
        facts: facts(report),
        searches: searches.map(|(index, search)| view(search, report, index + 1)).collect(),
        instances: report.scaling.as_ref().map(|scaling| InstancesView {
            chart: charts::of_instances(scaling, report).into(),
            header: conclusion::instances_header(report),
            rows: conclusion::instances_rows(scaling),
            forecasts: conclusion::forecasts(scaling, report),
        }),
    }
}

fn facts(report: &CapacityReport) -> Vec<Fact> {
    let settings = &report.settings;
    let fact = |label, value| Fact { label, value };
    let time = |seconds| humanize(std::time::Duration::from_secs_f64(seconds));
    vec![
        fact("turned up", report.unit.to_owned()),
        fact("highest allowed", level(settings.max)),
        fact("a step lasts", time(settings.step_seconds)),
        fact("after a warm-up of", time(settings.warm_up_seconds)),
        fact("tolerance", format!("{:.0} %", 100.0 * settings.tolerance)),
        fact("steps", report.searches.iter().map(|search| search.steps.len()).sum::<usize>().to_string()),
    ]
}

fn view(search: &SearchReport, report: &CapacityReport, number: usize) -> SearchView {
    let instances = search.instances.map(|n| format!(", {n} instances")).unwrap_or_default();
    let mut readings: Vec<(&str, &str)> = Vec::new();
    for reading in search.steps.iter().flat_map(|step| &step.server) {
        if !readings.contains(&(reading.source, reading.name)) {
            readings.push((reading.source, reading.name));
        }
    }
    SearchView {
        target: format!("{}{instances}", printable(&search.target)),
        unit: report.unit,
        numbers: conclusion::rows(search, report),
        reasons: conclusion::reasons(search, report).iter().map(|line| printable(line)).collect(),
        charts: charts::of_levels(search, report, number).into_iter().map(Placed::from).collect(),
        law: charts::of_law(search, report, number).into(),
        columns: STEP_COLUMNS,
        steps: search.steps.iter().map(|step| step_view(step, &readings)).collect(),
        readings: readings.iter().map(|(source, name)| format!("{source} {name}")).collect(),
    }
}

fn step_view(step: &StepReport, readings: &[(&str, &str)]) -> StepView {
    let class = match step.verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "failed",
        Verdict::Invalid => "unknown",
    };
    let said = |(source, name): &(&str, &str)| {
        let found = step.server.iter().find(|reading| reading.source == *source && reading.name == *name);
        found.map(reading_view).unwrap_or_default()
    };
    StepView {
        class,
        cells: cells(step),
        why: step.reasons.iter().map(|reason| printable(reason)).collect(),
        readings: readings.iter().map(said).collect(),
    }
}

fn reading_view(reading: &Reading) -> ReadingView {
    let is_full = reading.saturation.is_some_and(|part| part >= FULL);
    ReadingView { text: amount(reading.value, reading.unit), is_full }
}
