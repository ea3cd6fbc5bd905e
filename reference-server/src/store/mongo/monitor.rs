//! The driver's events as measurements.

use std::sync::Arc;

use mongodb::event::EventHandler;
use mongodb::event::cmap::CmapEvent;
use mongodb::event::command::CommandEvent;

use crate::telemetry::{Commands, Pool, Telemetry};

/// Counts connections, what they are used for, and how long a call waits for one.
pub fn connections(telemetry: &Arc<Telemetry>) -> EventHandler<CmapEvent> {
    let pool = Pool::mongodb(telemetry);
    EventHandler::callback(move |event| match event {
        CmapEvent::ConnectionCreated(_) => pool.opened(),
        CmapEvent::ConnectionClosed(_) => pool.closed(),
        CmapEvent::ConnectionCheckoutStarted(_) => pool.asked(),
        CmapEvent::ConnectionCheckedOut(event) => pool.lent(event.duration),
        CmapEvent::ConnectionCheckoutFailed(_) => pool.refused(),
        CmapEvent::ConnectionCheckedIn(_) => pool.returned(),
        CmapEvent::PoolCleared(_) => pool.cleared(),
        _ => {}
    })
}

/// Counts and times commands.
pub fn commands(telemetry: &Arc<Telemetry>) -> EventHandler<CommandEvent> {
    let commands = Commands::new(telemetry);
    EventHandler::callback(move |event| match event {
        CommandEvent::Succeeded(event) => commands.ended(event.command_name, true, event.duration),
        CommandEvent::Failed(event) => commands.ended(event.command_name, false, event.duration),
        _ => {}
    })
}
