//! Calls as commands.

use std::collections::HashMap;
use std::sync::LazyLock;

use redis::{Cmd, ToRedisArgs, cmd};

use crate::control::Id;
use crate::wire::call::{
    Answer, Beat, Call, Caller, Claim, Evict, Put, Read, Release, Steer, Version, Write,
};
use crate::wire::key::{Key, Space, mark};
use crate::wire::message::Message;
use crate::wire::script::{self, Script, TOMBSTONE_MS};

/// Life of a mark, in milliseconds.
const MARK_MS: u64 = 1_000;

/// By the script's name, the name that servers know its text by.
static HASHES: LazyLock<HashMap<&'static str, String>> = LazyLock::new(|| {
    let hash = |script: &Script| redis::Script::new(script.text).get_hash().to_owned();
    script::ALL.iter().map(|script| (script.name, hash(script))).collect()
});

/// A command and where it goes.
#[derive(Debug, Clone)]
pub struct Request {
    /// The slot that its keys are in.
    pub slot: u16,
    /// The command.
    pub command: Cmd,
}

impl Request {
    /// The command of a call; none for a [`Call::Barrier`], which is one per node.
    pub fn of(call: &Call, space: &Space) -> Option<Self> {
        Some(match call {
            Call::Claim(call) => claim(call, space),
            Call::Put(call) => put(call),
            Call::Release(call) => release(call, space),
            Call::Read(call) => read(call),
            Call::Write(call) => write(call),
            Call::Beat(call) => beat(call, space),
            Call::Inquire(call) => {
                steering(&script::INQUIRE, space, [space.control(), space.members(), space.dead()])
                    .id(call.incarnation)
            }
            Call::Steer(call) => steer(call, space),
            Call::Evict(call) => evict(call, space),
            Call::Survey => steering(
                &script::SURVEY,
                space,
                [space.control(), space.members(), space.dead(), space.conflicts()],
            ),
            Call::Inquiries => steering(&script::INQUIRIES, space, [space.inquiry()]),
            Call::Answer(call) => answer(call, space),
            Call::Decision { key } => conflicts("HGET", key, space),
            Call::Conflict { key, report: None } => conflicts("HDEL", key, space),
            Call::Conflict { key, report: Some(report) } => conflicts("HSET", key, space).arg(json(report)),
            Call::Barrier => return None,
        })
    }

    /// A write that changes nothing: whoever waits for the replicas afterwards waits for all that was before.
    pub fn mark(slot: u16) -> Self {
        let mut command = cmd("SET");
        command.arg(mark(slot)).arg("").arg("PX").arg(MARK_MS);
        Self { slot, command }
    }

    fn script(
        script: &Script,
        slot: u16,
        keys: impl IntoIterator<Item = String, IntoIter: ExactSizeIterator>,
    ) -> Self {
        let mut command = cmd("EVALSHA");
        let keys = keys.into_iter();
        command.arg(&HASHES[script.name]).arg(keys.len());
        for key in keys {
            command.arg(key);
        }
        Self { slot, command }
    }

    fn arg(mut self, arg: impl ToRedisArgs) -> Self {
        self.command.arg(arg);
        self
    }

    fn id(self, id: Id) -> Self {
        self.arg(id.to_string())
    }

    fn flag(self, flag: bool) -> Self {
        self.arg(u8::from(flag))
    }

    fn caller(self, caller: &Caller) -> Self {
        let Caller { run, epoch, incarnation, deadline_ms } = caller;
        self.id(*run).arg(*epoch).id(*incarnation).arg(*deadline_ms)
    }

    /// Operation, tombstone, value, expiry.
    fn content(self, version: &Version) -> Self {
        let Version { seq: _, op, value, expires_ms } = version;
        let value = value.as_deref();
        self.id(*op).flag(value.is_none()).arg(value.unwrap_or_default()).arg(*expires_ms)
    }
}

fn json(value: &impl serde::Serialize) -> String {
    // These types have no maps with keys that are no strings, which is all that could fail.
    serde_json::to_string(value).unwrap_or_default()
}

fn keyed(script: &Script, key: &Key) -> Request {
    Request::script(script, key.slot(), [key.value().to_owned(), key.sidecar(), key.fence()])
}

fn steering<const N: usize>(script: &Script, space: &Space, keys: [String; N]) -> Request {
    Request::script(script, space.slot(), keys)
}

fn conflicts(command: &str, key: &Key, space: &Space) -> Request {
    let mut command = cmd(command);
    command.arg(space.conflicts()).arg(key.value());
    Request { slot: space.slot(), command }
}

fn claim(call: &Claim, space: &Space) -> Request {
    let Claim { key, caller, in_place_of, by_force } = call;
    let (owner, generation) = in_place_of.unwrap_or_default();
    let wanted = Message::Wanted { key: key.clone(), to: caller.incarnation };
    let request = keyed(&script::CLAIM, key).caller(caller).id(owner).arg(generation).flag(*by_force);
    request.arg(space.inboxes()).arg(json(&wanted))
}

fn put(call: &Put) -> Request {
    let Put { key, caller, generation, version, durable: _ } = call;
    keyed(&script::PUT, key).caller(caller).arg(*generation).arg(version.seq).content(version)
}

fn release(call: &Release, space: &Space) -> Request {
    let Release { key, caller, generation, version, to } = call;
    let request = keyed(&script::RELEASE, key).caller(caller).arg(*generation);
    let request = match version {
        Some(version) => request.arg(version.seq).content(version),
        None => request.arg("").content(&Version::default()),
    };
    if to.is_none() {
        return request.arg("").arg("");
    }
    request.arg(space.inbox(*to)).arg(json(&Message::Free { key: key.clone() }))
}

fn read(call: &Read) -> Request {
    keyed(&script::READ, &call.key).id(call.run)
}

fn write(call: &Write) -> Request {
    let Write { key, caller, base, base_op, version, expiring_sidecar } = call;
    let request = keyed(&script::WRITE, key).caller(caller).arg(*base).content(version);
    request.flag(*expiring_sidecar).arg(TOMBSTONE_MS).id(*base_op)
}

fn beat(call: &Beat, space: &Space) -> Request {
    let Beat { name, incarnation, run, ack, replid, lease_ms, report, registering, replaces } = call;
    let request = steering(&script::BEAT, space, [space.control(), space.members(), space.dead()]);
    let request = request.arg(name.as_str()).id(*incarnation).id(*run).arg(ack.epoch).id(ack.nonce);
    request.arg(replid.as_str()).arg(*lease_ms).arg(json(report)).flag(*registering).id(*replaces)
}

fn steer(call: &Steer, space: &Space) -> Request {
    let Steer { expected, record, fencing } = call;
    let prev = record.prev.map_or("", crate::phase::Phase::name);
    steering(&script::STEER, space, [space.control(), space.lock()])
        .arg(expected.epoch)
        .id(expected.nonce)
        .arg(*fencing)
        .id(record.run)
        .arg(record.stamp.epoch)
        .id(record.stamp.nonce)
        .arg(record.phase.name())
        .arg(prev)
        .arg(record.replicas)
        .arg(space.steering())
}

fn evict(call: &Evict, space: &Space) -> Request {
    let Evict { name, incarnation, proof, fencing } = call;
    let request = steering(&script::EVICT, space, [space.members(), space.dead(), space.lock()]);
    request.arg(name.as_str()).id(*incarnation).arg(proof.name()).arg(*fencing)
}

fn answer(call: &Answer, space: &Space) -> Request {
    let Answer { inquiry, field, body, life_ms } = call;
    let request = steering(&script::ANSWER, space, [space.answers(&inquiry.to_string())]);
    request.arg(field.as_str()).arg(&**body).arg(*life_ms)
}
