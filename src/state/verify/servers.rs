//! The servers that hold the state: one, or every master of a Cluster, each asked directly.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, cmd};

use crate::clients::redis::Link;
use crate::state::{StateError, Target};

/// One master.
#[derive(Clone)]
pub struct Server {
    /// `host:port`, or what the URL says of it.
    pub name: String,
    /// The connection.
    pub connection: MultiplexedConnection,
}

/// All masters.
pub struct Servers {
    /// The target.
    pub target: Target,
    /// A connection that finds each key's master.
    pub link: Link,
    /// The masters.
    pub masters: Vec<Server>,
}

/// What identifies a master's history, and counts what it threw away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Of replication: another one after a fail-over.
    pub replid: String,
    /// Of the process: another one after a restart.
    pub run_id: String,
    /// Keys that were evicted for want of memory.
    pub evicted_keys: u64,
}

impl Servers {
    /// Connects to all of them.
    pub async fn connect(target: Target) -> Result<Self, StateError> {
        let link = target.connect().await?;
        let found = link.masters().await;
        let found = found.map_err(|error| target.fault("find the masters", &error))?;
        let masters = found.into_iter().map(|(name, connection)| Server { name, connection }).collect();
        Ok(Self { target, link, masters })
    }

    /// The histories of all of them, by name.
    pub async fn histories(&self) -> Result<BTreeMap<String, History>, StateError> {
        let mut histories = BTreeMap::new();
        for server in &self.masters {
            let info = self.info(server).await?;
            let of = |field: &str| info.get(field).cloned().unwrap_or_default();
            let evicted_keys = of("evicted_keys").parse().unwrap_or_default();
            let history = History { replid: of("master_replid"), run_id: of("run_id"), evicted_keys };
            histories.insert(server.name.clone(), history);
        }
        Ok(histories)
    }

    /// What a server tells of itself.
    pub async fn info(&self, server: &Server) -> Result<BTreeMap<String, String>, StateError> {
        let asked = cmd("INFO").arg("all").query_async::<String>(&mut server.connection.clone()).await;
        let text = asked.map_err(|error| self.target.fault("read INFO", &error))?;
        let fields = text.lines().filter_map(|line| line.trim_end().split_once(':'));
        Ok(fields.map(|(field, value)| (field.to_owned(), value.to_owned())).collect())
    }

    /// The clock of the server that has the control record.
    pub async fn now_ms(&self) -> Result<u64, StateError> {
        let mut ask = cmd("EVAL");
        ask.arg("return redis.call('TIME')").arg(1).arg(self.target.space().control());
        let time: RedisResult<(u64, u64)> = ask.query_async(&mut self.link.clone()).await;
        let time = time.map(millis);
        time.map_err(|error| self.target.fault("read its clock", &error))
    }

    /// How many keys there are in all.
    pub async fn size(&self) -> Result<u64, StateError> {
        let mut size = 0;
        for server in &self.masters {
            let asked = cmd("DBSIZE").query_async::<u64>(&mut server.connection.clone()).await;
            size += asked.map_err(|error| self.target.fault("count the keys", &error))?;
        }
        Ok(size)
    }
}

/// The clock of one server, in milliseconds since 1970.
pub async fn clock(server: &Server) -> RedisResult<u64> {
    let time: (u64, u64) = cmd("TIME").query_async(&mut server.connection.clone()).await?;
    Ok(millis(time))
}

fn millis((seconds, micros): (u64, u64)) -> u64 {
    let time = Duration::from_secs(seconds) + Duration::from_micros(micros);
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
