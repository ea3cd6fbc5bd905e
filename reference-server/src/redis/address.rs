//! Where Redis is, from its URL: as a map that moves reads it, with what the commands of a Cluster need.

use redis::cluster::ClusterClient;
use redis::{Client, RedisResult};
use state_map::redis::Address as Place;

use super::link::CONNECT_TIMEOUT;
use crate::error::StartError;

const EXPECTED: &str = "redis://[user:password@]host:port[/db] (rediss:// with TLS), \
    redis+sentinel://[user:password@]host:port,host:port/master[/db], \
    or redis+cluster://[user:password@]host:port,host:port";

/// Where Redis is.
pub struct Address {
    place: Place,
    /// Knows all nodes of a Cluster.
    cluster: Option<Box<ClusterClient>>,
}

impl Address {
    /// Reads a URL. What the error says does not repeat it: it may hold a password.
    pub fn parse(url: &str) -> Result<Self, StartError> {
        let malformed = || StartError::Setting {
            setting: "the URL of Redis",
            value: "malformed".into(),
            expected: EXPECTED,
        };
        let place = Place::parse(url).map_err(|_| malformed())?;
        let cluster = match &place {
            Place::Cluster { seeds } => Some(Box::new(cluster(seeds).map_err(|_| malformed())?)),
            Place::Single(_) | Place::Sentinel { .. } => None,
        };
        Ok(Self { place, cluster })
    }

    /// A client of the whole Cluster, where it is one.
    pub fn cluster(&self) -> Option<&ClusterClient> {
        self.cluster.as_deref()
    }

    /// Whether one server is in charge of everything. Nodes of a Cluster come and go by themselves.
    pub fn has_one_master(&self) -> bool {
        self.cluster.is_none()
    }

    /// A client of one server that takes messages: see [`Place::find_node`].
    pub async fn find_node(&self, attempt: usize) -> RedisResult<Client> {
        self.place.find_node(attempt).await
    }
}

fn cluster(seeds: &[Client]) -> RedisResult<ClusterClient> {
    let seeds = seeds.iter().map(|seed| seed.get_connection_info().clone());
    // The keeper retries: a call must not wait for it.
    let builder = ClusterClient::builder(seeds).connection_timeout(CONNECT_TIMEOUT / 2).retries(2);
    builder.max_retry_wait(50).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_are_read() {
        let kind = |url| match Address::parse(url).unwrap().place {
            Place::Single(client) => format!("{}", client.get_connection_info().addr()),
            Place::Sentinel { sentinels, master, .. } => format!("{} {master}", sentinels.len()),
            Place::Cluster { seeds } => format!("{}", seeds.len()),
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
