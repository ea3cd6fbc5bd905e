//! `state: migrating`: the three maps of the application, on their way from this process's memory to Redis. They
//! follow the operator's control record; in phase `off` they are this process's memory and nothing else.

use std::sync::Arc;
use std::time::Duration;

use super::games::{Kept, RoomCodec};
use super::presence::UserSockets;
use super::reply::EventError;
use crate::config::RedisSettings;
use crate::domain::RoomId;
use crate::error::StartError;
use secrecy::ExposeSecret;
use state_map::redis::{ConnectError, RedisPort, RedisSettings as PortSettings};
use state_map::wire::key::Space;
use state_map::{Json, Map, MapSpec, Node, Phase, Refused, Settings, Status, Takeover, Text};

/// A map that moves.
pub type Moving<V> = Map<V, RedisPort>;

/// The maps, and the process's part in their migration.
pub struct Migration {
    /// `chessGameStates`, by room.
    pub rooms: Moving<Kept>,
    /// `activeChessGames`, by user.
    pub active: Moving<RoomId>,
    /// `userSocketMap`, by user.
    pub users: Moving<UserSockets>,
    /// Name of this instance in it.
    pub name: Arc<str>,
    node: Arc<Node<RedisPort>>,
}

impl Migration {
    /// Takes part under this name, from the moment that [`Self::run`] runs.
    pub fn new(settings: &RedisSettings, name: &str) -> Result<Arc<Self>, StartError> {
        let port = RedisPort::new(PortSettings {
            url: settings.url.expose_secret().to_owned(),
            space: Space::new(&settings.state_namespace),
            timeout: settings.timeout,
            replicate_within: settings.timeout / 2,
        });
        let node = Node::new(port.map_err(|failure| refuse(&failure))?, Settings::named(name));
        let rooms = node.map(rooms())?;
        let active = node.map(active(rooms.clone()))?;
        let users = node.map(users())?;
        Ok(Arc::new(Self { rooms, active, users, name: name.into(), node }))
    }

    /// Follows the control record until it is dropped.
    pub async fn run(self: Arc<Self>) {
        Arc::clone(&self.node).run().await;
    }

    /// How this process stands in it.
    pub fn status(&self) -> Status {
        self.node.status()
    }

    /// The phase that requests are served in.
    pub fn phase(&self) -> Phase {
        self.node.phase()
    }

    /// Whether every instance is on its own.
    pub fn is_alone(&self) -> bool {
        self.phase() == Phase::Off
    }

    /// Gives back all that this process has, for others to go on with. Whether all was written in time.
    pub async fn leave(&self, within: Duration) -> bool {
        self.node.leave(within).await
    }
}

fn rooms() -> MapSpec<Kept> {
    MapSpec::new("chessGameStates", "chessGameState:", RoomCodec).merging(Kept::merge)
}

/// Where two instances have a player in different rooms, the one whose game goes on is it.
fn active(rooms: Moving<Kept>) -> MapSpec<RoomId> {
    let goes_on = move |room: &RoomId| {
        let kept = rooms.peek(&room.to_string());
        kept.map(|kept| kept.room.game().ended().is_none())
    };
    MapSpec::new("activeChessGames", "activeChessGame:", Text).merging(move |held: &RoomId, stored| {
        match (goes_on(held), goes_on(stored)) {
            _ if held == stored => Some(*held),
            (Some(true), Some(false)) => Some(*held),
            (Some(false), Some(true)) => Some(*stored),
            _ => None,
        }
    })
}

fn users() -> MapSpec<UserSockets> {
    let both = |held: &UserSockets, stored: &UserSockets| Some(held.with(stored));
    MapSpec::new("userSocketMap", "userSocketMap:", Json).merging(both).takeover(Takeover::LastWins)
}

fn refuse(failure: &ConnectError) -> StartError {
    let value = failure.to_string();
    StartError::Setting { setting: "redis.url", value, expected: "a Redis that state can migrate to" }
}

impl From<Refused> for EventError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unavailable(cause) => {
                tracing::debug!(%cause, "a map refused");
                Self::unavailable()
            }
            Refused::Unknown(cause) => {
                tracing::debug!(%cause, "the outcome of a change is not known");
                Self::unknown_outcome()
            }
            Refused::Retired => {
                tracing::warn!("another process has this instance's name: this one serves no games any more");
                Self::unavailable()
            }
            Refused::Malformed(cause) => {
                tracing::error!(%cause, "what Redis has of a key is no value of its map");
                Self { code: "internal", message: "what is stored cannot be read".into() }
            }
            Refused::Unwritable(cause) => {
                tracing::error!(%cause, "a value of a map has no form in bytes");
                Self { code: "internal", message: "this cannot be stored".into() }
            }
        }
    }
}
