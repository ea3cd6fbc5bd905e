//! Three servers that look like one replica set.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::options::ClientOptions;

use super::build::Builds;
use super::face::{Cast, CastMember, Face};
use super::serve::{Shared, forward};
use super::wire::Message;
use super::{MongoProxy, address_of, locked};
use crate::support::mongo::{MongoServer, block_on};

/// How many members a set has.
const MEMBERS: usize = 3;

/// Three `secantusd-rs` behind three proxies that look like one replica set, whatever the environment names.
///
/// Each server has data of its own; what is written to the primary is written to the others as well, in order,
/// except to a member whose replication was stopped.
#[derive(Debug)]
pub struct MongoSet {
    // The proxies go before their servers do.
    proxies: Vec<MongoProxy>,
    cast: Arc<Mutex<Cast>>,
    servers: Vec<MongoServer>,
}

impl MongoSet {
    /// Starts it; the first member is the primary.
    #[track_caller]
    pub fn start() -> Self {
        let servers = start_servers();
        let listeners: Vec<TcpListener> = (0..MEMBERS).map(|_| listen()).collect();
        let members = listeners.iter().zip(&servers).map(|(listener, server)| CastMember {
            address: address(listener).to_string(),
            upstream: address_of(server),
            is_there: true,
            follows: true,
            lag: Duration::ZERO,
        });
        let members = members.collect();
        let cast = Arc::new(Mutex::new(Cast { name: "rs0".to_owned(), members, primary: 0, elections: 0 }));
        let (builds, order) = (Builds::default(), Arc::default());
        let proxies = listeners.into_iter().zip(&servers).enumerate().map(|(number, (listener, server))| {
            let face = Face::Member(Arc::clone(&cast), number);
            let shared = Shared {
                builds: Arc::clone(&builds),
                order: Arc::clone(&order),
                ..Shared::new(address(&listener), address_of(server), face)
            };
            MongoProxy::listening(listener, Arc::new(shared))
        });
        Self { proxies: proxies.collect(), cast, servers }
    }

    /// The address of the whole set, without a database.
    pub fn uri(&self) -> String {
        let addresses: Vec<String> = self.proxies.iter().map(MongoProxy::address).collect();
        format!("mongodb://{}/?replicaSet={}", addresses.join(","), locked(&self.cast).name)
    }

    /// The name of a database that belongs to this test; empty at first.
    pub fn database(&self) -> &str {
        self.servers[0].database()
    }

    /// The proxy before a member, from 0.
    pub fn member(&self, number: usize) -> &MongoProxy {
        &self.proxies[number]
    }

    /// The proxy before the primary.
    pub fn primary(&self) -> &MongoProxy {
        &self.proxies[self.primary_number()]
    }

    /// The number of the primary.
    pub fn primary_number(&self) -> usize {
        locked(&self.cast).primary
    }

    /// A driver's client for the set, inside the caller's runtime.
    pub async fn client(&self) -> Client {
        let options = ClientOptions::parse(self.uri()).await.expect("the address is well formed");
        Client::with_options(options).expect("the options are sound")
    }

    /// The answer of one member's server to a command on the test's database, past all proxies: what this
    /// member really has, or what only it is to have.
    #[track_caller]
    pub fn run_on(&self, number: usize, command: Document) -> Document {
        let server = &self.servers[number];
        let answer = block_on(async {
            let database = server.client().await.database(self.database());
            database.run_command(command).await
        });
        answer.expect("the member's server answers the command")
    }

    /// The names of the indexes that one member really has on a collection of the test's database.
    #[track_caller]
    pub fn indexes_of(&self, number: usize, collection: &str) -> Vec<String> {
        let answer =
            self.run_on(number, doc! { "listIndexes": collection, "cursor": { "batchSize": 1_000 } });
        let listed = answer.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
        let listed =
            listed.expect("the list is in the first batch").iter().filter_map(|index| index.as_document());
        listed.map(|index| index.get_str("name").unwrap_or_default().to_owned()).collect()
    }

    /// From now on, writes to the primary do not reach this member: an index made now is missing on it.
    pub fn stop_replication(&self, number: usize) {
        locked(&self.cast).members[number].follows = false;
    }

    /// From now on they do again; what it missed stays missing.
    pub fn start_replication(&self, number: usize) {
        locked(&self.cast).members[number].follows = true;
    }

    /// How far behind the primary a member says it is.
    pub fn set_lag(&self, number: usize, lag: Duration) {
        locked(&self.cast).members[number].lag = lag;
    }

    /// Another member becomes primary: the next one that answers. The old one refuses writes, and what it holds
    /// back is interrupted when it is released. Connections stay open. Returns the new primary's number.
    #[track_caller]
    pub fn step_down(&self) -> usize {
        let mut cast = locked(&self.cast);
        let others = (1..MEMBERS).map(|step| (cast.primary + step) % MEMBERS);
        let next = others.into_iter().find(|&number| cast.members[number].is_there);
        cast.primary = next.expect("another member answers");
        cast.elections += 1;
        cast.primary
    }

    /// A member becomes unreachable: its connections are closed, now and whenever they are made. A primary that
    /// is killed stays the primary until [`MongoSet::step_down`].
    pub fn kill(&self, number: usize) {
        locked(&self.cast).members[number].is_there = false;
        self.proxies[number].go_away();
    }

    /// It is reachable again.
    pub fn revive(&self, number: usize) {
        locked(&self.cast).members[number].is_there = true;
        self.proxies[number].come_back();
    }

    /// A router of a sharded cluster whose only shard is this set, at its primary of now.
    #[track_caller]
    pub fn router(&self) -> MongoProxy {
        let cast = locked(&self.cast);
        let addresses: Vec<&str> = cast.members.iter().map(|member| member.address.as_str()).collect();
        let host = format!("{}/{}", cast.name, addresses.join(","));
        let shards = doc! { "shards": [{ "_id": "shard0", "host": host, "state": 1 }], "ok": 1.0 };
        let primary = self.proxies[cast.primary].shared.address;
        MongoProxy::before(primary, Face::Router(shards))
    }
}

/// Connections to the members that follow a primary, made when they are first needed.
#[derive(Debug, Default)]
pub struct Followers(BTreeMap<SocketAddr, TcpStream>);

impl Followers {
    /// Does on every follower what was done on the member of this number. One that fails is left behind, as a
    /// member that lost its oplog would be.
    pub fn follow(&mut self, cast: &Mutex<Cast>, leader: usize, request: &Message) {
        let followers = locked(cast);
        let members = followers.members.iter().enumerate();
        let members = members.filter(|(number, member)| *number != leader && member.follows);
        let upstreams: Vec<SocketAddr> = members.map(|(_, member)| member.upstream).collect();
        drop(followers);
        for upstream in upstreams {
            let _ = self.connection(upstream).and_then(|connection| forward(connection, request));
        }
    }

    fn connection(&mut self, upstream: SocketAddr) -> std::io::Result<&mut TcpStream> {
        use std::collections::btree_map::Entry;
        match self.0.entry(upstream) {
            Entry::Occupied(open) => Ok(open.into_mut()),
            Entry::Vacant(place) => {
                let connection = TcpStream::connect(upstream)?;
                connection.set_nodelay(true)?;
                Ok(place.insert(connection))
            }
        }
    }
}

#[track_caller]
fn start_servers() -> Vec<MongoServer> {
    thread::scope(|scope| {
        let starting: Vec<_> = (0..MEMBERS).map(|_| scope.spawn(|| MongoServer::start_with(&[]))).collect();
        starting.into_iter().map(|server| server.join().expect("a server starts")).collect()
    })
}

#[track_caller]
fn listen() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).expect("a port of 127.0.0.1 can be bound")
}

#[track_caller]
fn address(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().expect("a bound socket has an address")
}
