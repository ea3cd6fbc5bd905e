//! Opens the store and puts the parts of a server together.

use std::sync::Arc;

use tower::Layer;

use super::front::Front;
use crate::app::App;
use crate::config::{Config, Durability, StoreHome};
use crate::error::StartError;
use crate::security::{Passwords, Tokens};
use crate::store::{Observed, OperationStore, SqliteStore, StoreError, store_file};
use crate::telemetry::Telemetry;
use crate::{http, socket};

/// The secret that signs tokens: kept in the store, so that tokens outlive a restart.
const TOKEN_SECRET: &str = "token";

/// A server that is ready for its first connection.
pub async fn start(config: Config) -> Result<(Arc<App>, Front), StartError> {
    let telemetry = Arc::new(Telemetry::new(config.instance.as_ref()));
    let path = store_file(&config.data);
    let durability = match &config.store.home {
        StoreHome::Embedded { durability } => *durability,
        StoreHome::Mongo(_) => Durability::Full,
    };
    let failed = |source: StoreError| StartError::Store { path: path.clone(), source };
    let store = SqliteStore::open(&path, durability).map_err(failed)?;
    store.declare_indexes(config.store.indexes).await.map_err(failed)?;
    let secret = store.secret(TOKEN_SECRET, rand::random::<[u8; 32]>().to_vec()).await.map_err(failed)?;
    let tokens = Tokens::new(&secret, config.security.token_ttl);
    let passwords = Passwords::new(config.security.password)?;
    let store = Box::new(Observed::new(store, Arc::clone(&telemetry)));
    let (sockets, io) = socket::build(&config.socket);
    let app = App::new(config, store, tokens, passwords, telemetry, io);
    socket::attach(&app);
    let service = sockets.layer(http::router(&app));
    Ok((Arc::clone(&app), Front::new(app, service)))
}
