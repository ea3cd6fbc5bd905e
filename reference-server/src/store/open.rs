//! Opens the store that the settings name.

use std::sync::Arc;

use super::{Observed, SqliteStore, Store, StoreError, store_file};
use crate::config::{Config, Durability, StoreHome};
use crate::error::StartError;
use crate::telemetry::Telemetry;

/// The store of a server, its calls measured.
pub async fn open(config: &Config, telemetry: &Arc<Telemetry>) -> Result<Box<dyn Store>, StartError> {
    let durability = match &config.store.home {
        StoreHome::Embedded { durability } => *durability,
        StoreHome::Mongo(_) => Durability::Full,
    };
    let path = store_file(&config.data);
    let failed = |source: StoreError| StartError::Store { path: path.clone(), source };
    let store = SqliteStore::open(&path, durability).map_err(failed)?;
    Ok(Box::new(Observed::new(store, Arc::clone(telemetry))))
}
