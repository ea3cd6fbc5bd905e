//! What is there without a map that moves: memory behind a lock, and a Redis client.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use redis::aio::MultiplexedConnection;

use crate::Outcome;
use crate::game::Game;

/// A map in memory.
pub struct Memory {
    games: Mutex<HashMap<String, Game>>,
}

impl Memory {
    /// An empty one.
    pub fn new() -> Self {
        Self { games: Mutex::default() }
    }

    /// Changes a game.
    pub fn change(&self, id: &str) -> Outcome<()> {
        let mut games = self.games.lock().unwrap_or_else(PoisonError::into_inner);
        let next = games.get(id).map_or_else(Game::new, Game::next);
        games.insert(id.to_owned(), next);
        Ok(())
    }
}

/// A client that everybody shares, and that protects nobody from losing a change to another.
pub struct Plain {
    connection: MultiplexedConnection,
}

impl Plain {
    /// Connects.
    pub async fn connect(url: &str) -> Outcome<Self> {
        Ok(Self { connection: redis::Client::open(url)?.get_multiplexed_async_connection().await? })
    }

    /// Reads a game, and writes it as it will be, in one round trip.
    pub async fn change(&self, id: &str) -> Outcome<()> {
        let (key, next) = (format!("plain:{id}"), serde_json::to_vec(&Game::new().next())?);
        let mut both = redis::pipe();
        both.get(&key).set(&key, next).ignore();
        let (before,): (Option<Vec<u8>>,) = both.query_async(&mut self.connection.clone()).await?;
        if let Some(before) = before {
            let _: Game = serde_json::from_slice(&before)?;
        }
        Ok(())
    }

    /// Scripts that Redis has run.
    pub async fn scripts(&self) -> Outcome<u64> {
        let mut info = redis::cmd("INFO");
        let text: String = info.arg("commandstats").query_async(&mut self.connection.clone()).await?;
        let calls = |line: &str| {
            let rest =
                line.strip_prefix("cmdstat_evalsha:calls=").or(line.strip_prefix("cmdstat_eval:calls="))?;
            rest.split(',').next()?.parse::<u64>().ok()
        };
        Ok(text.lines().filter_map(calls).sum())
    }
}
