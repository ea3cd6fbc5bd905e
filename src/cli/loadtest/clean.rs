//! `scalectl loadtest clean`

use std::path::PathBuf;
use std::time::Duration;

use super::allow::AllowArgs;
use super::folder_of;
use crate::cli::args::OutputArgs;
use crate::cli::{Error, Outcome, io_error};
use crate::clients::SecretUrl;
use crate::config::Document;
use crate::config::topology::Reference;
use crate::load::clean::{CleanError, CleanReport, Place, Runs};
use crate::load::scenario::test_data::TestId;
use crate::load::{Overrides, Plan, compile_document};
use crate::output::progress::CountProgress;
use crate::output::{self, Output};
use crate::{Exit, signal};

/// To reach a store, and for each answer of Redis.
const LIMIT: Duration = Duration::from_secs(10);

/// Removes what runs of a scenario have left behind; says only what it would remove until --yes is given.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The scenario file; its `config.testData` says where the data are
    file: PathBuf,
    /// Data of the run with this seed, as its report has it; may be given several times
    #[arg(long, value_name = "SEED", required_unless_present = "all_runs")]
    run: Vec<TestId>,
    /// Data of all runs
    #[arg(long, conflicts_with = "run")]
    all_runs: bool,
    /// Remove it
    #[arg(long)]
    yes: bool,
    /// The MongoDB; env:NAME or file:PATH for one with a password
    #[arg(long, value_name = "URI", env = "SCALECTL_MONGODB_URI", hide_env_values = true)]
    mongodb: Option<Reference>,
    /// The Redis; env:NAME or file:PATH for one with a password
    #[arg(long, value_name = "URL", env = "SCALECTL_REDIS_URL", hide_env_values = true)]
    redis: Option<Reference>,
    /// Lay the settings of this environment, from `config.environments`, over the others
    #[arg(long, short, value_name = "NAME")]
    environment: Option<String>,
    #[command(flatten)]
    allow: AllowArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Counts everything first, then removes it where that is wanted.
pub async fn run(args: Args) -> Outcome {
    let output = args.output.resolve();
    let plan = args.plan()?;
    let runs = if args.all_runs { Runs::All } else { Runs::Named(args.run.clone()) };
    let places = args.places(&plan, &runs, output).await?;
    let mut report = CleanReport::new(&plan, &runs, args.yes);
    for place in &places {
        report.places.push(place.count().await?);
    }
    if args.yes {
        remove(&places, &mut report, output).await?;
    }
    output.report(&report, output::clean::render).map_err(io_error("the results could not be written"))?;
    Ok(if report.is_interrupted { Exit::Interrupted } else { Exit::Done })
}

async fn remove(places: &[Place], report: &mut CleanReport, output: Output) -> Result<(), CleanError> {
    let stop = signal::interrupt();
    let mut before = 0;
    for (place, counted) in places.iter().zip(&mut report.places) {
        let progress = CountProgress::start(output, &counted.place, counted.what());
        let removed = place.remove(&stop, |removed| progress.update(removed, counted.found)).await;
        drop(progress);
        counted.removed = removed.map_err(|error| error.after(before))?;
        before += counted.removed;
    }
    report.is_interrupted = stop.is_cancelled();
    Ok(())
}

impl Args {
    fn plan(&self) -> Result<Plan, Error> {
        let overrides = Overrides { environment: self.environment.clone(), ..Overrides::default() };
        let plan = compile_document(&Document::load(&self.file)?, &folder_of(&self.file), &overrides)?;
        if plan.test_data.documents.is_empty() && plan.test_data.keys.is_empty() {
            return Err(Error::Usage(format!(
                "{} does not say what its runs leave behind; name collections and keys in `config.testData`",
                plan.file
            )));
        }
        Ok(plan)
    }

    /// Where data are looked for, once it is known that they may be removed there.
    async fn places(&self, plan: &Plan, runs: &Runs, output: Output) -> Result<Vec<Place>, Error> {
        let data = &plan.test_data;
        let mongodb = self.store(&self.mongodb, "--mongodb", data.documents.is_empty(), output)?;
        let redis = self.store(&self.redis, "--redis", data.keys.is_empty(), output)?;
        let mut places = Vec::new();
        if let Some(uri) = &mongodb {
            places.extend(Place::documents(uri, LIMIT, &data.documents, runs).await?);
        }
        if let Some(url) = &redis {
            places.extend(Place::keys(url, LIMIT, &data.keys, runs).await?);
        }
        Ok(places)
    }

    fn store(
        &self,
        reference: &Option<Reference>,
        flag: &str,
        is_unneeded: bool,
        output: Output,
    ) -> Result<Option<SecretUrl>, Error> {
        if is_unneeded {
            return Ok(None);
        }
        let Some(reference) = reference else {
            return Err(Error::Usage(format!(
                "`config.testData` has data there: say where it is with {flag}"
            )));
        };
        let store = reference.resolve().map_err(|error| Error::Usage(format!("{flag}: {error}")))?;
        self.allow.ensure_store(&store, output)?;
        Ok(Some(store))
    }
}
