//! A Cluster of three masters with a replica each.

use redis::RedisResult;

use crate::program::Version;
use crate::server::{Options, Server};
use crate::wait::until;

const MASTERS: usize = 3;
const SLOTS: usize = 16_384;

/// Keys that are moved in one go.
const BATCH: &str = "16";

/// Time for the move of a batch, in milliseconds.
const MOVE_WITHIN: &str = "5000";

/// Three masters and three replicas: node `n + 3` begins as the replica of node `n`.
#[derive(Debug)]
pub struct Cluster {
    /// The nodes; any of them may be a master by now.
    pub nodes: Vec<Server>,
}

impl Cluster {
    /// Starts it and waits until it is complete.
    #[track_caller]
    pub fn start(version: Version) -> Self {
        let nodes = (0..2 * MASTERS).map(|_| Server::start_with(options(version))).collect();
        let cluster = Self { nodes };
        cluster.share_slots();
        cluster.meet();
        cluster.attach_replicas();
        cluster.wait_until_complete();
        cluster
    }

    fn share_slots(&self) {
        for (at, node) in self.nodes.iter().enumerate() {
            node.ask::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &(at + 1).to_string()]);
        }
        for (at, node) in self.nodes[..MASTERS].iter().enumerate() {
            let first = SLOTS * at / MASTERS;
            let last = SLOTS * (at + 1) / MASTERS - 1;
            node.ask::<()>(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
        }
    }

    fn meet(&self) {
        for node in self.nodes.iter().skip(1) {
            let (port, bus) = (node.port().to_string(), node.bus().unwrap_or_default().to_string());
            self.nodes[0].ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        }
        for node in &self.nodes {
            until("the nodes know one another", || {
                let known: String = node.ask(&["CLUSTER", "NODES"]);
                known.lines().count() == self.nodes.len() && !known.contains("handshake")
            });
        }
    }

    fn attach_replicas(&self) {
        for (at, node) in self.nodes[MASTERS..].iter().enumerate() {
            let master = self.id(at);
            until("the replica has its master", || {
                node.try_ask::<()>(&["CLUSTER", "REPLICATE", &master]).is_ok()
            });
        }
    }

    /// Waits until all running nodes see every slot served, and the replicas follow.
    #[track_caller]
    pub fn wait_until_complete(&self) {
        for node in self.nodes.iter().filter(|node| node.is_running()) {
            until("the Cluster is complete", || {
                let state: RedisResult<String> = node.try_ask(&["CLUSTER", "INFO"]);
                let complete = state.is_ok_and(|state| state.contains("cluster_state:ok"));
                complete && (node.info("role") == "master" || node.info("master_link_status") == "up")
            });
        }
    }

    /// `redis+cluster://…` with all nodes.
    pub fn url(&self) -> String {
        let hosts: Vec<_> = self.nodes.iter().map(Server::address).collect();
        format!("redis+cluster://{}", hosts.join(","))
    }

    /// Identity of a node in the Cluster.
    pub fn id(&self, at: usize) -> String {
        self.nodes[at].ask(&["CLUSTER", "MYID"])
    }

    /// The master that serves a slot: none during a fail-over.
    pub fn owner_of(&self, slot: u16) -> Option<usize> {
        self.nodes.iter().position(|node| {
            let known: RedisResult<String> = node.try_ask(&["CLUSTER", "NODES"]);
            known.is_ok_and(|known| known.lines().any(|line| is_own(line) && serves(line, slot)))
        })
    }

    /// A replica of a master.
    #[track_caller]
    pub fn replica_of(&self, master: usize) -> usize {
        let port = self.nodes[master].port().to_string();
        let follows = |node: &Server| node.info("role") == "slave" && node.info("master_port") == port;
        self.nodes.iter().position(follows).expect("each master has a replica")
    }

    /// Begins to move a slot: from now on a key of it is at either of both.
    #[track_caller]
    pub fn begin_move(&self, slot: u16, from: usize, to: usize) {
        let slot = slot.to_string();
        self.nodes[to].ask::<()>(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &self.id(from)]);
        self.nodes[from].ask::<()>(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &self.id(to)]);
    }

    /// Moves some keys of a slot. How many there were.
    #[track_caller]
    pub fn move_some(&self, slot: u16, from: usize, to: usize) -> usize {
        let keys: Vec<String> = self.nodes[from].ask(&["CLUSTER", "GETKEYSINSLOT", &slot.to_string(), BATCH]);
        if !keys.is_empty() {
            self.move_keys(from, to, &keys.iter().map(String::as_str).collect::<Vec<_>>());
        }
        keys.len()
    }

    /// Moves these keys.
    #[track_caller]
    pub fn move_keys(&self, from: usize, to: usize, keys: &[&str]) {
        let port = self.nodes[to].port().to_string();
        let command = ["MIGRATE", "127.0.0.1", &port, "", "0", MOVE_WITHIN, "KEYS"];
        self.nodes[from].ask::<()>(&[&command, keys].concat());
    }

    /// Ends the move of a slot.
    #[track_caller]
    pub fn end_move(&self, slot: u16, from: usize, to: usize) {
        let (slot, id) = (slot.to_string(), self.id(to));
        for at in [to, from] {
            self.nodes[at].ask::<()>(&["CLUSTER", "SETSLOT", &slot, "NODE", &id]);
        }
    }
}

fn options(version: Version) -> Options {
    let timed = Options::of(version).arg(["--cluster-node-timeout", "1500"]);
    Options { clustered: true, ..timed.arg(["--cluster-config-file", "nodes.conf"]) }
}

fn is_own(line: &str) -> bool {
    line.split(' ').nth(2).is_some_and(|flags| flags.contains("myself") && flags.contains("master"))
}

/// Whether a line of `CLUSTER NODES` names the slot among those served.
fn serves(line: &str, slot: u16) -> bool {
    line.split(' ').skip(8).any(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        matches!((first.parse(), last.parse()), (Ok(first), Ok(last)) if (first..=last).contains(&slot))
    })
}
