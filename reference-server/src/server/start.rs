//! Opens the store and puts the parts of a server together.

use std::sync::Arc;

use tower::Layer;

use super::front::Front;
use crate::app::{App, Parts};
use crate::config::Config;
use crate::error::StartError;
use crate::http::Origins;
use crate::jobs::Jobs;
use crate::redis::Redis;
use crate::security::{Passwords, Tokens, ensure_administrator};
use crate::socket::Migration;
use crate::store::Store;
use crate::telemetry::Telemetry;
use crate::{http, socket, store};

/// The secret that signs tokens: kept in the store, so that tokens outlive a restart.
const TOKEN_SECRET: &str = "token";

/// A server that is ready for its first connection.
pub async fn start(config: Config) -> Result<(Arc<App>, Front), StartError> {
    let origins = Origins::new(&config.security.allowed_origins)?;
    let telemetry = Arc::new(Telemetry::new(config.instance.as_ref()));
    let store: Arc<dyn Store> = store::open(&config, &telemetry).await?.into();
    let secret = store.secret(TOKEN_SECRET, rand::random::<[u8; 32]>().to_vec()).await;
    let secret = secret.map_err(StartError::StoreFailed)?;
    let tokens = Tokens::new(&secret, config.security.token_ttl);
    let passwords = Passwords::new(config.security.password)?;
    let redis = match &config.redis {
        Some(settings) => Some(Redis::connect(settings, Arc::clone(&telemetry)).await?),
        None => None,
    };
    if let Some(administrator) = &config.security.administrator {
        ensure_administrator(store.as_ref(), &passwords, administrator).await?;
    }
    let migration = match (&config.redis, &config.instance_name) {
        (Some(settings), Some(name)) if config.migrates() => Some(Migration::new(settings, name)?),
        _ => None,
    };
    let jobs = Jobs::start(&config, &store, &telemetry)?;
    let (sockets, io) = socket::build(&config, redis.as_ref());
    let parts = Parts { store, tokens, origins, passwords, telemetry, redis, migration, jobs, io };
    let app = App::new(config, parts);
    socket::attach(&app).await;
    let service = sockets.layer(http::router(&app));
    Ok((Arc::clone(&app), Front::new(app, service)))
}
