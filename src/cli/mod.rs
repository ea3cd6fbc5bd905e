//! The command line: one file per leaf command, each with its arguments and its `run`.
//!
//! Everything enters through [`run`] and leaves through it: an [`Outcome`] becomes an exit code here and
//! nowhere else.

mod args;
mod confirm;
mod demo;
mod health;
mod loadtest;
mod migrate;
pub mod serve;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use reference_server::{SeedError, StartError};
use state_map::operator::Stopped;

use crate::clients::ClientError;
use crate::config::Mistakes;
use crate::demo::DemoError;
use crate::exit::{Exit, HealthExit};
use crate::health::target::TargetError;
use crate::indexes::IndexError;
use crate::indexes::import::mongoose::SourceError;
use crate::load::LoadError;
use crate::load::capacity::CapacityError;
use crate::load::clean::CleanError;
use crate::load::import::ImportError;
use crate::load::worker::WorkerError;
use crate::load::worker::remote::MeetingError;
use crate::output::{Format, Output};
use crate::state::StateError;

/// Scale a Node + Socket.IO + MongoDB + Redis application from 1K to 1M users, and prove every step.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// See the whole loop on this machine, in about a minute
    Demo(demo::Args),
    /// Run the bundled reference server
    Serve(Box<serve::Args>),
    #[command(name = serve::INSTANCE_COMMAND, hide = true)]
    ServeInstance,
    #[command(name = crate::load::worker::local::COMMAND, hide = true)]
    LoadWorker,
    /// Ask systems whether they are well (exit 0 ok, 1 warning, 2 critical, 3 unknown)
    Health(health::Args),
    /// Put users on a system and judge what it does
    #[command(subcommand)]
    Loadtest(loadtest::Command),
    /// Change what is under an application, step by step, and prove each
    #[command(subcommand)]
    Migrate(migrate::Command),
}

/// The name of the runtime's threads.
const WORKER: &str = "scalectl-worker";

/// What a command comes to when it does not come to an error.
type Outcome = Result<Exit, Error>;

/// Why a command could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is wrong.
    #[error(transparent)]
    Mistakes(#[from] Mistakes),
    /// A target is wrong.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A load test could not be run.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// What runs have left behind could not be removed.
    #[error(transparent)]
    Clean(#[from] CleanError),
    /// Nothing could be imported.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A search for the capacity could not be done.
    #[error(transparent)]
    Capacity(CapacityError),
    /// A command on indexes could not be done.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A command on state could not be done.
    #[error(transparent)]
    State(#[from] StateError),
    /// Sources of models could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A demo could not be given.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// Settings do not go together.
    #[error(transparent)]
    Settings(#[from] serve::Refusal),
    /// An instance of the reference server could not be started.
    #[error("instance {number}: {source}")]
    Instance {
        /// Its number.
        number: u32,
        /// Why.
        source: serve::NotStarted,
    },
    /// The reference server could not be run.
    #[error(transparent)]
    Start(#[from] StartError),
    /// There are no seed data.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The arguments do not go together, or name what is not there.
    #[error("{0}")]
    Usage(String),
    /// Something has to be allowed first.
    #[error("{0}")]
    Refused(String),
    /// A part of the machine did not do its part.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// The system's word.
        source: std::io::Error,
    },
}

impl Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Mistakes(_) | Self::Source(_) | Self::Import(_) | Self::Target(_) | Self::Usage(_) => {
                Exit::Usage
            }
            Self::Start(StartError::Mongo { .. }) => Exit::Unreachable,
            Self::Start(_) | Self::Settings(_) => Exit::Usage,
            Self::Seed(SeedError::Start(StartError::Mongo { .. })) => Exit::Unreachable,
            Self::Seed(SeedError::Start(_)) => Exit::Usage,
            Self::Seed(SeedError::OtherPlan(_) | SeedError::OtherData) => Exit::Refused,
            Self::Seed(SeedError::Store(_)) => Exit::Resumable,
            Self::Instance { source: serve::NotStarted::Refused(_), .. } => Exit::Usage,
            Self::Instance { .. } => Exit::Failed,
            Self::Demo(DemoError::NoPlace { .. }) => Exit::Usage,
            Self::Demo(DemoError::Server(_)) => Exit::Unreachable,
            Self::Load(error) => exit_of_load(error),
            Self::Capacity(CapacityError::NoArrivalFinished { .. }) | Self::Io { .. } => Exit::Inconclusive,
            Self::Capacity(_) => Exit::Usage,
            Self::Clean(CleanError { removed: 1.., .. }) => Exit::Resumable,
            Self::Clean(CleanError {
                source: ClientError::Io(_) | ClientError::Timeout(_) | ClientError::Resolve { .. },
                ..
            }) => Exit::Unreachable,
            Self::Clean(_) => Exit::Failed,
            Self::Index(error) => exit_of_index(error),
            Self::State(error) => exit_of_state(error),
            Self::Refused(_) => Exit::Refused,
        }
    }
}

fn exit_of_load(error: &LoadError) -> Exit {
    match error {
        LoadError::Unreachable { .. }
        | LoadError::Worker(WorkerError::Refused { is_unreachable: true, .. })
        | LoadError::Meeting(MeetingError::Unreachable { .. }) => Exit::Unreachable,
        LoadError::Worker(WorkerError::Section(error)) => exit_of_load(error),
        LoadError::Descriptors(_) | LoadError::TooSmall(_) => Exit::Usage,
        LoadError::Meeting(MeetingError::Taken(_) | MeetingError::Seated { .. }) => Exit::Refused,
        LoadError::Interrupted | LoadError::Worker(WorkerError::Interrupted) => Exit::Interrupted,
        LoadError::Goose(_)
        | LoadError::Threads(_)
        | LoadError::EndedEarly
        | LoadError::Before(_)
        | LoadError::Worker(_)
        | LoadError::Meeting(_) => Exit::Inconclusive,
    }
}

fn exit_of_index(error: &IndexError) -> Exit {
    match error {
        IndexError::Unreachable { .. } => Exit::Unreachable,
        IndexError::Privilege { .. } | IndexError::Refused(_) => Exit::Refused,
        IndexError::Server { .. } => Exit::Failed,
        IndexError::HalfWay { .. } => Exit::Resumable,
        IndexError::File { .. } => Exit::Usage,
    }
}

fn exit_of_state(error: &StateError) -> Exit {
    match error {
        StateError::Unreachable { .. } => Exit::Unreachable,
        StateError::Privilege { .. } | StateError::Refused(_) => Exit::Refused,
        StateError::Server { .. } => Exit::Failed,
        StateError::HalfWay { .. } => Exit::Resumable,
        StateError::Interrupted => Exit::Interrupted,
        StateError::Url { .. } | StateError::File { .. } => Exit::Usage,
        StateError::Stopped(stopped) => match **stopped {
            Stopped::Redis(_) => Exit::Unreachable,
            Stopped::Unknown { .. } | Stopped::NotDurable { .. } | Stopped::Journal { changed: true, .. } => {
                Exit::Resumable
            }
            _ => Exit::Refused,
        },
    }
}

impl From<CapacityError> for Error {
    fn from(error: CapacityError) -> Self {
        match error {
            CapacityError::Load(error) => Self::Load(error),
            CapacityError::Mistakes(mistakes) => Self::Mistakes(mistakes),
            other => Self::Capacity(other),
        }
    }
}

/// For `map_err`: an I/O error with what was tried.
fn io_error(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
    let what = what.into();
    move |source| Error::Io { what, source }
}

/// Parses, runs, and turns whatever happened into an exit code.
pub fn run(args: &[OsString]) -> Exit {
    match parse(args) {
        Ok(cli) => dispatch(cli.command),
        Err(error) => {
            error.print().ok();
            if error.use_stderr() { usage_exit(args) } else { Exit::Done }
        }
    }
}

fn parse(args: &[OsString]) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&command_line().try_get_matches_from(args)?)
}

fn command_line() -> clap::Command {
    Cli::command().mut_subcommand("serve", serve::with_environment)
}

/// A monitoring scheduler would take clap's 2 for "critical".
fn usage_exit(args: &[OsString]) -> Exit {
    match args.get(1) {
        Some(command) if command == "health" => Exit::Health(HealthExit::Unknown),
        _ => Exit::Usage,
    }
}

fn dispatch(command: Command) -> Exit {
    // The one cryptography provider of the process; it can only be "already installed".
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let is_health = matches!(command, Command::Health(_));
    let outcome = runtime().and_then(|runtime| {
        let outcome = runtime.block_on(execute(command));
        // Connections still closing are no reason to wait.
        hush_workers();
        runtime.shutdown_background();
        outcome
    });
    match outcome {
        Ok(exit) => exit,
        Err(error) => {
            Output::new(Format::Table, false).error(&error.to_string());
            if is_health { Exit::Health(HealthExit::Unknown) } else { error.exit() }
        }
    }
}

/// MongoDB's driver ends its sessions from tasks of its own, and panics in one that finds another cut off already
/// (`cmap/connection_requester.rs`). By now the outcome is known: what becomes of the runtime's tasks is nobody's news.
fn hush_workers() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() != Some(WORKER) {
            tell(panic);
        }
    }));
}

fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().thread_name(WORKER).build().map_err(io_error("the runtime could not be started"))
}

async fn execute(command: Command) -> Outcome {
    match command {
        Command::Demo(args) => demo::run(args).await,
        Command::Serve(args) => serve::run(*args).await,
        Command::ServeInstance => serve::run_instance().await,
        Command::LoadWorker => loadtest::worker::run_child().await,
        Command::Health(args) => health::run(args).await,
        Command::Loadtest(loadtest::Command::Run(args)) => loadtest::run::run(*args).await,
        Command::Loadtest(loadtest::Command::FindCapacity(args)) => loadtest::find_capacity::run(*args).await,
        Command::Loadtest(loadtest::Command::Validate(args)) => loadtest::validate::run(&args),
        Command::Loadtest(loadtest::Command::Compare(args)) => loadtest::compare::run(&args),
        Command::Loadtest(loadtest::Command::Worker(args)) => loadtest::worker::run(args).await,
        Command::Loadtest(loadtest::Command::Import(command)) => loadtest::import::run(command),
        Command::Loadtest(loadtest::Command::Clean(args)) => loadtest::clean::run(*args).await,
        Command::Loadtest(loadtest::Command::List(args)) => loadtest::list::run(&args),
        Command::Migrate(migrate::Command::Indexes(command)) => migrate::indexes::run(command).await,
        Command::Migrate(migrate::Command::State(command)) => migrate::state::run(command).await,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_arguments_are_consistent() {
        super::command_line().debug_assert();
    }
}
