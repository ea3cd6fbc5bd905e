//! `scalectl demo`: start, probe, load, judge, and leave nothing behind but a report.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::args::{OutputArgs, positive_duration};
use super::{Error, Outcome, io_error};
use crate::config::Document;
use crate::demo::{self, DemoReport, Service};
use crate::health::{self, Check, HealthReport, State};
use crate::load::{self, Audience, LoadReport, Overrides, Plan};
use crate::output::progress::LoadProgress;
use crate::output::{self, Output};
use crate::signal;

/// The shipped scenarios with the users that each gets: 1,000 in all. Registration and login hash a
/// password each, which is why the feed gets the fewest.
const SCENARIOS: [(&str, &str, u32); 3] = [
    ("feed", include_str!("../../scenarios/feed.yaml"), 100),
    ("chat", include_str!("../../scenarios/chat.yaml"), 400),
    ("chess", include_str!("../../scenarios/chess.yaml"), 500),
];
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(20);
/// A server that this machine has and that does not come up in this time is left out.
const COMPANION_PATIENCE: Duration = Duration::from_secs(10);

/// Starts the reference server, probes it, runs the three shipped scenarios on it with 1,000 users in all,
/// and writes a report. Everything it starts, it stops.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long each of the three scenarios runs
    #[arg(long, short, value_name = "DURATION", default_value = "18s", value_parser = positive_duration)]
    duration: Duration,
    /// Where the report goes
    #[arg(long, value_name = "FILE", default_value = "scalectl-report.json")]
    report: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

/// The whole loop.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    // From here on Ctrl-C ends the demo in order, and its servers with it.
    signal::interrupt();
    demo::ensure_writable(&args.report)?;
    let folder = tempfile::Builder::new().prefix("scalectl-demo-").tempdir();
    let folder = folder.map_err(io_error("no temporary folder could be made"))?;
    let report = Demo { output, duration: args.duration, folder }.run().await?;
    report.write(&args.report)?;
    output
        .report(&report, |report| output::demo::verdict(report, &args.report))
        .map_err(io_error("the results could not be written"))?;
    Ok(report.exit())
}

struct Demo {
    output: Output,
    duration: Duration,
    folder: TempDir,
}

impl Demo {
    async fn run(self) -> Result<DemoReport, Error> {
        self.heading("Start");
        let server = Service::reference_server(self.folder.path()).await?;
        self.output.story(&format!("  reference server  {}", server.url()));
        let (companions, left_out) = self.companions().await;
        let services: Vec<Service> = [server].into_iter().chain(companions).collect();

        self.heading("Health");
        let health = self.probe(&services).await?;
        let mut loads = Vec::new();
        if health.state <= State::Warning {
            for (name, text, users) in SCENARIOS {
                if signal::interrupt().is_cancelled() {
                    break;
                }
                self.heading(&format!("Load: {name}"));
                loads.push(self.load(name, text, users, services[0].url()).await?);
            }
        }
        for service in services {
            service.stop().await;
        }
        Ok(DemoReport::new(health, loads, left_out, signal::interrupt().is_cancelled()))
    }

    fn heading(&self, title: &str) {
        self.output.story(&output::demo::heading(title));
    }

    /// Redis and MongoDB, where this machine has them; and what it does not have.
    async fn companions(&self) -> (Vec<Service>, Vec<String>) {
        let (mut services, mut left_out) = (Vec::new(), Vec::new());
        let starts = [Service::redis(self.folder.path()), Service::mongodb(self.folder.path())];
        for start in starts {
            let started = match start {
                Ok(service) => self.settled(service).await,
                Err(reason) => Err(reason),
            };
            match started {
                Ok(service) => {
                    let name = output::demo::padded(service.name());
                    self.output.story(&format!("  {name}  {}", service.url()));
                    services.push(service);
                }
                Err(reason) => {
                    self.output.story(&format!("  left out: {reason}"));
                    left_out.push(reason);
                }
            }
        }
        (services, left_out)
    }

    /// The service once it is well; one that does not come up is stopped, and no reason to give the demo up.
    async fn settled(&self, service: Service) -> Result<Service, String> {
        let report = self.ask(std::slice::from_ref(&service), COMPANION_PATIENCE).await;
        let report = report.map_err(|error| error.to_string())?;
        let ill = report.checks.iter().find(|check| check.state == State::Critical);
        match ill.map(|check| check.detail.clone()) {
            None => Ok(service),
            Some(detail) => {
                let reason = format!("{} did not come up: {detail}", service.name());
                service.stop().await;
                Err(reason)
            }
        }
    }

    async fn probe(&self, services: &[Service]) -> Result<HealthReport, Error> {
        let report = self.ask(services, PATIENCE).await?;
        self.output.story(&output::health::render(&report));
        Ok(report)
    }

    /// The services' own answers; none when interrupted.
    async fn ask(&self, services: &[Service], patience: Duration) -> Result<HealthReport, Error> {
        let targets = services.iter().flat_map(Service::health_targets);
        let checks: Result<Vec<_>, _> = targets.map(|target| Check::parse(&target)).collect();
        let checks = checks?;
        tokio::select! {
            report = health::wait_until_well(&checks, PROBE_TIMEOUT, patience, |_| {}) => Ok(report),
            () = signal::interrupt().cancelled_owned() => Ok(HealthReport::new(Vec::new(), Duration::ZERO)),
        }
    }

    async fn load(&self, name: &str, text: &str, users: u32, url: &str) -> Result<LoadReport, Error> {
        let plan = Arc::new(self.plan(name, text, users, url)?);
        let mut progress = LoadProgress::start(self.output, name);
        let result =
            load::run(plan, &[], signal::interrupt(), Audience::of(|state| progress.update(state))).await;
        progress.finish();
        let report = result?;
        self.output.story(&output::load::render(&report));
        Ok(report)
    }

    fn plan(&self, name: &str, text: &str, users: u32, url: &str) -> Result<Plan, Error> {
        let document = Document::parse(&format!("scenarios/{name}.yaml"), text.to_owned())?;
        let overrides = Overrides {
            target: Some(url.to_owned()),
            users: Some(users),
            duration: Some(self.duration),
            ..Overrides::default()
        };
        Ok(load::compile_document(&document, Path::new("."), &overrides)?)
    }
}
