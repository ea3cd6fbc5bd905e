//! Whom to ask what the system does while it is under load.

use url::Url;

use super::allow::is_loopback;
use crate::cli::Error;
use crate::clients::SecretUrl;
use crate::config::topology::Reference;
use crate::load::metrics::sources::Places;

/// Where the systems tell of themselves.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "What the systems say of themselves")]
pub struct SourceArgs {
    /// The target's Prometheus metrics, where they are not at /metrics of the target
    #[arg(long, value_name = "URL", value_parser = http_url)]
    pub metrics: Option<Url>,
    /// Its MongoDB; env:NAME or file:PATH for one with a password
    #[arg(long, value_name = "URI", env = "SCALECTL_MONGODB_URI", hide_env_values = true)]
    pub mongodb: Option<Reference>,
    /// Its Redis; env:NAME or file:PATH for one with a password
    #[arg(long, value_name = "URL", env = "SCALECTL_REDIS_URL", hide_env_values = true)]
    pub redis: Option<Reference>,
}

/// The same for a run, which asks the target only when it is told to.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "What the systems say of themselves")]
pub struct WatchArgs {
    #[command(flatten)]
    sources: SourceArgs,
    /// Ask the target for its /metrics once a second, and show them beside the load
    #[arg(long)]
    watch_target: bool,
}

impl SourceArgs {
    /// The places of all that are to be asked; the target's own metrics are there unless they are elsewhere.
    pub fn places(&self, target: &Url) -> Result<Places, Error> {
        let mut usual = target.clone();
        usual.set_path("/metrics");
        let metrics = Some(self.metrics.clone().unwrap_or(usual));
        let resolve = |reference: &Option<Reference>| -> Result<Option<SecretUrl>, Error> {
            let resolved = reference.as_ref().map(Reference::resolve).transpose();
            resolved.map_err(|error| Error::Usage(error.to_string()))
        };
        let (mongodb, redis) = (resolve(&self.mongodb)?, resolve(&self.redis)?);
        Ok(Places { metrics, mongodb, redis, is_local: is_loopback(target) })
    }
}

impl WatchArgs {
    /// The places, where there is anybody to ask.
    pub fn places(&self, target: &Url) -> Result<Option<Places>, Error> {
        let mut places = self.sources.places(target)?;
        if !self.watch_target && self.sources.metrics.is_none() {
            places.metrics = None;
        }
        let is_any = places.metrics.is_some() || places.mongodb.is_some() || places.redis.is_some();
        Ok(is_any.then_some(places))
    }
}

fn http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if is_http(&url) { Ok(url) } else { Err("write an http:// or https:// URL".to_owned()) }
}

/// Whether a URL is of a server that speaks HTTP.
pub fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}
