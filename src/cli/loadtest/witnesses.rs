//! Who else has to do with a run while it goes on: the systems that are asked, the receivers that are told, the page that
//! shows it.

use futures_util::future::join_all;

use super::exports::ExportArgs;
use super::sources::WatchArgs;
use super::web::WebArgs;
use crate::cli::{Error, io_error};
use crate::live::LivePage;
use crate::load::export::Export;
use crate::load::metrics::Absent;
use crate::load::metrics::sampler::Sampler;
use crate::load::metrics::sources::{Places, Sources};
use crate::load::onlooker::Onlooker;
use crate::load::{LoadReport, Plan};
use crate::output::Output;

/// All of them.
#[derive(Debug, clap::Args)]
pub struct WitnessArgs {
    #[command(flatten)]
    systems: WatchArgs,
    #[command(flatten)]
    exports: ExportArgs,
    #[command(flatten)]
    web: WebArgs,
}

/// Those of a run.
#[derive(Debug)]
pub struct Witnesses {
    sampler: Option<Sampler>,
    exports: Vec<Export>,
    page: Option<LivePage>,
}

impl WitnessArgs {
    /// Calls them, with their onlookers. What is wrong with one of them is told before anybody is asked.
    pub async fn call(
        &self,
        plan: &Plan,
        output: Output,
    ) -> Result<(Witnesses, Vec<Box<dyn Onlooker>>), Error> {
        let places = self.systems.places(&plan.target)?;
        let receivers = self.exports.places()?;
        let listener = self.web.bind(output).await?;
        let sampler = match places {
            Some(places) => Some(look_at_systems(places, plan, output).await),
            None => None,
        };
        let mut onlookers: Vec<_> = sampler.iter().map(Sampler::onlooker).collect();
        let (exports, told): (_, Vec<_>) = self.exports.start(receivers, plan).into_iter().unzip();
        onlookers.extend(told);
        let page = listener.map(|listener| {
            let (page, relay) = LivePage::start(listener, plan, self.web.is_public());
            onlookers.push(relay);
            page
        });
        Ok((Witnesses { sampler, exports, page }, onlookers))
    }
}

impl Witnesses {
    /// The run is over: what they know goes into its report, and whoever is looking gets it.
    pub async fn dismiss(self, report: &mut LoadReport) -> Result<(), Error> {
        let Self { sampler, exports, page } = self;
        if let Some(sampler) = sampler {
            report.server = Some(sampler.finish().await);
        }
        let told = join_all(exports.into_iter().map(Export::finish)).await;
        report.notes.extend(told.into_iter().flatten());
        match page {
            Some(page) => page.finish(report).await.map_err(io_error("the page could not be ended")),
            None => Ok(()),
        }
    }
}

/// Asks the systems for the first time, and says who does not answer: there is still time to mend it.
async fn look_at_systems(places: Places, plan: &Plan, output: Output) -> Sampler {
    let sources = Sources::find(places).await;
    for Absent { source, reason } in sources.absent() {
        output.note(&format!("note: {source} will not be asked: {reason}"));
    }
    Sampler::start(sources, plan.load.duration())
}
