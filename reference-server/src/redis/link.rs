//! A connection that commands go through, and how it is made and tried.

use std::time::{Duration, Instant};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Cmd, Pipeline, RedisFuture, RedisResult, Value};
use uuid::Uuid;

use super::address::Address;
use super::failure::{Failure, within};

/// Time in which a connection must be there, the search for the master included. Nobody waits for it.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Time that the key of a probe lives.
const PROBE_MILLIS: u32 = 1_000;

/// A connection. Clones share it: commands of all callers are pipelined on it.
#[derive(Clone)]
pub struct Link {
    connection: Connection,
    since: Instant,
}

#[derive(Clone)]
enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    /// Finds the server that is in charge now, connects to it, and tries whether it takes writes: a replica
    /// and a server without memory answer a `PING` too.
    pub async fn connect(address: &Address) -> Result<Self, Failure> {
        within(CONNECT_TIMEOUT, async {
            let connection = match address.cluster() {
                Some(client) => Connection::Cluster(client.get_async_connection().await?),
                None => {
                    let node = address.find_node(0).await?;
                    let config = node_config();
                    Connection::Single(node.get_multiplexed_async_connection_with_config(&config).await?)
                }
            };
            let mut link = Self { connection, since: Instant::now() };
            link.probe().await?;
            Ok(link)
        })
        .await
    }

    /// Whether it is newer than a call that began then.
    pub fn is_newer_than(&self, begun: Instant) -> bool {
        self.since > begun
    }

    async fn probe(&mut self) -> RedisResult<()> {
        let key = format!("circuitProbe:{}", Uuid::new_v4());
        let mut write = redis::cmd("SET");
        write.arg(key).arg(1).arg("PX").arg(PROBE_MILLIS);
        write.query_async(self).await
    }
}

/// Callers have limits of their own.
pub fn node_config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT_TIMEOUT)).set_response_timeout(None)
}

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match &mut self.connection {
            Connection::Single(connection) => connection.req_packed_command(command),
            Connection::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match &mut self.connection {
            Connection::Single(connection) => connection.req_packed_commands(pipeline, offset, count),
            Connection::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match &self.connection {
            Connection::Single(connection) => connection.get_db(),
            Connection::Cluster(connection) => connection.get_db(),
        }
    }
}
