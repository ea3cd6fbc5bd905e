//! `scalectl serve`: settings from options, environment and file; one process, or several under a supervisor.

mod args;
mod check;
mod control;
mod instance;
mod log;
mod secret;
mod settings;
mod supervise;

use reference_server::{Config, SeedPlan, Seeded};
use tokio::net::TcpListener;

pub use args::Args;
pub use instance::run as run_instance;
pub use settings::{Refusal, Settings};
pub use supervise::NotStarted;

use super::{Error, Outcome, io_error};
use crate::output::progress::RowProgress;
use crate::output::table::thousands;
use crate::output::{Format, Output};
use crate::{Exit, signal};
use log::Log;

/// The command, not shown to users, by which the supervisor starts an instance.
pub const INSTANCE_COMMAND: &str = "serve-instance";

/// Lets every option of the command be given in the environment: `--log-keep` as `SCALECTL_LOG_KEEP`. Those of
/// secrets are read elsewhere: what is refused on the command line is welcome there.
pub fn with_environment(command: clap::Command) -> clap::Command {
    command.mut_args(|arg| {
        let id = arg.get_id().as_str().to_owned();
        if arg.get_long().is_none() || args::SECRET_OPTIONS.contains(&id.as_str()) || id == "help" {
            return arg;
        }
        arg.env(format!("SCALECTL_{}", id.to_uppercase())).hide_env(true)
    })
}

/// Serves.
pub async fn run(args: Args) -> Outcome {
    let resolved = settings::load(&args)?;
    let log = Log::open(&resolved.settings.log, None).await?;
    if let Some(plan) = &args.seed {
        seed(&resolved.settings.server, plan).await?;
    }
    let listener = bind(&resolved.settings).await?;
    let outcome = match resolved.settings.instances {
        Some(size) => supervise::run(args, resolved, listener, size.get()).await,
        None => alone(listener, resolved.settings.server).await,
    };
    log.close().await;
    outcome
}

/// Fills the store, once for all instances.
async fn seed(config: &Config, plan: &SeedPlan) -> Result<(), Error> {
    let output = Output::new(Format::Table, false);
    let progress = RowProgress::start(output, "seeding");
    let seeded = reference_server::seed(config, plan, |rows, expected| progress.update(rows, expected)).await;
    progress.finish();
    output.note(&match seeded? {
        Seeded { already: true, .. } => "the store holds the data of this plan already".to_owned(),
        Seeded { rows, .. } => format!("seeded: {} rows", thousands(rows)),
    });
    Ok(())
}

async fn alone(listener: TcpListener, config: Config) -> Outcome {
    let address = listener.local_addr().map_err(io_error("the address cannot be read"))?;
    let output = Output::new(Format::Table, false);
    let shutdown = signal::interrupt();
    let announced = async move {
        // Whoever started it and went away without reading does not need to be told.
        output.result(&format!("listening on http://{address}")).ok();
        shutdown.cancelled_owned().await;
    };
    let served = reference_server::serve(listener, config, announced).await?;
    output.note(&format!(
        "stopped: {} connections drained, {} cut",
        served.connections_drained, served.connections_cut
    ));
    Ok(Exit::Done)
}

async fn bind(settings: &Settings) -> Result<TcpListener, Error> {
    let cannot = |error: std::io::Error| {
        let address = settings.listen;
        Error::Usage(format!("cannot listen on {address}: {error}; choose another with --listen"))
    };
    TcpListener::bind(settings.listen).await.map_err(cannot)
}
