//! `scalectl migrate state resolve`

use std::time::Duration;

use state_map::wire::key::Key;
use state_map::wire::message::Keep;

use super::args::SteerArgs;
use crate::Exit;
use crate::cli::args::OutputArgs;
use crate::cli::{Error, Outcome, io_error};
use crate::output;
use crate::state::conflict::{self, Conflicts, Undecided};
use crate::state::{Helm, StateError};

/// Shows keys with two values, and decides on one.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The key to decide on, as it is called in Redis; without one, all keys with two values are shown
    #[arg(requires = "keep")]
    key: Option<String>,
    #[command(flatten)]
    steer: SteerArgs,
    /// Which value stays: the one that the instance holds beside Redis, or the one that Redis or the owner has
    #[arg(long, value_enum, requires = "key")]
    keep: Option<Side>,
    /// Show the values. They may hold secrets of the application
    #[arg(long)]
    show_values: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Which value stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Side {
    /// The one that the instance holds beside Redis.
    Held,
    /// The one that Redis or the owner has.
    Stored,
}

impl From<Side> for Keep {
    fn from(side: Side) -> Self {
        match side {
            Side::Held => Self::Held,
            Side::Stored => Self::Stored,
        }
    }
}

/// Prints the conflicts, or decides on one and prints what is left to decide.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let reports = match (&args.key, args.keep) {
        (Some(key), Some(side)) => decide(&args, &Key::from_name(key), side.into()).await?,
        _ => {
            let target = args.steer.target()?;
            conflict::read(&target, &mut target.connect().await?).await?
        }
    };
    let report = Conflicts::of(&reports, args.show_values);
    let written = output.report(&report, output::state::conflict::render);
    written.map_err(io_error("the results could not be written"))?;
    Ok(Exit::Done)
}

async fn decide(args: &Args, key: &Key, keep: Keep) -> Result<conflict::Reports, Error> {
    let decide = async |helm: &mut Helm<'_>| {
        let target = helm.target.clone();
        let reports = conflict::read(&target, &mut helm.link).await?;
        let undecided = Undecided::find(&reports, key, &helm.survey().await?)?;
        undecided.refuse_in_vain(keep)?;
        let noted = helm.operator().resolving(key.clone(), keep).await;
        noted.map_err(|stopped| StateError::stopped(&target, stopped))?;
        undecided.decide(&target, &mut helm.link, keep).await?;
        Ok(conflict::read(&target, &mut helm.link).await?)
    };
    let output = args.output.resolve();
    args.steer.at_the_helm("resolve", output, args.steer.patience(Duration::ZERO), decide).await
}
