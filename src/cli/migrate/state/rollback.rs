//! `scalectl migrate state rollback`

use std::time::Duration;

use state_map::Phase;

use super::args::SteerArgs;
use super::print;
use crate::cli::args::OutputArgs;
use crate::cli::{Error, Outcome};
use crate::state::change::{Route, Travelled, half_way};
use crate::state::{Helm, Refusal, StateError};

/// For the acknowledgements.
const PATIENCE: Duration = Duration::from_secs(5);

/// Goes back.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    steer: SteerArgs,
    /// Go back to this phase, step by step, instead of by one
    #[arg(long, value_name = "PHASE")]
    to: Option<Phase>,
    /// Go back to off although keys are in Redis that no instance takes into its memory: they are gone then
    #[arg(long)]
    abandon: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Takes a step back, or several. The last step is undone at once; each other waits for acknowledgements.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let patience = args.steer.patience(PATIENCE);
    let go_back = async |helm: &mut Helm<'_>| {
        let to = destination(helm, args.to).await?;
        if args.abandon {
            helm.abandon();
        }
        let mut travelled = Travelled::default();
        let came = helm.travel(Route { to, patience, confirmed: false }, &mut travelled).await;
        let resume = format!("scalectl migrate state rollback --to {to}");
        came.map_err(|error| half_way(error, &travelled, &resume))?;
        Ok(helm.report(&travelled, patience).await?)
    };
    let report = args.steer.at_the_helm("rollback", output, patience, go_back).await?;
    print(output, &report)
}

/// Where it leads. From where there is no way back the step itself says why.
async fn destination(helm: &mut Helm<'_>, to: Option<Phase>) -> Result<Phase, Error> {
    let phase = helm.survey().await?.record.phase;
    let to = to.unwrap_or_else(|| phase.back().unwrap_or(Phase::Off));
    if to <= phase && (phase != Phase::Off || to < phase) {
        return Ok(to);
    }
    let text = match phase {
        Phase::Off => "there is no run: nothing is to be rolled back".to_owned(),
        _ => format!("{to} is ahead of {phase}: `scalectl migrate state advance --to {to}` goes on"),
    };
    Err(StateError::from(Refusal::Unconfirmed(text)).into())
}
