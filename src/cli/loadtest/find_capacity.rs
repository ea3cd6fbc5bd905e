//! `scalectl loadtest find-capacity`

mod args;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use args::{From, HIGHEST, InstanceArgs, LevelArgs, MeasureArgs, Place, axis_parser};

use super::allow::AllowArgs;
use super::reports::ReportArgs;
use super::sources::SourceArgs;
use crate::cli::args::OutputArgs;
use crate::cli::{Error, Outcome, io_error};
use crate::config::Document;
use crate::config::duration::humanize;
use crate::load::Overrides;
use crate::load::capacity::axis::Axis;
use crate::load::capacity::bench::LoadBench;
use crate::load::capacity::course::Course;
use crate::load::capacity::drive::{Timing, drive};
use crate::load::capacity::law::Point;
use crate::load::capacity::report::{CapacityReport, Requirement, SearchReport, Settings};
use crate::load::capacity::scaling::{Earlier, over_instances};
use crate::load::capacity::search::{Search, Terms};
use crate::load::capacity::step::GeneratorLimits;
use crate::load::metrics::sources::Sources;
use crate::output::capacity::progress::CapacityProgress;
use crate::output::{self, Output};
use crate::signal;

/// The baseline, as a part of the highest level where that is given, and of the first otherwise.
const BASELINE_OF_MAX: f64 = 0.01;
const BASELINE_OF_START: f64 = 0.1;
/// A step of an open axis sees so many of what is counted at least: fewer show nothing.
const FEWEST_IN_A_STEP: f64 = 10.0;

/// Runs a scenario at many levels until its limits are known.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The scenario file; its thresholds decide what is held, its phases are not used
    file: PathBuf,
    /// Base URL of the system under test, instead of the file's
    #[arg(long, value_name = "URL", env = "SCALECTL_TARGET", conflicts_with = "at")]
    target: Option<String>,
    /// What is turned up
    #[arg(long, value_name = "AXIS", default_value = "arrival-rate", value_parser = axis_parser())]
    axis: Axis,
    #[command(flatten)]
    levels: LevelArgs,
    #[command(flatten)]
    measure: MeasureArgs,
    #[command(flatten)]
    instances: InstanceArgs,
    #[command(flatten)]
    sources: SourceArgs,
    #[command(flatten)]
    reports: ReportArgs,
    #[command(flatten)]
    allow: AllowArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Searches, concludes, reports.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let document = Arc::new(Document::load(&args.file)?);
    let terms = args.terms()?;
    let courses = args.courses(&document, output)?;
    args.reports.ensure_writable()?;
    let mut points = earlier(&args.instances.at)?;
    let mut searches = Vec::new();
    for (instances, course) in courses {
        let search = search(&args, course, instances, terms.clone(), output).await?;
        if let (Some(instances), Some(peak)) = (instances, &search.peak) {
            points.push(Point { size: f64::from(instances), throughput: peak.goodput });
        }
        searches.push(search);
        if signal::interrupt().is_cancelled() {
            break;
        }
    }
    let report = args.report(&terms, searches, points);
    output.report(&report, output::capacity::render).map_err(io_error("the results could not be written"))?;
    args.reports.write(|format| output::capacity::file(&report, format))?;
    Ok(report.exit())
}

/// One search, from its first step to its last or to an interrupt.
async fn search(
    args: &Args,
    course: Course,
    instances: Option<u32>,
    terms: Terms,
    output: Output,
) -> Result<SearchReport, Error> {
    let plan = course.compile(&Overrides { users: Some(1), ..Overrides::default() })?;
    let target = plan.target.origin().ascii_serialization();
    let places = args.sources.places(&plan.target)?;
    let unnamed = places.unnamed();
    let sources = Sources::find(places).await;
    let mut bench = LoadBench::new(course, sources, signal::interrupt());
    let mut search = Search::new(terms);
    let mut progress = CapacityProgress::start(output, args.axis.unit());
    let driven = drive(&mut search, &mut bench, |event| progress.update(&event)).await;
    progress.finish();
    driven?;
    let absent = [bench.sources().absent(), &unnamed].concat();
    Ok(SearchReport::new(target, instances, &search, absent))
}

impl Args {
    fn terms(&self) -> Result<Terms, Error> {
        let LevelArgs { start, max, require: _, tolerance, confirm, seed } = self.levels;
        let first = self.axis.round(start.unwrap_or_else(|| self.axis.usual_start()));
        let highest = self.axis.round(max.unwrap_or(HIGHEST));
        if start.is_some() && first > highest {
            return Err(Error::Usage(format!("--start {first} is above --max {highest}")));
        }
        let first = first.min(highest);
        let fewest = self.fewest(first)?;
        let baseline = max.map_or(BASELINE_OF_START * first, |max| BASELINE_OF_MAX * max).max(fewest);
        Ok(Terms {
            axis: self.axis,
            start: first,
            max: highest,
            baseline: self.axis.round(baseline).min(first),
            tolerance,
            confirm,
            limits: GeneratorLimits { lag: self.measure.max_lag, ..GeneratorLimits::default() },
            seed,
        })
    }

    /// The lowest level at which a step shows something.
    fn fewest(&self, first: f64) -> Result<f64, Error> {
        let fewest = match self.axis.is_open() {
            true => FEWEST_IN_A_STEP / self.measure.step_duration.as_secs_f64(),
            false => 1.0,
        };
        if first >= fewest {
            return Ok(fewest);
        }
        let step = humanize(self.measure.step_duration);
        Err(Error::Usage(format!(
            "at {first} {} a step of {step} sees too few; begin higher with --start, or measure longer with \
             --step-duration",
            self.axis.unit()
        )))
    }

    fn timing(&self) -> Timing {
        Timing { warm_up: self.measure.warm_up, window: self.measure.step_duration }
    }

    /// A course for each search that is to be run; every one is checked before the first begins.
    fn courses(&self, document: &Arc<Document>, output: Output) -> Result<Vec<(Option<u32>, Course)>, Error> {
        let course = |target: Option<String>| Course {
            document: Arc::clone(document),
            folder: self.file.parent().unwrap_or(Path::new(".")).to_owned(),
            target,
            axis: self.axis,
            timing: self.timing(),
            max_users: self.measure.max_users,
        };
        let mut courses = Vec::new();
        for Place { instances, from } in &self.instances.at {
            if let From::Search(url) = from {
                courses.push((Some(*instances), course(Some(url.clone()))));
            }
        }
        if self.instances.at.is_empty() {
            courses.push((self.instances.instances, course(self.target.clone())));
        }
        for (_, course) in &courses {
            let plan = course.compile(&Overrides { users: Some(1), ..Overrides::default() })?;
            self.allow.ensure(&plan.target, output)?;
        }
        Ok(courses)
    }

    fn report(&self, terms: &Terms, searches: Vec<SearchReport>, points: Vec<Point>) -> CapacityReport {
        let require = |level| searches.last().map(|search| Requirement::judge(level, search));
        let is_scaled = !self.instances.at.is_empty();
        CapacityReport {
            schema: "scalectl.loadtest.capacity/1",
            scenario: self.file.display().to_string(),
            axis: self.axis,
            unit: self.axis.unit(),
            goodput_unit: self.axis.goodput_unit(),
            settings: Settings::new(terms, &self.timing()),
            is_interrupted: signal::interrupt().is_cancelled(),
            requirement: self.levels.require.and_then(require),
            searches,
            scaling: is_scaled.then(|| over_instances(points, self.instances.plan_for)),
        }
    }
}

/// The peaks of earlier reports.
fn earlier(places: &[Place]) -> Result<Vec<Point>, Error> {
    let mut points = Vec::new();
    for Place { instances, from } in places {
        if let From::Report(path) = from {
            let wrong = |reason: String| Error::Usage(format!("{}: {reason}", path.display()));
            let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
            let throughput = Earlier::read(&text).map_err(wrong)?;
            points.push(Point { size: f64::from(*instances), throughput });
        }
    }
    Ok(points)
}
