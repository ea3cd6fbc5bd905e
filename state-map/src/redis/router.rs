//! Sends a command to the server that its slot is on, and follows what that server says of it. A command is sent again
//! only after an answer that proves that it was not carried out.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::try_join_all;
use redis::{ServerError, Value};
use tokio::time::{sleep, timeout};

use super::address::Address;
use super::cluster::Cluster;
use super::identity::Alarm;
use super::lane::Goal;
use super::node::{Errand, Limits, Node};
use super::request::Request;
use super::trouble::{Sent, Trouble, in_words};
use crate::wire::call::Failure;

/// Pause before a command that met a slot half-way between two nodes is sent again.
const BREATH: Duration = Duration::from_millis(20);

/// All servers.
#[derive(Debug)]
pub struct Router {
    servers: Servers,
    limits: Limits,
}

#[derive(Debug)]
enum Servers {
    One(Arc<Node>),
    Many(Arc<Cluster>),
}

/// What comes after an error.
enum Next {
    Again,
    Ask(Arc<Node>),
    GiveUp(Failure),
}

impl Router {
    /// The servers at an address.
    pub fn new(address: &Arc<Address>, alarm: &Arc<Alarm>, limits: Limits) -> Self {
        let servers = match &**address {
            Address::Cluster { seeds } => Servers::Many(Arc::new(Cluster::new(seeds.clone(), alarm, limits))),
            _ => Servers::One(Arc::new(Node::new(Goal::Master(Arc::clone(address)), alarm, limits))),
        };
        Self { servers, limits }
    }

    /// Runs a command, which so many replicas must have.
    pub async fn run(&self, request: &Request, replicas: u32) -> Result<Value, Failure> {
        let sent = Sent::default();
        // The attempt is dropped before the question whether it was sent: what still waits then is not sent any more.
        let attempt = self.pursue(request, replicas, &sent).boxed();
        if let Ok(outcome) = timeout(self.limits.call, attempt).await {
            return outcome;
        }
        if let Some(node) = self.known(request.slot) {
            node.reset();
        }
        self.suspect();
        if sent.get() {
            return Err(Failure::Unknown("no answer in time".to_owned()));
        }
        Err(Failure::Refused("it could not be sent in time".to_owned()))
    }

    /// Waits until the replicas of each server have all that was written there before.
    pub async fn wait_for_replicas(&self, replicas: u32) -> Result<(), Failure> {
        let shards = match &self.servers {
            Servers::One(_) => vec![0],
            Servers::Many(cluster) => cluster.shards().await,
        };
        if shards.is_empty() {
            return Err(Failure::Refused("no node of the Cluster answers".to_owned()));
        }
        let marks: Vec<_> = shards.into_iter().map(Request::mark).collect();
        try_join_all(marks.iter().map(|mark| self.run(mark, replicas))).await.map(drop)
    }

    async fn pursue(&self, request: &Request, replicas: u32, sent: &Sent) -> Result<Value, Failure> {
        let mut asked = None;
        loop {
            let asking = asked.is_some();
            let Some(node) = (match asked.take() {
                Some(node) => Some(node),
                None => self.node(request.slot).await,
            }) else {
                return Err(Failure::Refused("no node of the Cluster serves the key's slot".to_owned()));
            };
            let command = request.command.clone();
            let errand = Errand { command, asking, replicas, sent: sent.clone() };
            let error = match node.run(errand).await {
                Ok(answer) => return Ok(answer),
                Err(Trouble::Server(error)) => error,
                Err(Trouble::NotSent(_)) if self.is_elsewhere(&node, request.slot).await => continue,
                Err(trouble) => {
                    self.suspect();
                    return Err(trouble.into_failure());
                }
            };
            match self.follow(&node, error, sent).await {
                Next::Again => {}
                Next::Ask(node) => asked = Some(node),
                Next::GiveUp(failure) => return Err(failure),
            }
        }
    }

    /// What an error asks for.
    async fn follow(&self, node: &Node, error: ServerError, sent: &Sent) -> Next {
        match (error.code(), &self.servers) {
            ("NOSCRIPT", _) => {
                sent.reset();
                match node.load_scripts().await {
                    Ok(()) => Next::Again,
                    Err(_) => Next::GiveUp(Failure::Refused("the scripts cannot be loaded".to_owned())),
                }
            }
            ("MOVED" | "ASK", Servers::Many(cluster)) => {
                sent.reset();
                redirect(cluster, &error).await
            }
            ("TRYAGAIN", _) => {
                sent.reset();
                sleep(BREATH).await;
                Next::Again
            }
            (code, _) => {
                if matches!(code, "READONLY" | "CLUSTERDOWN" | "MASTERDOWN" | "LOADING" | "NOAUTH") {
                    node.reset();
                    self.suspect();
                }
                Next::GiveUp(Trouble::Server(error).into_failure())
            }
        }
    }

    async fn node(&self, slot: u16) -> Option<Arc<Node>> {
        match &self.servers {
            Servers::One(node) => Some(Arc::clone(node)),
            Servers::Many(cluster) => cluster.node(slot).await,
        }
    }

    /// As [`Self::node`], of what is known already.
    fn known(&self, slot: u16) -> Option<Arc<Node>> {
        match &self.servers {
            Servers::One(node) => Some(Arc::clone(node)),
            Servers::Many(cluster) => cluster.known(slot),
        }
    }

    /// Whether another node than this one, to which nothing could be sent, serves a slot by now.
    async fn is_elsewhere(&self, node: &Arc<Node>, slot: u16) -> bool {
        let Servers::Many(cluster) = &self.servers else { return false };
        cluster.refresh().await;
        cluster.known(slot).is_some_and(|known| !Arc::ptr_eq(&known, node))
    }

    /// Something is wrong: other nodes may be in charge by now.
    fn suspect(&self) {
        if let Servers::Many(cluster) = &self.servers {
            let cluster = Arc::clone(cluster);
            tokio::spawn(async move { cluster.refresh().await });
        }
    }
}

/// `MOVED slot address` or `ASK slot address`.
async fn redirect(cluster: &Cluster, error: &ServerError) -> Next {
    let malformed = || Next::GiveUp(Failure::Refused(in_words(error)));
    let Some((slot, address)) = error.details().and_then(|details| details.split_once(' ')) else {
        return malformed();
    };
    if error.code() == "ASK" {
        return cluster.node_at(address).map_or_else(malformed, Next::Ask);
    }
    let Ok(slot) = slot.parse() else { return malformed() };
    cluster.moved(slot, address).await;
    Next::Again
}
