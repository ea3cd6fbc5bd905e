//! Redis connections.

use std::io;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, Slot, SlotAddr};
use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, IntoConnectionInfo, Pipeline, RedisError, RedisFuture,
    RedisResult, Value,
};

use super::net::within;
use super::{ClientError, SecretUrl};

/// Connects and authenticates within `limit`; each later answer has the same limit.
pub async fn connect(url: &SecretUrl, limit: Duration) -> Result<MultiplexedConnection, ClientError> {
    within(limit, async {
        let connection = standalone(url.expose(), limit).await;
        connection.map_err(|error| client_error(url, limit, &error))
    })
    .await
}

/// A connection to a Redis of any topology.
#[derive(Clone)]
pub enum Link {
    /// To one server: a standalone one, or the master that Sentinels name.
    One(MultiplexedConnection),
    /// To a Cluster: commands go where their keys are.
    Cluster(ClusterConnection),
}

impl Link {
    /// Waits until this many replicas of the master that has this key have all that was written here; gives how many do.
    pub async fn wait(&mut self, key: &str, replicas: u32, within: Duration) -> RedisResult<u32> {
        let mut wait = redis::cmd("WAIT");
        wait.arg(replicas).arg(u64::try_from(within.as_millis()).unwrap_or(u64::MAX));
        redis::from_redis_value(self.beside(key, wait).await?).map_err(Into::into)
    }

    /// What the master that has this key tells of a section of `INFO`.
    pub async fn info(&mut self, key: &str, section: &str) -> RedisResult<redis::InfoDict> {
        let mut info = redis::cmd("INFO");
        info.arg(section);
        redis::from_redis_value(self.beside(key, info).await?).map_err(Into::into)
    }

    /// Runs a command without a key on the master that has this key.
    async fn beside(&mut self, key: &str, command: Cmd) -> RedisResult<Value> {
        match self {
            Self::One(connection) => connection.send_packed_command(&command).await,
            Self::Cluster(connection) => {
                let route = Route::with_slot(Slot::for_key(key.as_bytes()), SlotAddr::Master);
                let node = SingleNodeRoutingInfo::SpecificNode(route);
                connection.route_command(command, RoutingInfo::SingleNode(node)).await
            }
        }
    }
}

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

/// Connects to `redis://`, `rediss://`, `redis+sentinel://host:port,…/master` or `redis+cluster://host:port,…`; each
/// answer has the limit.
pub async fn link(url: &SecretUrl, limit: Duration) -> RedisResult<Link> {
    let url = url.expose();
    match url.split_once("://") {
        Some(("redis+cluster", rest)) => cluster(rest, limit).await.map(Link::Cluster),
        Some(("redis+sentinel", rest)) => master(rest, limit).await.map(Link::One),
        _ => standalone(url, limit).await.map(Link::One),
    }
}

/// Connects to every master of what `link` leads to: the one server, or all that have slots of the Cluster.
pub async fn masters(
    url: &SecretUrl,
    link: &Link,
    limit: Duration,
) -> RedisResult<Vec<(String, MultiplexedConnection)>> {
    let mut cluster = match link {
        Link::One(connection) => return Ok(vec![(host(url), connection.clone())]),
        Link::Cluster(connection) => connection.clone(),
    };
    let listed: String = redis::cmd("CLUSTER").arg("NODES").query_async(&mut cluster).await?;
    let rest = url.expose().split_once("://").map_or("", |(_, rest)| rest);
    let (seeds, _) = nodes(rest);
    let mut masters = Vec::new();
    for address in listed.lines().filter_map(master_with_slots) {
        let seed = seeds.first().map_or("", String::as_str);
        let node = standalone(at(seed, address), limit).await?;
        masters.push((address.to_owned(), node));
    }
    Ok(masters)
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

async fn standalone(url: impl IntoConnectionInfo, limit: Duration) -> RedisResult<MultiplexedConnection> {
    let client = redis::Client::open(url)?;
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(Some(limit)).set_response_timeout(Some(limit));
    client.get_multiplexed_async_connection_with_config(&config).await
}

async fn cluster(rest: &str, limit: Duration) -> RedisResult<ClusterConnection> {
    let client = redis::cluster::ClusterClient::builder(nodes(rest).0);
    let client = client.connection_timeout(limit).response_timeout(limit).build()?;
    client.get_async_connection().await
}

/// Asks the Sentinels who the master is, and connects to it with the same credentials.
async fn master(rest: &str, limit: Duration) -> RedisResult<MultiplexedConnection> {
    let (nodes, path) = nodes(rest);
    let (name, _) = path.split_once('/').unwrap_or((path, ""));
    if name.is_empty() {
        return Err((ErrorKind::InvalidClientConfig, "the name of the master is missing").into());
    }
    let mut last = RedisError::from((ErrorKind::EmptySentinelList, "no Sentinel was named"));
    for node in &nodes {
        match asked(node, name, limit).await {
            Ok(Some(address)) => return standalone(at(node, &address), limit).await,
            Ok(None) => last = (ErrorKind::MasterNameNotFoundBySentinel, "no master of this name").into(),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn asked(sentinel: &str, name: &str, limit: Duration) -> RedisResult<Option<String>> {
    let mut sentinel = standalone(bare(sentinel), limit).await?;
    let address: Option<(String, u16)> =
        redis::cmd("SENTINEL").arg("get-master-addr-by-name").arg(name).query_async(&mut sentinel).await?;
    Ok(address.map(|(host, port)| format!("{host}:{port}")))
}

/// The URL of each node, all with the credentials of the first, and what follows the nodes.
fn nodes(rest: &str) -> (Vec<String>, &str) {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (credentials, hosts) = match authority.rsplit_once('@') {
        Some((credentials, hosts)) => (format!("{credentials}@"), hosts),
        None => (String::new(), authority),
    };
    (hosts.split(',').map(|host| format!("redis://{credentials}{host}")).collect(), path)
}

/// The URL of a node without its credentials: Sentinels have their own, if any.
fn bare(node: &str) -> String {
    node.rsplit_once('@').map_or_else(|| node.to_owned(), |(_, host)| format!("redis://{host}"))
}

/// The same URL for another address.
fn at(node: &str, address: &str) -> String {
    match node.rsplit_once('@') {
        Some((credentials, _)) => format!("{credentials}@{address}"),
        None => format!("redis://{address}"),
    }
}

/// A driver's error in this crate's terms, without the password.
pub fn client_error(url: &SecretUrl, limit: Duration, error: &RedisError) -> ClientError {
    let words = url.scrub(&error.to_string());
    match error.kind() {
        _ if error.is_connection_refusal() => ClientError::Io(io::ErrorKind::ConnectionRefused.into()),
        _ if error.is_timeout() => ClientError::Timeout(limit),
        ErrorKind::Io => ClientError::Io(io::Error::other(words)),
        ErrorKind::AuthenticationFailed => ClientError::Refused(words),
        _ => ClientError::Protocol(words),
    }
}
