//! Where Redis is, from its URL.

use redis::cluster::ClusterClient;
use redis::sentinel::{Sentinel, SentinelNodeConnectionInfo};
use redis::{Client, ConnectionInfo, IntoConnectionInfo, RedisResult, TlsMode};

use super::link::CONNECT_TIMEOUT;
use crate::error::StartError;

const EXPECTED: &str = "redis://[user:password@]host:port[/db] (rediss:// with TLS), \
    redis+sentinel://[user:password@]host:port,host:port/master[/db], \
    or redis+cluster://[user:password@]host:port,host:port";

/// Where Redis is.
pub enum Address {
    /// One server.
    Single(Box<Client>),
    /// A master that Sentinels know.
    Sentinel {
        /// The Sentinels.
        sentinels: Vec<ConnectionInfo>,
        /// Name of the master.
        master: String,
        /// How to log in there.
        node: Box<SentinelNodeConnectionInfo>,
    },
    /// A Cluster, by some of its nodes.
    Cluster {
        /// Knows them all.
        client: Box<ClusterClient>,
        /// Each of those that the URL names.
        seeds: Vec<Client>,
    },
}

impl Address {
    /// Reads a URL. What the error says does not repeat it: it may hold a password.
    pub fn parse(url: &str) -> Result<Self, StartError> {
        let malformed = || StartError::Setting {
            setting: "the URL of Redis",
            value: "malformed".into(),
            expected: EXPECTED,
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(malformed)?;
        match scheme {
            "redis" | "rediss" => {
                Client::open(url).map(|client| Self::Single(Box::new(client))).map_err(|_| malformed())
            }
            "redis+sentinel" => sentinel("redis", rest).ok_or_else(malformed),
            "rediss+sentinel" => sentinel("rediss", rest).ok_or_else(malformed),
            "redis+cluster" => cluster("redis", rest).ok_or_else(malformed),
            "rediss+cluster" => cluster("rediss", rest).ok_or_else(malformed),
            _ => Err(malformed()),
        }
    }

    /// Whether one server is in charge of everything. Nodes of a Cluster come and go by themselves.
    pub fn has_one_master(&self) -> bool {
        !matches!(self, Self::Cluster { .. })
    }

    /// A client of one server that takes messages: the server itself, the present master, or any node of a
    /// Cluster, which pass messages on to one another. `attempt` chooses among the nodes.
    pub async fn find_node(&self, attempt: usize) -> RedisResult<Client> {
        match self {
            Self::Single(client) => Ok(Client::clone(client)),
            Self::Sentinel { sentinels, master, node } => {
                Sentinel::build(sentinels.clone())?.async_master_for(master, Some(node)).await
            }
            Self::Cluster { seeds, .. } => Ok(seeds[attempt % seeds.len()].clone()),
        }
    }
}

/// `[user:password@]host:port,host:port[/path]` in parts.
fn split(rest: &str) -> (&str, Vec<&str>, &str) {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let at = authority.rfind('@').map_or(0, |at| at + 1);
    let (login, hosts) = authority.split_at(at);
    (login, hosts.split(',').filter(|host| !host.is_empty()).collect(), path)
}

fn sentinel(scheme: &str, rest: &str) -> Option<Address> {
    let (login, hosts, path) = split(rest);
    let (master, db) = path.split_once('/').unwrap_or((path, "0"));
    let sentinels = hosts.iter().map(|host| format!("{scheme}://{host}").into_connection_info().ok());
    let sentinels: Vec<ConnectionInfo> = sentinels.collect::<Option<_>>()?;
    if sentinels.is_empty() || master.is_empty() {
        return None;
    }
    let there = format!("redis://{login}master/{db}").into_connection_info().ok()?;
    let mut node =
        SentinelNodeConnectionInfo::default().set_redis_connection_info(there.redis_settings().clone());
    if scheme == "rediss" {
        node = node.set_tls_mode(TlsMode::Secure);
    }
    Some(Address::Sentinel { sentinels, master: master.to_owned(), node: Box::new(node) })
}

fn cluster(scheme: &str, rest: &str) -> Option<Address> {
    let (login, hosts, path) = split(rest);
    if hosts.is_empty() || !path.is_empty() {
        return None;
    }
    let seeds: Vec<String> = hosts.iter().map(|host| format!("{scheme}://{login}{host}")).collect();
    // The keeper retries: a call must not wait for it.
    let builder = ClusterClient::builder(seeds.clone()).connection_timeout(CONNECT_TIMEOUT / 2).retries(2);
    let client = builder.max_retry_wait(50).build().ok()?;
    let seeds = seeds.into_iter().map(Client::open).collect::<RedisResult<_>>().ok()?;
    Some(Address::Cluster { client: Box::new(client), seeds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_are_read() {
        let kind = |url| match Address::parse(url).unwrap() {
            Address::Single(client) => format!("{}", client.get_connection_info().addr()),
            Address::Sentinel { sentinels, master, .. } => format!("{} {master}", sentinels.len()),
            Address::Cluster { seeds, .. } => format!("{}", seeds.len()),
        };
        assert_eq!(kind("redis://127.0.0.1:7000/2"), "127.0.0.1:7000");
        assert_eq!(kind("rediss://user:p%40ss@cache.example:7000"), "cache.example:7000");
        assert_eq!(kind("redis+sentinel://u:p@a:1,b:2,[::1]:3/main/1"), "3 main");
        assert_eq!(kind("redis+cluster://:secret@a:1,b:2"), "2");
    }

    #[test]
    fn a_malformed_url_is_refused_without_its_password() {
        let urls = [
            "redis:/host",
            "http://:hunter2@host",
            "redis+sentinel://:hunter2@host:1",
            "redis+sentinel:///main",
            "redis+cluster://:hunter2@",
            "redis+cluster://host:1/0",
            "redis+sentinel://host:port/main",
            "redis://:hunter2@host:99999",
        ];
        for url in urls {
            let error = Address::parse(url).err().unwrap_or_else(|| panic!("{url}")).to_string();
            assert!(error.contains("redis+cluster://") && !error.contains("hunter2"), "{error}");
        }
    }
}
