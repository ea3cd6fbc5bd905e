//! `scalectl migrate state finish`

use std::time::Duration;

use state_map::Phase;
use state_map::operator::Step;
use state_map::wire::call::Surveyed;

use super::args::{ConfirmArgs, SteerArgs};
use super::print;
use crate::cli::args::{OutputArgs, duration};
use crate::cli::{Error, Outcome};
use crate::config::duration::humanize;
use crate::output::Output;
use crate::output::state::status::run_name;
use crate::state::change::{Route, Travelled, half_way};
use crate::state::collect::collect;
use crate::state::{Helm, Refusal, StateError};

/// For a gate that opens by itself, and for the acknowledgements.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long tombstones are kept, where no instance asks for longer.
const HORIZON: Duration = Duration::from_secs(60);
/// How much longer they are kept than any call lives.
const CLOCK_MARGIN: Duration = Duration::from_secs(5);
/// The command that goes on after a stop.
const RESUME: &str = "scalectl migrate state finish";

/// Crosses the point of no return, and tidies up.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    steer: SteerArgs,
    #[command(flatten)]
    confirm: ConfirmArgs,
    /// How long tombstones are kept after the last instance has acknowledged stop-old [default: 60s, or 5s longer than
    /// any call of an instance may be under way; no less than that]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    horizon: Option<Duration>,
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
    helm.tell_before(Phase::StopOld);
    let run = view.record.run.to_string();
    args.confirm.confirm(output, "Cross the point of no return? The run's name confirms it.", run_name(&run))
}

/// How long tombstones are kept, in view of how long calls of the instances live.
fn kept_for(view: &Surveyed, wanted: Option<Duration>) -> Result<Duration, StateError> {
    let longest = view.members.iter().max_by_key(|(_, member)| member.report.call_life_ms);
    let Some((name, member)) = longest else { return Ok(wanted.unwrap_or(HORIZON)) };
    let call_life = Duration::from_millis(member.report.call_life_ms);
    let least = call_life.saturating_add(CLOCK_MARGIN);
    match wanted {
        Some(wanted) if wanted < least => {
            let (wanted, call_life, least) = (humanize(wanted), humanize(call_life), humanize(least));
            Err(Refusal::Unconfirmed(format!(
                "a horizon of {wanted} is too short: a call of {name} may be carried out {call_life} after it was sent, \
                 and would bring a deleted value back; --horizon has to be {least} or longer"
            ))
            .into())
        }
        wanted => Ok(wanted.unwrap_or(HORIZON.max(least))),
    }
}

/// To `stop-old`, and on to `done` when everybody has acknowledged it and tombstones are collected.
pub async fn cross(
    helm: &mut Helm<'_>,
    horizon: Option<Duration>,
    patience: Duration,
    travelled: &mut Travelled,
) -> Result<(), StateError> {
    let view = helm.survey().await?;
    if view.record.phase == Phase::Done {
        return Ok(());
    }
    let horizon = kept_for(&view, horizon)?;
    helm.travel(Route { to: Phase::StopOld, patience, confirmed: true }, travelled).await?;
    helm.all_acknowledged(patience).await?;
    let record = helm.survey().await?.record;
    let records = collect(helm, &record, horizon).await?;
    helm.note_collected(record.stamp, records).await?;
    travelled.collected = Some(records);
    travelled.changes.push(helm.step(Step::Forward, patience).await?);
    Ok(())
}
