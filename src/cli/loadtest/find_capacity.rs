//! `scalectl loadtest find-capacity`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use url::Url;

use super::{ensure_allowed, is_loopback};
use crate::cli::args::{OutputArgs, positive_duration};
use crate::cli::{Error, Outcome, io_error};
use crate::clients::SecretUrl;
use crate::config::Document;
use crate::config::duration::humanize;
use crate::config::topology::Reference;
use crate::load::Overrides;
use crate::load::capacity::axis::Axis;
use crate::load::capacity::bench::{Course, LoadBench};
use crate::load::capacity::drive::{Timing, drive};
use crate::load::capacity::law::Point;
use crate::load::capacity::metrics::sources::{Places, Sources};
use crate::load::capacity::report::{CapacityReport, Requirement, SearchReport, Settings};
use crate::load::capacity::scaling::{Earlier, over_instances};
use crate::load::capacity::search::{Search, Terms};
use crate::load::capacity::step::GeneratorLimits;
use crate::output::capacity::progress::CapacityProgress;
use crate::output::{self, Output};
use crate::signal;

/// The highest level, when none is given: the most users that a scenario may have.
const HIGHEST: f64 = 1_000_000.0;
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
    /// Allow load on this host; hosts other than this machine's own have to be named
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Where it searches.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Levels")]
struct LevelArgs {
    /// The first level of the climb [default: 10, for sockets 100, for messages 50]
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    start: Option<f64>,
    /// The highest level to try; the baseline is 1 % of it [default: 1000000, the baseline then a tenth of --start]
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    max: Option<f64>,
    /// Exit 1 when this level is not held
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    require: Option<f64>,
    /// How far apart the best level and the first that fails may be
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = percent)]
    tolerance: f64,
    /// How often the best level has to pass again
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=10))]
    confirm: u32,
    /// Decides the order in which it is tried again
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// How a step is measured.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Steps")]
struct MeasureArgs {
    /// How long a step is measured
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = positive_duration)]
    step_duration: Duration,
    /// How long load lasts before that; longer by itself where a scenario takes longer
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = positive_duration)]
    warm_up: Duration,
    /// Users that may be under way at once where arrivals are turned up
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_users: u32,
    /// A step is invalid when 1 % of the generator's timers fire later than this
    #[arg(long, value_name = "DURATION", default_value = "10ms", value_parser = positive_duration)]
    max_lag: Duration,
}

/// How many instances there are.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Instances")]
struct InstanceArgs {
    /// How many instances the target has: comfortable load then survives the loss of one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000), conflicts_with = "at")]
    instances: Option<u32>,
    /// Search once for each number of instances, at its address, or take the peak of an earlier JSON report; may be
    /// given several times, such as --at 1=http://one:8080 --at 2=http://two:8080 --at 4=four.json
    #[arg(long, value_name = "N=URL|FILE", value_parser = place)]
    at: Vec<Place>,
    /// Say how many instances this much goodput needs
    #[arg(long, value_name = "GOODPUT", value_parser = level, requires = "at")]
    plan_for: Option<f64>,
}

/// Whom to ask what the system does meanwhile.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "What the systems say of themselves")]
struct SourceArgs {
    /// The target's Prometheus metrics [default: /metrics of the target]
    #[arg(long, value_name = "URL")]
    metrics: Option<Url>,
    /// Its MongoDB; env:NAME or file:PATH for one with a password
    #[arg(long, value_name = "URI", env = "SCALECTL_MONGODB_URI", hide_env_values = true)]
    mongodb: Option<Reference>,
    /// Its Redis; env:NAME or file:PATH for one with a password
    #[arg(long, value_name = "URL", env = "SCALECTL_REDIS_URL", hide_env_values = true)]
    redis: Option<Reference>,
}

/// A number of instances, and where their peak is to be had.
#[derive(Debug, Clone)]
struct Place {
    instances: u32,
    from: From,
}

#[derive(Debug, Clone)]
enum From {
    Search(String),
    Report(PathBuf),
}

/// Searches, concludes, reports.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let document = Arc::new(Document::load(&args.file)?);
    let terms = args.terms()?;
    let courses = args.courses(&document)?;
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
    let sources = Sources::find(args.places(&plan.target)?).await;
    let mut bench = LoadBench::new(course, sources, signal::interrupt());
    let mut search = Search::new(terms);
    let mut progress = CapacityProgress::start(output, args.axis.unit());
    let driven = drive(&mut search, &mut bench, |event| progress.update(&event)).await;
    progress.finish();
    driven?;
    Ok(SearchReport::new(target, instances, &search, bench.sources().absent().to_vec()))
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
    fn courses(&self, document: &Arc<Document>) -> Result<Vec<(Option<u32>, Course)>, Error> {
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
            ensure_allowed(&plan.target, &self.allow_host)?;
        }
        Ok(courses)
    }

    fn places(&self, target: &Url) -> Result<Places, Error> {
        let resolve = |reference: &Option<Reference>| -> Result<Option<SecretUrl>, Error> {
            let resolved = reference.as_ref().map(Reference::resolve).transpose();
            resolved.map_err(|error| Error::Usage(error.to_string()))
        };
        let mut usual = target.clone();
        usual.set_path("/metrics");
        Ok(Places {
            metrics: self.sources.metrics.clone().unwrap_or(usual),
            mongodb: resolve(&self.sources.mongodb)?,
            redis: resolve(&self.sources.redis)?,
            is_local: is_loopback(target),
        })
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

fn axis_parser() -> impl TypedValueParser<Value = Axis> {
    PossibleValuesParser::new(Axis::ALL.map(Axis::word)).map(|word| {
        let found = Axis::ALL.into_iter().find(|axis| axis.word() == word);
        // The parser lets no other word through.
        found.unwrap_or(Axis::ArrivalRate)
    })
}

fn level(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(level) if level > 0.0 && level <= HIGHEST => Ok(level),
        _ => Err("write a number above 0 and at most 1000000".to_owned()),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if (1.0..=50.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("write a percentage between 1% and 50%".to_owned()),
    }
}

fn place(text: &str) -> Result<Place, String> {
    let (instances, from) = text.split_once('=').ok_or("write N=URL or N=FILE")?;
    let instances = match instances.parse() {
        Ok(instances) if instances >= 1 => instances,
        _ => return Err(format!("`{instances}` is no number of instances")),
    };
    let is_url = from.starts_with("http://") || from.starts_with("https://");
    let from = if is_url { From::Search(from.to_owned()) } else { From::Report(from.into()) };
    Ok(Place { instances, from })
}
