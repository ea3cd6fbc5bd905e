//! A master with replicas behind three Sentinels.

use redis::Value;

use crate::program::Version;
use crate::replicated::Replicated;
use crate::server::Server;
use crate::wait::until;

/// Name of the master.
const NAME: &str = "main";

/// A master, its replicas, and three Sentinels, two of which must agree.
#[derive(Debug)]
pub struct Sentinels {
    /// The servers; any of them may be the master by now.
    pub nodes: Vec<Server>,
    /// The Sentinels.
    pub sentinels: Vec<Server>,
}

impl Sentinels {
    /// Starts them and waits until all know one another.
    #[track_caller]
    pub fn start(version: Version, replicas: usize) -> Self {
        let Replicated { master, replicas } = Replicated::start(version, replicas);
        let text = format!(
            "sentinel monitor {NAME} 127.0.0.1 {} 2\nsentinel down-after-milliseconds {NAME} 1000\n\
             sentinel failover-timeout {NAME} 3000\n",
            master.port()
        );
        let sentinels = (0..3).map(|_| Server::start_sentinel(version, &text)).collect();
        let nodes = std::iter::once(master).chain(replicas).collect();
        let set = Self { nodes, sentinels };
        set.wait_until_complete();
        set
    }

    /// Waits until each Sentinel knows the others and all replicas, and the replicas follow.
    #[track_caller]
    pub fn wait_until_complete(&self) {
        let replicas = (self.nodes.len() - 1).to_string();
        for sentinel in &self.sentinels {
            until("the Sentinels know one another and the replicas", || {
                field(sentinel, "num-slaves").as_ref() == Some(&replicas)
                    && field(sentinel, "num-other-sentinels").as_deref() == Some("2")
            });
        }
        until("the replicas follow", || {
            self.master()
                .is_some_and(|at| crate::replicated::followers(&self.nodes[at]) + 1 == self.nodes.len())
        });
    }

    /// `redis+sentinel://…/main`.
    pub fn url(&self) -> String {
        let hosts: Vec<_> = self.sentinels.iter().map(Server::address).collect();
        format!("redis+sentinel://{}/{NAME}", hosts.join(","))
    }

    /// Which node calls itself master: none during a fail-over.
    pub fn master(&self) -> Option<usize> {
        self.nodes.iter().position(|node| node.is_running() && node.info("role") == "master")
    }

    /// Kills the master without warning. A replica takes over after a while. Which it was.
    #[track_caller]
    pub fn kill_master(&mut self) -> usize {
        let at = self.master().expect("there is a master");
        self.nodes[at].kill9();
        at
    }

    /// Waits until another node than this one is the master, for all Sentinels. Which it is.
    #[track_caller]
    pub fn wait_for_master_other_than(&self, old: usize) -> usize {
        let mut new = old;
        until("a replica is the master", || {
            let ports = self.sentinels.iter().filter_map(|sentinel| field(sentinel, "port"));
            let ports: Vec<_> = ports.collect();
            let at = self.nodes.iter().position(|node| Some(&node.port().to_string()) == ports.first());
            new = at.unwrap_or(old);
            new != old
                && ports.len() == self.sentinels.len()
                && ports.iter().all(|port| *port == ports[0])
                && self.nodes[new].info("role") == "master"
        });
        new
    }
}

/// What a Sentinel says of the master.
fn field(sentinel: &Server, name: &str) -> Option<String> {
    let answer = sentinel.try_ask::<Value>(&["SENTINEL", "MASTER", NAME]).ok()?;
    let fields: Vec<(String, String)> = redis::from_redis_value(answer).ok()?;
    fields.into_iter().find_map(|(field, value)| (field == name).then_some(value))
}
