//! `scalectl migrate state advance`

use std::time::Duration;

use state_map::Phase;

use super::args::{ConfirmArgs, SteerArgs};
use super::print;
use crate::cli::args::OutputArgs;
use crate::cli::{Error, Outcome};
use crate::output::Output;
use crate::state::change::{Route, Travelled, half_way};
use crate::state::{Helm, Refusal, StateError};

/// For a gate that opens by itself, and for the acknowledgements.
const PATIENCE: Duration = Duration::from_secs(5);

/// Goes on.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    steer: SteerArgs,
    #[command(flatten)]
    confirm: ConfirmArgs,
    /// Go on to this phase, gate by gate, instead of to the next only
    #[arg(long, value_name = "PHASE")]
    to: Option<Phase>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Takes a step, or several.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let patience = args.steer.patience(PATIENCE);
    let advance = async |helm: &mut Helm<'_>| {
        let to = destination(helm, &args).await?;
        let confirmed = agree(helm, &args, to, output).await?;
        if args.to.is_some() {
            helm.verify_by_itself();
        }
        let mut travelled = Travelled::default();
        let came = helm.travel(Route { to, patience, confirmed }, &mut travelled).await;
        let resume = format!("scalectl migrate state advance --to {to}");
        came.map_err(|error| half_way(error, &travelled, &resume))?;
        Ok(helm.report(&travelled, patience).await?)
    };
    let report = args.steer.at_the_helm("advance", output, patience, advance).await?;
    print(output, &report)
}

async fn destination(helm: &mut Helm<'_>, args: &Args) -> Result<Phase, Error> {
    let phase = helm.survey().await?.record.phase;
    let refused = |text: String| Error::from(StateError::from(Refusal::Unconfirmed(text)));
    if phase == Phase::Off {
        return Err(refused("there is no run: `scalectl migrate state start` begins one".to_owned()));
    }
    let to = args.to.or(phase.next()).unwrap_or(phase);
    if to < phase {
        return Err(refused(format!(
            "{to} is behind {phase}: `scalectl migrate state rollback --to {to}` goes back"
        )));
    }
    if to > Phase::PrimaryNew && to != phase {
        return Err(refused(format!(
            "{to} is beyond the point of no return: `scalectl migrate state finish` crosses it"
        )));
    }
    Ok(to)
}

/// What changes for users is told, and agreed to, before it does.
async fn agree(helm: &mut Helm<'_>, args: &Args, to: Phase, output: Output) -> Result<bool, Error> {
    let phase = helm.survey().await?.record.phase;
    if phase >= Phase::Strict || to < Phase::Strict {
        return Ok(true);
    }
    if phase.next() != Some(Phase::Strict) {
        // The gates before come first: then the operator is asked, when strict is next.
        return Ok(args.confirm.yes());
    }
    helm.tell_before(Phase::Strict);
    args.confirm.confirm(output, "Enter strict?", "yes")?;
    Ok(true)
}
