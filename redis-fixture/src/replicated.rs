//! A master with replicas, and nobody who would fail over.

use crate::program::Version;
use crate::server::{Options, Server};
use crate::wait::until;

/// A master and its replicas.
#[derive(Debug)]
pub struct Replicated {
    /// The master.
    pub master: Server,
    /// Its replicas.
    pub replicas: Vec<Server>,
}

impl Replicated {
    /// Starts them and waits until the replicas follow.
    #[track_caller]
    pub fn start(version: Version, replicas: usize) -> Self {
        let master = Server::start_with(Options::of(version));
        let port = master.port().to_string();
        let options = || Options::of(version).arg(["--replicaof", "127.0.0.1", &port]);
        let replicas = (0..replicas).map(|_| Server::start_with(options())).collect();
        let set = Self { master, replicas };
        set.wait_until_followed();
        set
    }

    /// Waits until all replicas follow the master.
    #[track_caller]
    pub fn wait_until_followed(&self) {
        until("the replicas follow", || followers(&self.master) == self.replicas.len());
    }

    /// Address of the master.
    pub fn url(&self) -> String {
        self.master.url()
    }
}

/// Replicas that a master counts as in step.
pub(crate) fn followers(master: &Server) -> usize {
    let text: String = master.try_ask(&["INFO", "replication"]).unwrap_or_default();
    text.matches("state=online").count()
}
