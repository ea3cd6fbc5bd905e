//! Opens the store that the settings name.

use std::sync::Arc;

use secrecy::ExposeSecret;

use super::{MongoStore, Observed, SqliteStore, Store, StoreError, mongo, store_file};
use crate::config::{Config, Durability, MongoSettings, StoreHome};
use crate::error::StartError;
use crate::telemetry::Telemetry;

/// The store of a server, its calls measured.
pub async fn open(config: &Config, telemetry: &Arc<Telemetry>) -> Result<Box<dyn Store>, StartError> {
    match &config.store.home {
        StoreHome::Embedded { durability } => open_embedded(config, *durability, telemetry).await,
        StoreHome::Mongo(settings) => open_mongo(settings, config.store.indexes, telemetry).await,
    }
}

async fn open_embedded(
    config: &Config,
    durability: Durability,
    telemetry: &Arc<Telemetry>,
) -> Result<Box<dyn Store>, StartError> {
    let path = store_file(&config.data);
    let failed = |source: StoreError| StartError::Store { path: path.clone(), source };
    let store = SqliteStore::open(&path, durability).map_err(failed)?.measured(telemetry);
    store.declare_indexes(config.store.indexes).await.map_err(failed)?;
    Ok(Box::new(Observed::new(store, Arc::clone(telemetry))))
}

async fn open_mongo(
    settings: &MongoSettings,
    indexes: bool,
    telemetry: &Arc<Telemetry>,
) -> Result<Box<dyn Store>, StartError> {
    let hosts = mongo::hosts(settings.uri.expose_secret());
    let failed = |source: StoreError| StartError::Mongo { hosts, source };
    let store = MongoStore::open(settings, indexes, telemetry).await.map_err(failed)?;
    Ok(Box::new(Observed::new(store, Arc::clone(telemetry))))
}
