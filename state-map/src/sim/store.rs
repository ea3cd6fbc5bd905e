//! Redis as the protocol uses it, in plain Rust: what each script does, on data shards and a control shard. The real
//! scripts are tested against this model.

use super::control_shard::ControlShard;
use super::replicated::Replicated;
use super::shard::{Cell, Shard};
use crate::control::Id;
use crate::wire::call::{Call, Reply};
use crate::wire::key::Key;
use crate::wire::message::Message;

/// A server of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Server {
    /// The one that has the control record.
    Control,
    /// One that has values.
    Data(usize),
}

/// All servers together.
#[derive(Debug)]
pub struct Store {
    control: Replicated<ControlShard>,
    data: Vec<Replicated<Shard>>,
    published: Vec<(Id, Message)>,
    steered: bool,
}

impl Store {
    /// An empty store with so many data shards.
    pub fn new(shards: usize) -> Self {
        Self {
            control: Replicated::new(ControlShard::default()),
            data: (0..shards.max(1)).map(|_| Replicated::new(Shard::default())).collect(),
            published: Vec::new(),
            steered: false,
        }
    }

    /// Carries a call out, at this time of the servers' clocks. Nothing waits for replicas here.
    pub fn carry_out(&mut self, call: &Call, now_ms: u64) -> Reply {
        let Self { control, data, published, steered } = self;
        let replid = replid(control.history());
        if let Some(key) = call.key() {
            let shard = shard_of(key, data.len());
            return super::shard::carry_out(&mut data[shard], call, now_ms, published);
        }
        super::control_shard::carry_out(control, call, now_ms, &replid, steered)
    }

    /// Where a call goes.
    pub fn server(&self, call: &Call) -> Server {
        call.key().map_or(Server::Control, |key| Server::Data(shard_of(key, self.data.len())))
    }

    /// All servers.
    pub fn servers(&self) -> impl Iterator<Item = Server> {
        std::iter::once(Server::Control).chain((0..self.data.len()).map(Server::Data))
    }

    /// Messages that scripts have published since the last time.
    pub fn take_published(&mut self) -> Vec<(Id, Message)> {
        std::mem::take(&mut self.published)
    }

    /// Whether the control record was written since the last time.
    pub fn take_steered(&mut self) -> bool {
        std::mem::take(&mut self.steered)
    }

    /// The server that has a key.
    pub fn server_of(&self, key: &Key) -> Server {
        Server::Data(shard_of(key, self.data.len()))
    }

    /// What a fail-over that loses so many writes would take away of a key: what it was in each state that is lost.
    pub fn versions(&self, key: &Key, lost: usize) -> Vec<Cell> {
        self.data[shard_of(key, self.data.len())].newest(lost).map(|shard| shard.cell(key)).collect()
    }

    /// Whether a fail-over of the control shard that loses so many writes would leave no record.
    pub fn loses_record(&self, lost: usize) -> bool {
        self.control.newest(lost + 1).next().is_some_and(|left| left.record.stamp.epoch == 0)
    }

    /// The replica of a server gets all.
    pub fn replicate(&mut self, server: Server) {
        match server {
            Server::Control => self.control.replicate(),
            Server::Data(shard) => self.data[shard].replicate(),
        }
    }

    /// How many writes the replica of a server may lack.
    pub fn lag(&self, server: Server) -> usize {
        match server {
            Server::Control => self.control.lag(),
            Server::Data(shard) => self.data[shard].lag(),
        }
    }

    /// The replica of a server becomes primary without the last `lost` writes.
    pub fn fail_over(&mut self, server: Server, lost: usize) {
        match server {
            Server::Control => self.control.fail_over(lost),
            Server::Data(shard) => self.data[shard].fail_over(lost),
        }
    }

    /// Counts the fail-overs of a server.
    pub fn history(&self, server: Server) -> u32 {
        match server {
            Server::Control => self.control.history(),
            Server::Data(shard) => self.data[shard].history(),
        }
    }

    /// What the control shard has.
    pub fn control(&self) -> &ControlShard {
        self.control.read()
    }

    /// The data shard that has a key.
    pub fn shard(&self, key: &Key) -> &Shard {
        self.data[shard_of(key, self.data.len())].read()
    }

    /// Changes the data shard that has a key, past all scripts: what the operator's collection does, and others who
    /// have access.
    pub fn tamper(&mut self, key: &Key) -> &mut Shard {
        let shard = shard_of(key, self.data.len());
        self.data[shard].write()
    }
}

fn shard_of(key: &Key, shards: usize) -> usize {
    usize::from(key.slot()) % shards
}

fn replid(history: u32) -> String {
    format!("{history:040x}")
}
