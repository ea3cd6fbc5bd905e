//! The Redis that state moves to, in each of its topologies, and what happens to it.

use std::time::{Duration, Instant};

use history_check::Value as Content;
use redis::FromRedisValue;
use redis_fixture::{Cluster, Options, Replicated, Sentinels, Server, Version, until};
use state_map::wire::key::{Key, Space};

/// Where the state goes.
#[derive(Debug)]
pub enum Store {
    /// One server.
    Alone(Server),
    /// A master and a replica, and an operator who fails over. Servers that were killed stay in the list.
    Pair {
        /// All servers.
        nodes: Vec<Server>,
        /// Which is the master.
        master: usize,
    },
    /// A master and a replica behind Sentinels.
    Sentinels(Sentinels),
    /// Three masters with a replica each.
    Cluster(Cluster),
}

impl Store {
    /// One server of this version.
    pub fn alone(version: Version) -> Self {
        Self::Alone(Server::start_with(Options::of(version)))
    }

    /// One server whose data outlives it.
    pub fn lasting() -> Self {
        Self::Alone(Server::start_with(Options::default().append_only()))
    }

    /// A master and a replica.
    pub fn pair() -> Self {
        let Replicated { master, replicas } = Replicated::start(Version::default(), 1);
        Self::Pair { nodes: std::iter::once(master).chain(replicas).collect(), master: 0 }
    }

    /// Behind Sentinels.
    pub fn sentinels() -> Self {
        Self::Sentinels(Sentinels::start(Version::default(), 1))
    }

    /// A Cluster.
    pub fn cluster() -> Self {
        Self::Cluster(Cluster::start(Version::default()))
    }

    /// Its address; of one that fails over by hand, that of the master at this moment.
    pub fn url(&self) -> String {
        match self {
            Self::Alone(server) => server.url(),
            Self::Pair { nodes, master } => nodes[*master].url(),
            Self::Sentinels(set) => set.url(),
            Self::Cluster(cluster) => cluster.url(),
        }
    }

    /// The port of the one server that is asked; none where clients find it themselves.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Alone(server) => Some(server.port()),
            Self::Pair { nodes, master } => Some(nodes[*master].port()),
            Self::Sentinels(_) | Self::Cluster(_) => None,
        }
    }

    /// Replicas that a write must reach.
    pub fn replicas(&self) -> u32 {
        u32::from(!matches!(self, Self::Alone(_)))
    }

    /// The server that has a key.
    #[track_caller]
    pub fn server_of(&self, key: &Key) -> &Server {
        match self {
            Self::Alone(server) => server,
            Self::Pair { nodes, master } => &nodes[*master],
            Self::Sentinels(set) => &set.nodes[set.master().expect("there is a master")],
            Self::Cluster(cluster) => {
                &cluster.nodes[cluster.owner_of(key.slot()).expect("the slot is served")]
            }
        }
    }

    /// Its answer to a command on a key.
    #[track_caller]
    pub fn ask<T: FromRedisValue>(&self, key: &Key, command: &[&str]) -> T {
        self.server_of(key).ask(command)
    }

    /// What it has of a list.
    #[track_caller]
    pub fn list(&self, id: &str) -> Content {
        let key = list_key(id);
        let text: Option<String> = self.ask(&key, &["GET", key.value()]);
        text.map(|text| serde_json::from_str(&text).expect("lists are JSON"))
    }

    /// A field of the sidecar of a list; empty when there is none.
    #[track_caller]
    pub fn sidecar(&self, id: &str, field: &str) -> String {
        let key = list_key(id);
        self.ask::<Option<String>>(&key, &["HGET", &key.sidecar(), field]).unwrap_or_default()
    }

    /// A replica that hears nothing any more: what the master does from now on is lost when it fails.
    #[track_caller]
    pub fn lag(&self) {
        let Self::Pair { nodes, master } = self else { panic!("only a pair is failed over by hand") };
        part(&nodes[*master], &nodes[1 - *master]);
    }

    /// The same for the shard of a key.
    #[track_caller]
    pub fn lag_shard(&self, key: &Key) {
        let Self::Cluster(cluster) = self else { panic!("only a Cluster has shards") };
        let master = cluster.owner_of(key.slot()).expect("the slot is served");
        part(&cluster.nodes[master], &cluster.nodes[cluster.replica_of(master)]);
    }

    /// Whether two keys are in one shard.
    #[track_caller]
    pub fn is_together(&self, one: &Key, other: &Key) -> bool {
        self.server_of(one).port() == self.server_of(other).port()
    }

    /// The master is killed, which is told at once, the replica promoted, and a new replica follows it.
    #[track_caller]
    pub fn fail_over(&mut self, killed: &mut dyn FnMut()) {
        let Self::Pair { nodes, master } = self else { panic!("only a pair is failed over by hand") };
        let new = 1 - *master;
        nodes[*master].kill9();
        killed();
        nodes[new].cont();
        nodes[new].ask::<()>(&["REPLICAOF", "NO", "ONE"]);
        let port = nodes[new].port().to_string();
        nodes[*master] = Server::start_with(Options::default().arg(["--replicaof", "127.0.0.1", &port]));
        *master = new;
        let count =
            || nodes[new].info("connected_slaves") == "1" && nodes[new].info("slave0").contains("online");
        until("the new replica follows", count);
    }

    /// The master is killed, Sentinel promotes the replica, and the old master comes back as a replica.
    #[track_caller]
    pub fn fail_over_behind_sentinels(&mut self, killed: &mut dyn FnMut()) {
        let Self::Sentinels(set) = self else { panic!("only Sentinels fail over by themselves") };
        let old = set.kill_master();
        killed();
        set.wait_for_master_other_than(old);
        set.nodes[old].restart();
        set.wait_until_complete();
    }

    /// Moves the slot of a key to another master, a few keys at a time.
    #[track_caller]
    pub fn move_slot(&self, key: &Key) {
        let Self::Cluster(cluster) = self else { panic!("only a Cluster has slots") };
        let from = cluster.owner_of(key.slot()).expect("the slot is served");
        let is_master = |at: &usize| *at != from && cluster.nodes[*at].info("role") == "master";
        let to = (0..cluster.nodes.len()).find(is_master).expect("there is another master");
        cluster.begin_move(key.slot(), from, to);
        while cluster.move_some(key.slot(), from, to) > 0 {}
        cluster.end_move(key.slot(), from, to);
    }

    /// The master of the slot of this key dies; its replica, which may have lagged, takes over by itself. The dead node
    /// comes back.
    #[track_caller]
    pub fn fail_over_shard(&mut self, key: &Key, killed: &mut dyn FnMut()) {
        let Self::Cluster(cluster) = self else { panic!("only a Cluster has shards") };
        let old = cluster.owner_of(key.slot()).expect("the slot is served");
        cluster.nodes[old].kill9();
        killed();
        cluster.nodes.iter().filter(|node| node.is_running()).for_each(Server::cont);
        until("the replica has taken over", || cluster.owner_of(key.slot()).is_some_and(|at| at != old));
        cluster.nodes[old].restart();
        cluster.wait_until_complete();
    }
}

/// From now on the replica hears nothing of the master.
fn part(master: &Server, replica: &Server) {
    replica.stop();
    master.ask::<()>(&["CLIENT", "KILL", "TYPE", "replica"]);
}

/// The key of a list in Redis.
pub fn list_key(id: &str) -> Key {
    Key::new("list:", id)
}

/// A key in the slot of the control record.
pub fn control_key() -> Key {
    Key::from_name(&Space::DEFAULT.replace(['{', '}'], ""))
}

/// Waits until the condition holds; fails the test when it does not in time.
#[track_caller]
pub fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "still waiting for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
