//! `scalectl migrate state finish`

use std::time::Duration;

use state_map::Phase;
use state_map::operator::Step;

use super::args::{ConfirmArgs, SteerArgs};
use super::print;
use crate::cli::args::{OutputArgs, duration};
use crate::cli::{Error, Outcome};
use crate::output::Output;
use crate::output::state::notice;
use crate::output::state::status::run_name;
use crate::state::change::{Route, Travelled, half_way};
use crate::state::collect::collect;
use crate::state::{Helm, Refusal, StateError};

/// For a gate that opens by itself, and for the acknowledgements.
const PATIENCE: Duration = Duration::from_secs(30);
/// The command that goes on after a stop.
const RESUME: &str = "scalectl migrate state finish";

/// Crosses the point of no return, and tidies up.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    steer: SteerArgs,
    #[command(flatten)]
    confirm: ConfirmArgs,
    /// How long tombstones are kept after the last instance has acknowledged stop-old: longer than any call of an
    /// instance may be under way
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    horizon: Duration,
    #[command(flatten)]
    output: OutputArgs,
}

/// From primary-new to the end, or on from stop-old.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let patience = args.steer.patience(PATIENCE);
    let finish = async |helm: &mut Helm<'_>| {
        agree(helm, &args, output).await?;
        let mut travelled = Travelled::default();
        let came = cross(helm, args.horizon, patience, &mut travelled).await;
        came.map_err(|error| half_way(error, &travelled, RESUME))?;
        Ok(helm.report(&travelled, patience).await?)
    };
    let report = args.steer.at_the_helm("finish", output, patience, finish).await?;
    print(output, &report)
}

/// The point of no return is shown, and agreed to, before it is crossed. It is crossed only once.
async fn agree(helm: &mut Helm<'_>, args: &Args, output: Output) -> Result<(), Error> {
    let view = helm.survey().await?;
    let phase = view.record.phase;
    let refused = |text| Error::from(StateError::from(Refusal::Unconfirmed(text)));
    match phase {
        Phase::StopOld | Phase::Done => return Ok(()),
        Phase::PrimaryNew => {}
        Phase::Off => {
            return Err(refused("there is no run: `scalectl migrate state start` begins one".to_owned()));
        }
        _ => {
            let text = format!(
                "{phase} is not the last phase before the end: `scalectl migrate state advance` goes on"
            );
            return Err(refused(text));
        }
    }
    helm.refuse_if_shut(&view, Step::Forward)?;
    output.note(notice::before(Phase::StopOld).unwrap_or_default());
    let run = view.record.run.to_string();
    args.confirm.confirm(output, "Cross the point of no return? The run's name confirms it.", run_name(&run))
}

/// To `stop-old`, and on to `done` when everybody has acknowledged it and tombstones are collected.
pub async fn cross(
    helm: &mut Helm<'_>,
    horizon: Duration,
    patience: Duration,
    travelled: &mut Travelled,
) -> Result<(), StateError> {
    if helm.survey().await?.record.phase == Phase::Done {
        return Ok(());
    }
    helm.travel(Route { to: Phase::StopOld, patience, confirmed: true }, travelled).await?;
    helm.all_acknowledged(patience).await?;
    let stamp = helm.survey().await?.record.stamp;
    let records = collect(helm, stamp.epoch, horizon).await?;
    helm.note_collected(stamp, records).await?;
    travelled.collected = Some(records);
    travelled.changes.push(helm.step(Step::Forward, patience).await?);
    Ok(())
}
