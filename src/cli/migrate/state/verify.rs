//! `scalectl migrate state verify`

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::args::{JournalArgs, TargetArgs};
use crate::cli::args::{OutputArgs, duration, positive_duration};
use crate::cli::{Error, Outcome, io_error};
use crate::output::Output;
use crate::output::state::verify::{VerifyProgress, line, render};
use crate::state::verify::baseline::Baseline;
use crate::state::verify::invariant::{CHESS, Rule};
use crate::state::verify::maps::MapName;
use crate::state::verify::report::Verdict;
use crate::state::verify::{Settings, VerifyReport, verify};
use crate::state::{Target, evidence};
use crate::{Exit, signal};

/// Between two rounds of a continuous verification.
const PAUSE: Duration = Duration::from_millis(500);

/// Compares the memory of every instance with Redis, while requests run.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    journal: JournalArgs,
    /// How long a difference has to persist unchanged before it counts
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = positive_duration)]
    settle: Duration,
    /// How far apart the expiries of a key may be
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration)]
    ttl_tolerance: Duration,
    /// How long an instance may take to answer
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = positive_duration)]
    instance_timeout: Duration,
    /// A map and the start of its keys, where no instance tells of it
    #[arg(long, value_name = "NAME=PREFIX")]
    map: Vec<MapName>,
    /// A rule across keys, such as `a.value -> b.key naming /owner/id`; the one of the chess games is built in
    #[arg(long, value_name = "RULE")]
    invariant: Vec<Rule>,
    /// A sample that an earlier verification wrote: none of it may have gone back
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write a sample of what is verified, for a later verification; keys stand in it as hashes
    #[arg(long, value_name = "FILE")]
    save_baseline: Option<PathBuf>,
    /// How many of the keys that differ are shown
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    samples: usize,
    /// Show the values of keys that differ, not only their hashes
    #[arg(long)]
    show_values: bool,
    /// Verify again and again for this long, and judge the worst
    #[arg(long = "for", value_name = "DURATION", value_parser = positive_duration, conflicts_with = "watch")]
    lasting: Option<Duration>,
    /// Verify again and again, until Ctrl-C
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    fn settings(&self) -> Result<Settings, Error> {
        let baseline = self.baseline.as_deref().map(Baseline::load).transpose()?;
        let chess: Rule = CHESS.parse().map_err(Error::Usage)?;
        Ok(Settings {
            settle: self.settle,
            ttl_tolerance: self.ttl_tolerance,
            patience: self.instance_timeout,
            maps: self.map.clone(),
            invariants: std::iter::once(chess).chain(self.invariant.iter().cloned()).collect(),
            baseline,
            save_baseline: self.save_baseline.clone(),
            samples: self.samples,
            show_values: self.show_values,
        })
    }
}

/// Verifies, and prints what was found.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let (target, settings) = (args.target.resolve()?, args.settings()?);
    let until = args.lasting.map(|lasting| Instant::now() + lasting);
    let mut worst: Option<VerifyReport> = None;
    let interrupt = signal::interrupt();
    let rounds = rounds(&target, &settings, until, args.watch, output, &mut worst);
    let interrupted = tokio::select! {
        ended = rounds => { ended?; false }
        () = interrupt.cancelled() => true,
    };
    let Some(report) = worst else { return Ok(Exit::Interrupted) };
    output.report(&report, render).map_err(io_error("the results could not be written"))?;
    note(&target, &args.journal.path(&target), &report, output).await;
    // A verification that goes on until Ctrl-C ends that way as it should.
    Ok(if interrupted && !args.watch { Exit::Interrupted } else { report.verdict.exit() })
}

/// Writes it down for the gates. A verification is one also where that cannot be done.
async fn note(target: &Target, journal: &Path, report: &VerifyReport, output: Output) {
    let noted = evidence::record(target, journal, report).await;
    if let Err(error) = noted {
        output.note(&format!("the gates do not know of this verification: {error}"));
    }
}

/// Verifies once, or for as long as is asked; keeps the worst report, and of equal ones the last.
async fn rounds(
    target: &Target,
    settings: &Settings,
    until: Option<Instant>,
    watch: bool,
    output: Output,
    worst: &mut Option<VerifyReport>,
) -> Result<(), Error> {
    let goes_on = || watch || until.is_some_and(|until| Instant::now() < until);
    for round in 1.. {
        let report = one(target, settings, output).await?;
        if watch || until.is_some() {
            output.note(&line(round, &report));
        }
        let worst_so_far = worst.as_ref().map_or(Verdict::Pass, |report| report.verdict);
        if report.verdict >= worst_so_far {
            *worst = Some(report);
        }
        worst.iter_mut().for_each(|report| report.rounds = round);
        if !goes_on() {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

async fn one(target: &Target, settings: &Settings, output: Output) -> Result<VerifyReport, Error> {
    let progress = VerifyProgress::start(output);
    let report = verify(target, settings, &|event| progress.show(event)).await?;
    let nothing =
        "no migration is under way: there is nothing to compare; begin with `scalectl migrate state start`";
    report.ok_or_else(|| Error::Refused(nothing.to_owned()))
}
