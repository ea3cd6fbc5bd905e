//! A deployment and its members: each is spoken to alone as well, because an index can be missing on one.

use std::fmt;
use std::time::Duration;

use bson::{Bson, Document, doc};
use mongodb::options::{ClientOptions, ServerAddress};
use mongodb::{Client, Database};
use schemars::JsonSchema;
use serde::Serialize;

use crate::clients::SecretUrl;
use crate::digest;
use crate::indexes::IndexError;
use crate::indexes::number::truncated;

/// How the members stand to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topology {
    /// One server.
    Standalone,
    /// A replica set of this name.
    ReplicaSet(String),
    /// A sharded cluster, reached through its routers.
    Sharded,
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standalone => f.write_str("standalone"),
            Self::ReplicaSet(name) => write!(f, "replica set {name}"),
            Self::Sharded => f.write_str("sharded cluster"),
        }
    }
}

/// The server's version, as far as decisions depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// What a member does in its set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Takes writes; a server without a set is its own primary.
    Primary,
    /// Follows the primary.
    Secondary,
    /// Votes and holds no data.
    Arbiter,
    /// Anything else: starting, rolling back, gone.
    Other,
}

/// One server of the deployment.
#[derive(Debug, Clone)]
pub struct Member {
    /// `host:port`, as the set names it.
    pub address: String,
    /// The shard it belongs to, in a sharded cluster.
    pub shard: Option<String>,
    /// What it does.
    pub role: Role,
    /// The set's own word for its state (`SECONDARY`), where it was told.
    pub state: Option<String>,
    /// Whether the others reach it, where it was told.
    pub is_healthy: Option<bool>,
    /// How far it is behind the primary, where it was told.
    pub lag: Option<Duration>,
    /// Speaks to this member alone.
    client: Client,
}

/// A deployment that answers.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// How the members stand to each other.
    pub topology: Topology,
    /// The oldest version among what was asked: that of the server that answered.
    pub version: Version,
    /// The version in the server's own words.
    pub version_text: String,
    /// Its members that hold data, and arbiters; at least one.
    pub members: Vec<Member>,
    /// What tells this deployment from another.
    pub fingerprint: String,
    /// What `buildInfo` says.
    pub build_info: Document,
    /// What `hello` says.
    pub hello: Document,
    uri: SecretUrl,
    limit: Duration,
    client: Client,
}

impl Deployment {
    /// Connects, and asks who is there. `limit` bounds connecting and looking for a server, not commands.
    pub async fn connect(uri: &SecretUrl, limit: Duration) -> Result<Self, IndexError> {
        let client = crate::clients::mongodb::client(uri, limit).await;
        let client = client.map_err(|source| IndexError::Unreachable { who: uri.to_string(), source })?;
        let asked = Asked { uri, limit, client: &client };
        let hello = asked.admin("ask who is there", doc! { "hello": 1 }).await?;
        let build_info = asked.admin("ask for the version", doc! { "buildInfo": 1 }).await?;
        let topology = topology(&hello);
        let version_text = build_info.get_str("version").unwrap_or("0.0").to_owned();
        let mut deployment = Self {
            version: parse_version(&version_text),
            version_text,
            fingerprint: fingerprint(&topology, &hello),
            topology,
            members: Vec::new(),
            build_info,
            hello,
            uri: uri.clone(),
            limit,
            client: client.clone(),
        };
        deployment.members = deployment.find_members().await?;
        Ok(deployment)
    }

    /// A database of it, by the way that applications take: the primary, or a router.
    pub fn database(&self, name: &str) -> Database {
        self.client.database(name)
    }

    /// How messages name it: its address without the password.
    pub fn name(&self) -> String {
        self.uri.to_string()
    }

    /// A driver's error in this crate's terms.
    pub fn fault(&self, doing: &str, error: &mongodb::error::Error) -> IndexError {
        IndexError::driver(&self.name(), &self.uri, self.limit, doing, error)
    }

    /// The same for what was asked of one member.
    pub fn fault_of(&self, member: &Member, doing: &str, error: &mongodb::error::Error) -> IndexError {
        IndexError::driver(&member.address, &self.uri, self.limit, doing, error)
    }

    /// The answer to a command on a database.
    pub async fn run(&self, database: &str, doing: &str, command: Document) -> Result<Document, IndexError> {
        let answer = self.database(database).run_command(command).await;
        answer.map_err(|error| self.fault(doing, &error))
    }

    /// The members that hold data.
    pub fn data_members(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.role != Role::Arbiter)
    }

    /// Asks anew who the members are and how they are.
    pub async fn refresh(&mut self) -> Result<(), IndexError> {
        let asked = Asked { uri: &self.uri, limit: self.limit, client: &self.client };
        self.hello = asked.admin("ask who is there", doc! { "hello": 1 }).await?;
        self.members = self.find_members().await?;
        Ok(())
    }

    async fn find_members(&self) -> Result<Vec<Member>, IndexError> {
        match &self.topology {
            Topology::Standalone => {
                let address = self.uri_hosts().await.into_iter().next().unwrap_or_else(|| self.name());
                Ok(vec![self.member_at_client(address)])
            }
            Topology::ReplicaSet(_) => {
                let mut members = Vec::new();
                for (list, role) in
                    [("hosts", Role::Secondary), ("passives", Role::Secondary), ("arbiters", Role::Arbiter)]
                {
                    for address in texts(&self.hello, list) {
                        let is_primary =
                            self.hello.get_str("primary").is_ok_and(|primary| primary == address);
                        let role = if is_primary { Role::Primary } else { role };
                        members.push(self.member(address, role, None).await?);
                    }
                }
                if members.is_empty() {
                    members.push(self.member_at_client(self.name()));
                }
                self.add_status(&mut members).await;
                Ok(members)
            }
            Topology::Sharded => self.shard_members().await,
        }
    }

    async fn shard_members(&self) -> Result<Vec<Member>, IndexError> {
        let answer = self.run("admin", "list the shards", doc! { "listShards": 1 }).await?;
        let mut members = Vec::new();
        for shard in answer.get_array("shards").into_iter().flatten().filter_map(Bson::as_document) {
            let name = shard.get_str("_id").unwrap_or_default();
            let hosts = shard.get_str("host").unwrap_or_default();
            let hosts = hosts.split_once('/').map_or(hosts, |(_, hosts)| hosts);
            for address in hosts.split(',').filter(|address| !address.is_empty()) {
                members.push(self.member(address.to_owned(), Role::Other, Some(name.to_owned())).await?);
            }
        }
        for member in &mut members {
            if let Ok(hello) = member.client.database("admin").run_command(doc! { "hello": 1 }).await {
                let is_primary = hello.get_bool("isWritablePrimary").unwrap_or_default();
                let is_secondary = hello.get_bool("secondary").unwrap_or_default();
                member.role = match (is_primary, is_secondary) {
                    (true, _) => Role::Primary,
                    (_, true) => Role::Secondary,
                    _ => Role::Other,
                };
            }
        }
        Ok(members)
    }

    /// What the set says of its members; an account may not be allowed to ask, then nothing is known.
    async fn add_status(&self, members: &mut [Member]) {
        let status = self.database("admin").run_command(doc! { "replSetGetStatus": 1 }).await;
        let Ok(status) = status else { return };
        let told: Vec<&Document> =
            status.get_array("members").into_iter().flatten().filter_map(Bson::as_document).collect();
        let newest =
            told.iter().filter(|member| member.get_str("stateStr").is_ok_and(|state| state == "PRIMARY"));
        let newest = newest.filter_map(|member| member.get_datetime("optimeDate").ok()).max();
        for member in members {
            let Some(told) =
                told.iter().find(|told| told.get_str("name").is_ok_and(|name| name == member.address))
            else {
                continue;
            };
            member.state = told.get_str("stateStr").ok().map(str::to_owned);
            member.is_healthy = told.get("health").and_then(truncated).map(|health| health > 0);
            member.role = match member.state.as_deref() {
                Some("PRIMARY") => Role::Primary,
                Some("SECONDARY") => Role::Secondary,
                Some("ARBITER") => Role::Arbiter,
                _ => Role::Other,
            };
            if let (Some(newest), Ok(own)) = (newest, told.get_datetime("optimeDate")) {
                let behind = newest.timestamp_millis() - own.timestamp_millis();
                member.lag = Some(Duration::from_millis(u64::try_from(behind).unwrap_or_default()));
            }
        }
    }

    async fn member(&self, address: String, role: Role, shard: Option<String>) -> Result<Member, IndexError> {
        let client = self.direct_client(&address).await?;
        Ok(Member { address, shard, role, state: None, is_healthy: None, lag: None, client })
    }

    fn member_at_client(&self, address: String) -> Member {
        let client = self.client.clone();
        let (role, shard) = (Role::Primary, None);
        Member { address, shard, role, state: None, is_healthy: None, lag: None, client }
    }

    /// A client for one member, with the credentials and the TLS of the whole.
    async fn direct_client(&self, address: &str) -> Result<Client, IndexError> {
        let unreachable = |error: &mongodb::error::Error| IndexError::Unreachable {
            who: address.to_owned(),
            source: crate::clients::mongodb::client_error(&self.uri, self.limit, error),
        };
        let mut options = self.options().await.map_err(|error| unreachable(&error))?;
        options.hosts = vec![ServerAddress::parse(address).map_err(|error| unreachable(&error))?];
        options.direct_connection = Some(true);
        options.repl_set_name = None;
        options.load_balanced = None;
        options.srv_max_hosts = None;
        options.server_selection_timeout = Some(self.limit);
        options.connect_timeout = Some(self.limit);
        Client::with_options(options).map_err(|error| unreachable(&error))
    }

    async fn options(&self) -> mongodb::error::Result<ClientOptions> {
        ClientOptions::parse(self.uri.expose()).await
    }

    async fn uri_hosts(&self) -> Vec<String> {
        let options = self.options().await;
        options.map(|options| options.hosts.iter().map(ToString::to_string).collect()).unwrap_or_default()
    }
}

impl Member {
    /// A database as this member has it.
    pub fn database(&self, name: &str) -> Database {
        self.client.database(name)
    }

    /// Why builds would wait for this member; nothing when it is well, or nothing is known.
    pub fn ailment(&self) -> Option<String> {
        let state = self.state.as_deref().unwrap_or("not reachable");
        if self.is_healthy == Some(false) {
            return Some(format!("the other members do not reach it ({state})"));
        }
        (self.role == Role::Other && self.state.is_some()).then(|| format!("it is in state {state}"))
    }
}

struct Asked<'a> {
    uri: &'a SecretUrl,
    limit: Duration,
    client: &'a Client,
}

impl Asked<'_> {
    async fn admin(&self, doing: &str, command: Document) -> Result<Document, IndexError> {
        let answer = self.client.database("admin").run_command(command).await;
        answer.map_err(|error| IndexError::driver(&self.uri.to_string(), self.uri, self.limit, doing, &error))
    }
}

fn topology(hello: &Document) -> Topology {
    match (hello.get_str("setName"), hello.get_str("msg")) {
        (Ok(name), _) => Topology::ReplicaSet(name.to_owned()),
        (_, Ok("isdbgrid")) => Topology::Sharded,
        _ => Topology::Standalone,
    }
}

/// A set by its name and members; others by what they are. The identifiers of collections tell the rest.
fn fingerprint(topology: &Topology, hello: &Document) -> String {
    let mut hosts = texts(hello, "hosts");
    hosts.sort();
    let text = format!("{topology} {}", hosts.join(","));
    format!("{topology} ({})", &digest::sha256(text.as_bytes())[..12])
}

fn texts(document: &Document, name: &str) -> Vec<String> {
    let items = document.get_array(name).into_iter().flatten();
    items.filter_map(Bson::as_str).map(str::to_owned).collect()
}

/// Major and minor version; what cannot be read counts as 0.0.
fn parse_version(text: &str) -> Version {
    let mut parts = text.split(['.', '-']).map(|part| part.parse().unwrap_or_default());
    Version(parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{Version, parse_version};

    #[test]
    fn versions_are_read_as_far_as_they_matter() {
        assert_eq!(parse_version("8.2.11"), Version(8, 2));
        assert_eq!(parse_version("7.1.0-rc3"), Version(7, 1));
        assert_eq!(parse_version("odd"), Version(0, 0));
        assert!(Version(4, 4) < Version(5, 0) && Version(7, 0) < Version(7, 1));
    }
}
