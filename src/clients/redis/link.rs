//! A connection to a Redis of any topology: one server, the master that Sentinels name, or a Cluster.
//!
//! A connection that was lost is made anew once, and what was sent on it is sent again. So whatever is sent here must
//! bear being carried out twice: it reads, it sets what is set already, or its script knows its own work.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, RedisResult,
    ServerErrorKind, Value,
};
use state_map::redis::{Address, sibling};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::clients::SecretUrl;

/// Between two attempts to connect anew.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// A connection. Clones share it.
#[derive(Clone)]
pub struct Link {
    shared: Arc<Shared>,
}

struct Shared {
    address: Address,
    /// The address for people.
    shown: String,
    /// Time that connecting, or one answer, may take.
    limit: Duration,
    database: i64,
    now: Mutex<Connected>,
}

#[derive(Clone)]
struct Connected {
    line: Line,
    /// Counts the connections.
    number: u64,
}

#[derive(Clone)]
enum Line {
    /// To one server: a standalone one, or the master that Sentinels name.
    One(MultiplexedConnection),
    /// To a Cluster: commands go where their keys are, and lost connections are its own matter.
    Cluster(ClusterConnection),
}

impl Link {
    /// Connects to `redis://`, `rediss://`, `redis+sentinel://host:port,…/master`, `redis+cluster://host:port,…`, or
    /// the last two with `rediss+`: what the instances understand.
    pub async fn connect(url: &SecretUrl, limit: Duration) -> RedisResult<Self> {
        let address = Address::parse(url.expose());
        let address = address.map_err(|_| (ErrorKind::InvalidClientConfig, "no URL of a Redis"))?;
        let line = open(&address, limit).await?;
        let database = line.database();
        let now = Mutex::new(Connected { line, number: 0 });
        let shared = Shared { address, shown: host(url), limit, database, now };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Connections to all masters: the one server, or all that have slots of the Cluster.
    pub async fn masters(&self) -> RedisResult<Vec<(String, MultiplexedConnection)>> {
        let mut cluster = match self.now().await.line {
            Line::One(connection) => return Ok(vec![(self.shared.shown.clone(), connection)]),
            Line::Cluster(connection) => connection,
        };
        let Address::Cluster { seeds } = &self.shared.address else { return Ok(Vec::new()) };
        let listed: String = redis::cmd("CLUSTER").arg("NODES").query_async(&mut cluster).await?;
        let mut masters = Vec::new();
        for address in listed.lines().filter_map(master_with_slots) {
            let (Some(seed), Some((host, port))) = (seeds.first(), address.rsplit_once(':')) else {
                continue;
            };
            let node = sibling(seed, host, port.parse().unwrap_or_default())?;
            masters.push((address.to_owned(), one(&node, self.shared.limit).await?));
        }
        Ok(masters)
    }

    /// What each master tells of a section of `INFO`.
    pub async fn infos(&self, section: &str) -> RedisResult<Vec<String>> {
        let mut info = redis::cmd("INFO");
        info.arg(section);
        match self.now().await.line {
            Line::One(_) => Ok(vec![info.query_async(&mut self.clone()).await?]),
            Line::Cluster(mut cluster) => {
                let all = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
                let told: Vec<(String, String)> =
                    redis::from_redis_value(cluster.route_command(info, all).await?)?;
                Ok(told.into_iter().map(|(_, info)| info).collect())
            }
        }
    }

    async fn now(&self) -> Connected {
        self.shared.now.lock().await.clone()
    }

    /// The connection after this one, made anew unless somebody else has done it. While a fail-over is under way there
    /// is nobody to connect to: that is waited for as long as for an answer.
    async fn after(&self, lost: u64) -> RedisResult<Line> {
        let mut now = self.shared.now.lock().await;
        let end = Instant::now() + self.shared.limit;
        while now.number == lost {
            match open(&self.shared.address, self.shared.limit).await {
                Ok(line) => *now = Connected { line, number: lost + 1 },
                Err(error) if Instant::now() >= end => return Err(error),
                Err(_) => sleep(AGAIN_AFTER).await,
            }
        }
        Ok(now.line.clone())
    }
}

impl Line {
    fn database(&self) -> i64 {
        match self {
            Self::One(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }

    /// Whether it is over: cut, or to a server that is the master no more.
    fn is_lost(&self, error: &RedisError) -> bool {
        let is_demoted = error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly);
        matches!(self, Self::One(_)) && (error.is_connection_dropped() || is_demoted)
    }

    async fn send(&mut self, cmd: &Cmd) -> RedisResult<Value> {
        match self {
            Self::One(connection) => connection.req_packed_command(cmd).await,
            Self::Cluster(connection) => connection.req_packed_command(cmd).await,
        }
    }

    async fn send_all(
        &mut self,
        pipeline: &Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        match self {
            Self::One(connection) => connection.req_packed_commands(pipeline, offset, count).await,
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count).await,
        }
    }
}

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let Connected { mut line, number } = self.now().await;
            match line.send(cmd).await {
                Err(error) if line.is_lost(&error) => self.after(number).await?.send(cmd).await,
                answer => answer,
            }
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let Connected { mut line, number } = self.now().await;
            match line.send_all(pipeline, offset, count).await {
                Err(error) if line.is_lost(&error) => {
                    self.after(number).await?.send_all(pipeline, offset, count).await
                }
                answer => answer,
            }
        })
    }

    fn get_db(&self) -> i64 {
        self.shared.database
    }
}

async fn open(address: &Address, limit: Duration) -> RedisResult<Line> {
    if let Address::Cluster { seeds } = address {
        let seeds = seeds.iter().map(|seed| seed.get_connection_info().clone());
        let client = redis::cluster::ClusterClient::builder(seeds).connection_timeout(limit);
        let client = client.response_timeout(limit).build()?;
        return client.get_async_connection().await.map(Line::Cluster);
    }
    // Sentinels are asked without a limit of their own.
    let found = timeout(limit, address.find_node(0)).await;
    let client = found.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
    one(&client, limit).await.map(Line::One)
}

/// A connection to one server; each answer has the limit.
pub async fn one(client: &Client, limit: Duration) -> RedisResult<MultiplexedConnection> {
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(Some(limit)).set_response_timeout(Some(limit));
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// The address of a line of `CLUSTER NODES` that is of a master with slots.
fn master_with_slots(line: &str) -> Option<&str> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [_, address, flags, _, _, _, _, _, _, ..] = fields[..] else { return None };
    let is_master = flags.split(',').any(|flag| flag == "master");
    let address = address.split_once(['@', ',']).map_or(address, |(address, _)| address);
    is_master.then_some(address)
}

/// The host of a URL, without credentials.
fn host(url: &SecretUrl) -> String {
    let shown = url.to_string();
    let rest = shown.split_once("://").map_or(&*shown, |(_, rest)| rest);
    rest.rsplit_once('@').map_or(rest, |(_, host)| host).to_owned()
}

/// Replicas that are in sync, as a section of `INFO` tells them.
pub fn in_sync<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> u32 {
    let is_replica = |field: &str| field.strip_prefix("slave").is_some_and(|at| at.parse::<u32>().is_ok());
    let online = fields.filter(|(field, value)| is_replica(field) && value.contains("state=online"));
    u32::try_from(online.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_that_are_still_syncing_do_not_count() {
        let info = [
            ("role", "master"),
            ("connected_slaves", "3"),
            ("slave0", "ip=127.0.0.1,port=1,state=online,offset=1,lag=0"),
            ("slave1", "ip=127.0.0.1,port=2,state=wait_bgsave,offset=0,lag=0"),
            ("slave10", "ip=127.0.0.1,port=3,state=online,offset=1,lag=1"),
            ("slave_repl_offset", "state=online"),
        ];
        assert_eq!(in_sync(info.into_iter()), 2);
    }

    #[test]
    fn masters_with_slots_are_found_in_what_a_node_tells() {
        let master = "07c3 127.0.0.1:7002@17002,host master - 0 14 2 connected 5461-10922";
        assert_eq!(master_with_slots(master), Some("127.0.0.1:7002"));
        assert_eq!(master_with_slots("07c3 127.0.0.1:7002@17002 master - 0 14 2 connected"), None);
        assert_eq!(master_with_slots("67ed 127.0.0.1:7003@17003 slave 07c3 0 14 2 connected 1"), None);
    }
}
