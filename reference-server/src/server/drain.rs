//! The end: no new connections, running requests finish, sockets are told and closed, and whoever is left at
//! the deadline is cut.

use std::sync::Arc;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::socket;

/// What connections wait for besides their clients.
#[derive(Clone, Default)]
pub struct Lifecycle {
    /// Finish the request and close.
    pub drain: CancellationToken,
    /// Close now.
    pub cut: CancellationToken,
}

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// Connections that were open at the shutdown and ended in time.
    pub connections_drained: usize,
    /// Connections that were still open at the deadline.
    pub connections_cut: usize,
}

/// Ends all connections.
pub async fn drain(app: &Arc<App>, lifecycle: &Lifecycle) -> Served {
    let open = app.open_connections();
    app.start_draining();
    let deadline = app.config.drain_deadline;
    let in_time = timeout(deadline, async { tokio::join!(socket::close(app), let_go(app, lifecycle)) }).await;
    let cut = app.open_connections();
    if in_time.is_err() {
        tracing::warn!(?deadline, cut, "the drain deadline has passed");
        lifecycle.drain.cancel();
        lifecycle.cut.cancel();
        app.io.close().await;
    }
    Served { connections_drained: open.saturating_sub(cut), connections_cut: cut }
}

/// For a while idle connections stay: a request may be on its way to them, and closing would lose it. Its answer
/// says `Connection: close`. Then the idle ones are closed too.
async fn let_go(app: &App, lifecycle: &Lifecycle) {
    timeout(app.config.idle_grace, all_places_free(app)).await.ok();
    lifecycle.drain.cancel();
    all_places_free(app).await;
}

async fn all_places_free(app: &App) {
    let all = u32::try_from(app.config.max_connections).unwrap_or(u32::MAX);
    drop(app.places.acquire_many(all).await);
}
