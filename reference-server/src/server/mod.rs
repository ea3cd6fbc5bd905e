//! From a listener to a drained server: start, accept, drain.

mod accept;
mod arrivals;
mod connection;
mod drain;
mod front;
mod name;
mod peer;
mod place;
mod request_id;
mod sent;
mod siblings;
mod start;
mod tally;
mod trace;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::Instrument;

pub use drain::Served;
pub use peer::ClientAddress;
pub use request_id::RequestId;
pub use siblings::ask as ask_sibling;

use arrivals::Arrivals;
use name::NameLock;

use crate::app::App;
use crate::config::Config;
use crate::domain::Timestamp;
use crate::error::StartError;
use crate::upload::{self, Files};
use crate::{http, limits, socket, telemetry};

/// Time between two looks at the sessions that have expired.
const SESSION_SWEEP: Duration = Duration::from_secs(600);

/// Time between two looks at the chess rooms.
const SWEEP: Duration = Duration::from_secs(5);

/// Least time to give back the state that others may go on with.
const LEAVE: Duration = Duration::from_secs(2);

/// Serves the listener until `shutdown` resolves, then drains.
///
/// Refuses to start with a [`StartError`]; from then on failures are answers to clients.
pub async fn serve(
    listener: TcpListener,
    mut config: Config,
    shutdown: impl Future<Output = ()>,
) -> Result<Served, StartError> {
    limits::check_limits(&config)?;
    let address = listener.local_addr()?;
    config.name_after(address);
    let _name = own_name(&config).await?;
    let (app, front) = start::start(config).instrument(tracing::info_span!("start")).await?;
    let mut chores = chores(&app);
    let instance = app.config.instance.as_ref();
    if let Some(instance) = instance {
        chores.spawn(siblings::answer(siblings::listen(instance)?, Arc::clone(&app)));
    }
    let arrivals = Arrivals::new(listener, instance)?;
    tracing::info!(%address, connections = app.config.max_connections, "serving");
    let lifecycle = drain::Lifecycle::default();
    tokio::select! {
        () = accept::accept(&arrivals, &app, front, &lifecycle) => {}
        () = shutdown => {}
    }
    drop(arrivals);
    let deadline = Instant::now() + app.config.drain_deadline;
    let served = drain::drain(&app, &lifecycle).await;
    socket::leave(&app, deadline.saturating_duration_since(Instant::now()).max(LEAVE)).await;
    app.jobs.close().await;
    tracing::info!(drained = served.connections_drained, cut = served.connections_cut, "stopped");
    Ok(served)
}

/// The name under which this process shares its state, for itself alone.
async fn own_name(config: &Config) -> Result<Option<NameLock>, StartError> {
    let (Some(name), true) = (&config.instance_name, config.migrates()) else { return Ok(None) };
    let predecessor = config.drain_deadline + LEAVE * 2;
    NameLock::take(&config.data, name, predecessor).await.map(Some)
}

/// Tasks that end when the set is dropped.
fn chores(app: &Arc<App>) -> JoinSet<()> {
    let mut chores = JoinSet::new();
    chores.spawn(telemetry::watch_runtime(Arc::clone(&app.telemetry)));
    let swept = Arc::clone(app);
    chores.spawn(async move { upload::sweep(&Files::of(&swept.config), swept.store.as_ref()).await });
    chores.spawn(every(SWEEP, Arc::clone(app), async |app| socket::sweep(app).await));
    for chore in socket::chores(app) {
        chores.spawn(chore);
    }
    chores.spawn(every(SESSION_SWEEP, Arc::clone(app), async |app| sweep_sessions(app).await));
    chores.spawn(every(SWEEP, Arc::clone(app), async |app| app.limiter.sweep()));
    let caching = Arc::clone(app);
    chores.spawn(async move {
        let warming = async {
            if caching.config.cache.warming && caching.cache.is_on() {
                http::warm(&caching).await;
            }
        };
        tokio::join!(caching.cache.follow(), warming);
    });
    chores
}

async fn every(period: Duration, app: Arc<App>, work: impl AsyncFn(&Arc<App>)) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        work(&app).await;
    }
}

async fn sweep_sessions(app: &App) {
    match app.store.sweep_sessions(Timestamp::now()).await {
        Ok(swept) => tracing::debug!(swept, "expired sessions were forgotten"),
        Err(failure) => tracing::warn!(%failure, "expired sessions could not be forgotten"),
    }
}
