//! The driver's client, set up as the settings say.

use std::sync::Arc;

use mongodb::Client;
use mongodb::options::{
    ClientOptions, ReadPreference, ReadPreferenceOptions, SelectionCriteria, WriteConcern,
};
use secrecy::ExposeSecret;

use super::monitor;
use crate::config::{MongoSettings, ReadFrom};
use crate::store::StoreError;
use crate::telemetry::Telemetry;

const APP_NAME: &str = "reference-server";

/// A client. It connects when it is first used. The settings win over options of the connection string.
pub async fn connect(settings: &MongoSettings, telemetry: &Arc<Telemetry>) -> Result<Client, StoreError> {
    let uri = settings.uri.expose_secret();
    // The driver's words may quote the string, a password included.
    let mut options =
        ClientOptions::parse(uri).await.map_err(|_| StoreError::ConnectionString(hosts(uri)))?;
    options.app_name.get_or_insert_with(|| APP_NAME.to_owned());
    options.min_pool_size = Some(settings.min_pool_size);
    options.max_pool_size = Some(settings.max_pool_size);
    options.server_selection_timeout = Some(settings.selection_timeout);
    options.connect_timeout = Some(settings.selection_timeout);
    options.retry_writes = Some(true);
    options.selection_criteria = Some(ReadPreference::Primary.into());
    let mut durable = WriteConcern::majority();
    durable.journal = Some(true);
    options.write_concern = Some(durable);
    options.cmap_event_handler = Some(monitor::connections(telemetry));
    options.command_event_handler = Some(monitor::commands(telemetry));
    Ok(Client::with_options(options)?)
}

/// Which members answer reads that may be a little old.
pub fn criteria(from: ReadFrom) -> SelectionCriteria {
    let options = ReadPreferenceOptions::default;
    match from {
        ReadFrom::Primary => ReadPreference::Primary,
        ReadFrom::PrimaryPreferred => ReadPreference::PrimaryPreferred { options: Some(options()) },
        ReadFrom::Secondary => ReadPreference::Secondary { options: Some(options()) },
        ReadFrom::SecondaryPreferred => ReadPreference::SecondaryPreferred { options: Some(options()) },
        ReadFrom::Nearest => ReadPreference::Nearest { options: Some(options()) },
    }
    .into()
}

/// The hosts of a connection string, without anything that could be a credential. The string need not be
/// valid: what stands before the last `@` is left out, wherever that is.
pub fn hosts(uri: &str) -> String {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, hosts)| hosts);
    rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_are_shown() {
        for (uri, shown) in [
            ("mongodb://db.example:27017", "db.example:27017"),
            ("mongodb://u:p%40ss@a:1,b:2/db?replicaSet=x", "a:1,b:2"),
            ("mongodb+srv://u:pa/ss@cluster.example/db", "cluster.example"),
            ("u:p@ss@a:1", "a:1"),
            ("mongodb://u:p@a/?appName=x@y", "y"),
        ] {
            assert_eq!(hosts(uri), shown);
        }
    }
}
