//! `scalectl migrate state start`

use std::time::Duration;

use state_map::Phase;
use state_map::operator::Step;

use super::args::{ConfirmArgs, SteerArgs};
use super::finish::cross;
use super::print;
use crate::cli::args::OutputArgs;
use crate::cli::{Error, Outcome};
use crate::state::change::{Route, Travelled, half_way};
use crate::state::{Helm, StateError};

/// Without `--auto`: for the acknowledgements.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long tombstones are kept at the end.
const HORIZON: Duration = Duration::from_secs(60);
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
    /// Replicas that must have a write before it is acknowledged, from strict on
    #[arg(long, value_name = "N", default_value_t = 0)]
    replicas: u32,
    /// Go through every gate that opens by itself; stop where your word is needed. A run that is on is gone on with
    #[arg(long)]
    auto: bool,
    /// With --auto: go no further than this phase
    #[arg(long, value_name = "PHASE", default_value = "done", requires = "auto")]
    to: Phase,
    #[command(flatten)]
    output: OutputArgs,
}

/// Starts, and with `--auto` goes on.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let patience = args.steer.patience(if args.auto { AUTO_PATIENCE } else { PATIENCE });
    let begin = async |helm: &mut Helm<'_>| {
        let mut travelled = Travelled::default();
        if !args.auto || helm.survey().await?.record.phase == Phase::Off {
            let start = Step::Start { replicas: args.replicas };
            travelled.changes.push(helm.step(start, patience).await?);
        }
        if args.auto {
            go_on(helm, &args, &mut travelled, patience).await?;
        }
        let mut report = helm.report(&travelled, patience).await?;
        if travelled.stopped_before == Some(Phase::Strict) {
            report.next = Some(RESUME);
        }
        Ok(report)
    };
    let report = args.steer.at_the_helm("start", output, patience, begin).await?;
    print(output, &report)
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
    if helm.survey().await?.record.phase < Phase::PrimaryNew {
        helm.travel(Route { to: args.to.min(Phase::PrimaryNew), patience, confirmed }, travelled).await?;
    }
    if args.to <= Phase::PrimaryNew || travelled.stopped_before.is_some() {
        return Ok(());
    }
    if !confirmed && helm.survey().await?.record.phase == Phase::PrimaryNew {
        travelled.stopped_before = Some(Phase::StopOld);
        return Ok(());
    }
    cross(helm, HORIZON, patience, travelled).await
}
