//! `scalectl health`

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args::{OutputArgs, duration, positive_duration};
use super::{Error, Outcome, io_error};
use crate::config::Diagnostic;
use crate::config::document::escape;
use crate::config::topology::{DEFAULT_FILE, Topology};
use crate::health::{Check, HealthReport, probe_all, wait_until_well};
use crate::output::{self, Output};
use crate::{Exit, signal};

/// Between two messages of a wait.
const MESSAGE_EVERY: Duration = Duration::from_secs(2);

/// Asks systems over their own protocols whether they are well.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to ask: http://…, socketio+http://…, redis://…, mongodb://…, tcp://host:port; env:NAME or
    /// file:PATH for a URL with a password. Without targets, everything in scalectl.yaml
    targets: Vec<String>,
    /// The file that names the systems
    #[arg(long, value_name = "FILE", default_value = DEFAULT_FILE, env = "SCALECTL_CONFIG")]
    config: PathBuf,
    /// The environment in that file
    #[arg(long, value_name = "NAME", env = "SCALECTL_ENV")]
    env: Option<String>,
    /// How long one answer may take
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = positive_duration)]
    timeout: Duration,
    /// Ask again until everything is well, for at most this long
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    wait: Option<Duration>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Probes once, or until all is well.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let checks = checks(&args)?;
    let interrupt = signal::interrupt();
    let probed = async {
        match args.wait {
            None => probe_all(&checks, args.timeout).await,
            Some(patience) => wait(&checks, args.timeout, patience, output).await,
        }
    };
    let report = tokio::select! {
        report = probed => report,
        () = interrupt.cancelled() => return Ok(Exit::Interrupted),
    };
    output.report(&report, output::health::render).map_err(io_error("the results could not be written"))?;
    Ok(report.exit())
}

async fn wait(checks: &[Check], timeout: Duration, patience: Duration, output: Output) -> HealthReport {
    let mut next_message_ms = 0.0;
    wait_until_well(checks, timeout, patience, |report| {
        if report.state == crate::health::State::Critical && report.elapsed_ms >= next_message_ms {
            next_message_ms = report.elapsed_ms + MESSAGE_EVERY.as_secs_f64() * 1e3;
            output.note(&output::health::waiting(report));
        }
    })
    .await
}

fn checks(args: &Args) -> Result<Vec<Check>, Error> {
    if !args.targets.is_empty() {
        let checks: Result<Vec<_>, _> = args.targets.iter().map(|target| Check::parse(target)).collect();
        return Ok(checks?);
    }
    let checks = of_environment(&args.config, args.env.as_deref())?;
    if checks.is_empty() {
        let file = args.config.display();
        return Err(Error::Usage(format!("{file}: the environment names no system to check")));
    }
    Ok(checks)
}

fn of_environment(file: &Path, name: Option<&str>) -> Result<Vec<Check>, Error> {
    if !file.exists() {
        let file = file.display();
        return Err(Error::Usage(format!(
            "no targets were given and there is no {file}; try `scalectl health http://127.0.0.1:8080/health`"
        )));
    }
    let (document, topology) = Topology::load(file)?;
    let (name, environment) = topology.environment(&document, name)?;
    let (mut checks, mut found) = (Vec::new(), Vec::new());
    for (pointer, check) in Check::of_environment(environment) {
        let pointer = format!("/environments/{}{pointer}", escape(name));
        match check {
            Ok(check) => checks.push(check),
            Err(error) => found.push(Diagnostic::new(document.place(&pointer), error.to_string())),
        }
    }
    document.verdict(found)?;
    Ok(checks)
}
