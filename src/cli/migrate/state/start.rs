//! `scalectl migrate state start`

use std::time::Duration;

use state_map::Phase;
use state_map::operator::Step;

use super::args::{BeginArgs, ConfirmArgs, SteerArgs};
use super::finish::cross;
use super::print;
use crate::cli::args::OutputArgs;
use crate::cli::{Error, Outcome, io_error};
use crate::output::Output;
use crate::output::state::plan;
use crate::state::change::{ChangeReport, Route, Travelled, half_way};
use crate::state::preflight::PreflightReport;
use crate::state::{Helm, StateError};

/// Without `--auto`: for the acknowledgements.
const PATIENCE: Duration = Duration::from_secs(5);
/// The command that goes on.
const RESUME: &str = "scalectl migrate state start --auto";
/// With `--auto`: for each gate.
const AUTO_PATIENCE: Duration = Duration::from_secs(600);

/// Begins a run.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    steer: SteerArgs,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    begin: BeginArgs,
    /// Go through every gate that opens by itself; stop where your word is needed. A run that is on is gone on with
    #[arg(long)]
    auto: bool,
    /// With --auto: go no further than this phase [default: primary-new; stop-old and done, from where there is no way
    /// back, have to be named]
    #[arg(long, value_name = "PHASE", requires = "auto")]
    to: Option<Phase>,
    #[command(flatten)]
    output: OutputArgs,
}

/// What came of it.
enum Begun {
    /// The run may not begin.
    Refused(PreflightReport),
    /// It has begun, or was on already.
    Done(ChangeReport),
}

/// Starts, and with `--auto` goes on. A run begins only where `plan` finds nothing against it.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let patience = args.steer.patience(if args.auto { AUTO_PATIENCE } else { PATIENCE });
    let begin = async |helm: &mut Helm<'_>| {
        let mut travelled = Travelled::default();
        let is_off = helm.survey().await?.record.phase == Phase::Off;
        if is_off && let Some(report) = look(helm, &args, output).await? {
            return Ok(Begun::Refused(report));
        }
        if is_off || !args.auto {
            let start = Step::Start { replicas: args.begin.terms().replicas };
            travelled.changes.push(helm.step(start, patience).await?);
        }
        if args.auto {
            go_on(helm, &args, &mut travelled, patience).await?;
        }
        let mut report = helm.report(&travelled, patience).await?;
        if travelled.stopped_before == Some(Phase::Strict) {
            report.next = Some(RESUME);
        }
        Ok(Begun::Done(report))
    };
    match args.steer.at_the_helm("start", output, patience, begin).await? {
        Begun::Done(report) => print(output, &report),
        Begun::Refused(report) => {
            output.report(&report, plan::render).map_err(io_error("the results could not be written"))?;
            Ok(report.exit())
        }
    }
}

/// Looks at what `plan` looks at; gives what it found where that keeps the run from beginning.
async fn look(
    helm: &mut Helm<'_>,
    args: &Args,
    output: Output,
) -> Result<Option<PreflightReport>, StateError> {
    let report = helm.preflight(&args.begin.terms()).await?;
    if report.refused {
        return Ok(Some(report));
    }
    plan::minds(&report).iter().for_each(|mind| output.note(mind));
    Ok(None)
}

async fn go_on(
    helm: &mut Helm<'_>,
    args: &Args,
    travelled: &mut Travelled,
    patience: Duration,
) -> Result<(), Error> {
    helm.verify_by_itself();
    let came = pass(helm, args, travelled, patience).await;
    Ok(came.map_err(|error| half_way(error, travelled, RESUME))?)
}

async fn pass(
    helm: &mut Helm<'_>,
    args: &Args,
    travelled: &mut Travelled,
    patience: Duration,
) -> Result<(), StateError> {
    let confirmed = args.confirm.yes();
    let before_the_end = args.to.unwrap_or(Phase::PrimaryNew).min(Phase::PrimaryNew);
    if helm.survey().await?.record.phase < Phase::PrimaryNew {
        helm.travel(Route { to: before_the_end, patience, confirmed }, travelled).await?;
    }
    if args.to.is_some_and(|to| to <= Phase::PrimaryNew) || travelled.stopped_before.is_some() {
        return Ok(());
    }
    let is_asked_for = confirmed && args.to.is_some();
    if !is_asked_for && helm.survey().await?.record.phase == Phase::PrimaryNew {
        travelled.stopped_before = Some(Phase::StopOld);
        return Ok(());
    }
    if args.to == Some(Phase::StopOld) {
        return helm.travel(Route { to: Phase::StopOld, patience, confirmed }, travelled).await;
    }
    cross(helm, None, patience, travelled).await
}
