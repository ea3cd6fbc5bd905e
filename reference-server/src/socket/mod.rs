//! Socket.IO on the default namespace: chess, direct messages and chat rooms.
//!
//! A client may emit in the same instant that it is told it is connected, so the handler is registered by the
//! connect middleware, which runs before that. One fallback handler per socket dispatches all events by name
//! (`dispatch`): a table of handlers in every socket would cost more memory than the rest of its session.

mod chat;
mod chess;
mod deliver;
mod dispatch;
mod limits;
mod live;
mod presence;
mod reply;
mod rooms;
mod session;
mod watch;

use std::sync::Arc;

use serde_json::json;
use socketioxide::SocketIo;
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::layer::SocketIoLayer;

pub use chat::{NotSent, mark_conversation_read, send_message};
pub use chess::game_to_post;
pub use deliver::{tell, to_user};
pub use live::Live;
pub use watch::{online, who_is_online};

use crate::app::App;
use crate::config::SocketSettings;
use crate::domain::Timestamp;

/// The layer that speaks Engine.IO under `/socket.io` in front of a router, and the handle to its sockets.
pub fn build(settings: &SocketSettings) -> (SocketIoLayer, SocketIo) {
    SocketIo::builder()
        .ping_interval(settings.ping_interval)
        .ping_timeout(settings.ping_timeout)
        .max_payload(settings.max_payload_bytes as u64)
        .ws_max_message_size(settings.max_payload_bytes)
        .ws_max_frame_size(settings.max_payload_bytes)
        .ws_read_buffer_size(settings.read_buffer_bytes)
        .max_buffer_size(settings.max_queued_packets)
        .build_layer()
}

/// Lets sockets in from now on.
pub fn attach(app: &Arc<App>) {
    let shared = Arc::clone(app);
    let admit = move |socket: SocketRef, handshake: TryData<session::Handshake>| {
        let shared = Arc::clone(&shared);
        async move { session::admit(&shared, &socket, handshake.0.ok()).await }
    };
    app.io.ns("/", connected.with(admit));
}

/// All was done before the client was told.
async fn connected(_: SocketRef) {}

/// Tells the sockets that they are about to be closed, waits for answers that are under way, and closes them.
/// The transport is closed, not the namespace: clients then reconnect by themselves, to another instance.
pub async fn close(app: &App) {
    app.events.close();
    reply::emit_all(app, "server:draining", &json!({}));
    app.events.wait().await;
    app.io.close().await;
}

/// Ends games of which a player's time is up, and removes rooms that have outlived their use.
pub fn sweep(app: &Arc<App>) {
    let now = Timestamp::now();
    for (room, ended) in app.live.games.call_flags(now) {
        chess::time_is_up(app, &room, ended);
    }
    let expired = app.live.games.sweep(now, app.config.room_ttl, app.config.orphan_ttl);
    for room in expired {
        chess::forget(app, &room);
    }
}
