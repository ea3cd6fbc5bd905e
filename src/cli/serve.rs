//! `scalectl serve`

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use reference_server::{Config, StartError};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use super::args::duration;
use super::{Error, Outcome, io_error};
use crate::output::{Format, Output};
use crate::{Exit, limits, signal};

/// Runs the bundled reference server until Ctrl-C or SIGTERM, then drains it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Folder of the store; made when it is not there
    #[arg(long, value_name = "DIR", default_value = "scalectl-data")]
    data: PathBuf,
    /// Connections served at once; more are told to come back later [default: 10000, or what the limit of
    /// open files allows]
    #[arg(long, value_name = "N")]
    max_connections: Option<usize>,
    /// How long requests under way may take to finish at the end
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    drain: Duration,
    /// What to log to stderr: error, warn, info, debug, or tracing directives
    #[arg(long, value_name = "LEVEL", default_value = "warn", env = "SCALECTL_LOG")]
    log: String,
}

/// Serves.
pub async fn run(args: Args) -> Outcome {
    init_log(&args.log)?;
    let config = config(&args)?;
    reference_server::check_limits(&config)?;
    let listener = TcpListener::bind(args.listen).await.map_err(|error| cannot_listen(&args, &error))?;
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

fn config(args: &Args) -> Result<Config, StartError> {
    limits::raise_descriptors();
    let defaults = Config::default();
    let within_limit = defaults.max_connections.min(reference_server::connections_allowed());
    Ok(Config {
        data: args.data.clone(),
        max_connections: args.max_connections.unwrap_or(within_limit),
        drain_deadline: args.drain,
        ..defaults
    })
}

fn cannot_listen(args: &Args, error: &std::io::Error) -> Error {
    Error::Usage(format!("cannot listen on {}: {error}; choose another with --listen", args.listen))
}

fn init_log(directives: &str) -> Result<(), Error> {
    let filter = EnvFilter::try_new(directives)
        .map_err(|error| Error::Usage(format!("--log {directives}: {error}")))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match std::io::stderr().is_terminal() {
        true => subscriber.init(),
        false => subscriber.json().init(),
    }
    Ok(())
}
