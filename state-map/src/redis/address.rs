//! Where Redis is, from its URL.

use redis::sentinel::{Sentinel, SentinelNodeConnectionInfo};
use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisResult, TlsMode};

use super::ConnectError;

/// Where Redis is.
#[derive(Debug)]
pub enum Address {
    /// One server.
    Single(Client),
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
        /// At least one.
        seeds: Vec<Client>,
    },
}

impl Address {
    /// Reads a URL. The error does not repeat it: it may hold a password.
    pub fn parse(url: &str) -> Result<Self, ConnectError> {
        let (scheme, rest) = url.split_once("://").ok_or(ConnectError::Malformed)?;
        if scheme.starts_with("rediss") {
            // Without a provider the first connection would panic. One that the application has chosen stays.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let address = match scheme {
            "redis" | "rediss" => Client::open(url).ok().map(Self::Single),
            "redis+sentinel" => sentinel("redis", rest),
            "rediss+sentinel" => sentinel("rediss", rest),
            "redis+cluster" => cluster("redis", rest),
            "rediss+cluster" => cluster("rediss", rest),
            _ => None,
        };
        address.ok_or(ConnectError::Malformed)
    }

    /// A client of one server that takes messages: the server itself, the present master, or any node of a Cluster,
    /// which pass messages on to one another. `attempt` chooses among the nodes.
    pub async fn find_node(&self, attempt: usize) -> RedisResult<Client> {
        match self {
            Self::Single(client) => Ok(client.clone()),
            Self::Sentinel { sentinels, master, node } => {
                Sentinel::build(sentinels.clone())?.async_master_for(master, Some(node)).await
            }
            Self::Cluster { seeds } => Ok(seeds[attempt % seeds.len()].clone()),
        }
    }
}

/// A client of another node of the Cluster that this client is of: same login, same encryption.
pub fn sibling(client: &Client, host: &str, port: u16) -> RedisResult<Client> {
    let info = client.get_connection_info().clone();
    let host = host.to_owned();
    let addr = match info.addr() {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
            ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: tls_params.clone() }
        }
        _ => ConnectionAddr::Tcp(host, port),
    };
    Client::open(info.set_addr(addr))
}

/// The host that a client connects to.
pub fn host(client: &Client) -> String {
    match client.get_connection_info().addr() {
        ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host.clone(),
        _ => String::new(),
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
    let seeds = hosts.iter().map(|host| Client::open(format!("{scheme}://{login}{host}")).ok());
    Some(Address::Cluster { seeds: seeds.collect::<Option<_>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_are_read() {
        let kind = |url| match Address::parse(url).unwrap() {
            Address::Single(client) => format!("{}", client.get_connection_info().addr()),
            Address::Sentinel { sentinels, master, .. } => format!("{} {master}", sentinels.len()),
            Address::Cluster { seeds } => format!("{}", seeds.len()),
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

    #[test]
    fn nodes_of_a_cluster_share_login_and_encryption() {
        let seed = Client::open("rediss://user:secret@a:1").unwrap();
        let info = sibling(&seed, "b", 2).unwrap().get_connection_info().clone();
        assert!(matches!(info.addr(), ConnectionAddr::TcpTls { host, port: 2, .. } if host == "b"));
        assert_eq!(info.redis_settings().password(), Some("secret"));
    }
}
