//! Socket.IO on the default namespace: chess, direct messages and chat rooms.
//!
//! A client may emit in the same instant that it is told it is connected, so the handler is registered by the
//! connect middleware, which runs before that. One fallback handler per socket dispatches all events by name
//! (`dispatch`): a table of handlers in every socket would cost more memory than the rest of its session.

mod backplane;
mod chat;
mod chess;
mod deliver;
mod dispatch;
mod games;
mod limits;
mod live;
mod migration;
mod presence;
mod reply;
mod rooms;
mod session;
mod turns;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::json;
use socketioxide::SocketIo;
use socketioxide::extract::TryData;
use socketioxide::handler::ConnectHandler;
use socketioxide::layer::SocketIoLayer;

pub use backplane::{Adapter, Io, SocketRef};
pub use chat::{NotSent, mark_conversation_read, send_message};
pub use chess::game_to_post;
pub use deliver::{tell, to_user};
pub use games::sweep;
pub use live::Live;
pub use migration::Migration;
pub use watch::{online, who_is_online};

use self::backplane::Backplane;
use crate::app::App;
use crate::config::Config;
use crate::redis::Redis;

/// The layer that speaks Engine.IO under `/socket.io` in front of a router, and the handle to its sockets.
pub fn build(config: &Config, redis: Option<&Arc<Redis>>) -> (SocketIoLayer<Adapter>, Io) {
    let settings = &config.socket;
    let backplane = Backplane::new(redis.filter(|_| config.spans_instances()).map(Arc::clone));
    SocketIo::builder()
        .with_adapter::<Adapter>(backplane.into_state())
        .ping_interval(settings.ping_interval)
        .ping_timeout(settings.ping_timeout)
        .max_payload(settings.max_payload_bytes as u64)
        .ws_max_message_size(settings.max_payload_bytes)
        .ws_max_frame_size(settings.max_payload_bytes)
        .ws_read_buffer_size(settings.read_buffer_bytes)
        .max_buffer_size(settings.max_queued_packets)
        .build_layer()
}

/// Lets sockets in from now on. Does not wait for Redis: the adapter listens as soon as it is there.
pub async fn attach(app: &Arc<App>) {
    let shared = Arc::clone(app);
    let admit = move |socket: SocketRef, handshake: TryData<session::Handshake>| {
        let shared = Arc::clone(&shared);
        async move { session::admit(&shared, &socket, handshake.0.ok()).await }
    };
    if let Err(failure) = app.io.ns("/", connected.with(admit)).await {
        tracing::error!(?failure, "the namespace has no adapter");
    }
}

/// What goes on beside the sockets, until it is dropped.
pub fn chores(app: &Arc<App>) -> Vec<BoxFuture<'static, ()>> {
    let migrating = app.live.migration.iter().cloned().flat_map(|migration| {
        let chores: [BoxFuture<'static, ()>; 3] = [
            Box::pin(migration.run()),
            Box::pin(presence::keep_current(Arc::clone(app))),
            Box::pin(games::follow(Arc::clone(app))),
        ];
        chores
    });
    let others: [BoxFuture<'static, ()>; 3] = [
        Box::pin(deliver::hear_others(Arc::clone(app))),
        Box::pin(presence::keep_told(Arc::clone(app))),
        Box::pin(games::keep_repaired(Arc::clone(app))),
    ];
    migrating.chain(others).collect()
}

/// Gives back what others may go on with, once the sockets are closed.
pub async fn leave(app: &App, within: Duration) {
    let Some(migration) = &app.live.migration else { return };
    let given = async {
        if let presence::Presence::Migrating(presence) = &app.live.presence {
            presence.flush(app).await;
        }
        migration.leave(within).await
    };
    match tokio::time::timeout(within, given).await {
        Ok(true) => {}
        _ => tracing::warn!(
            ?within,
            "not all state was given back in time: a process of this name takes it over"
        ),
    }
}

/// All was done before the client was told.
async fn connected(_: SocketRef) {}

/// Tells the sockets that they are about to be closed, waits for answers that are under way, and closes them.
/// The transport is closed, not the namespace: clients then reconnect by themselves, to another instance.
pub async fn close(app: &App) {
    app.events.close();
    reply::emit_all_here(app, "server:draining", &json!({}));
    app.events.wait().await;
    app.io.close().await;
}
