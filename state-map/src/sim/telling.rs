//! Calls and answers in a few words, for traces.

use std::fmt::Write as _;

use super::ledger::value_of;
use crate::control::{Id, Member, Stamp};
use crate::wire::call::{Beat, Bytes, Call, Caller, Claimed, Record, Reply, Surveyed, Version, Written};

/// The end of an identity tells it from others.
fn id(id: Id) -> String {
    if id.is_none() { "-".to_owned() } else { format!("{:04x}", id.0 & 0xffff) }
}

fn stamp(stamp: Stamp) -> String {
    format!("e{}/{}", stamp.epoch, id(stamp.nonce))
}

fn value(value: Option<&Bytes>) -> String {
    value_of(value).map_or_else(|| "none".to_owned(), |list| format!("{list:?}"))
}

fn version(version: &Version) -> String {
    format!("#{} op {} {}", version.seq, id(version.op), value(version.value.as_ref()))
}

fn caller(caller: &Caller) -> String {
    format!(
        "by {} run {} e{} until {}",
        id(caller.incarnation),
        id(caller.run),
        caller.epoch,
        caller.deadline_ms % 1_000_000
    )
}

fn record(record: &Record) -> String {
    let Record { claim_epoch, generation, owner, version: found, .. } = record;
    format!("ce{claim_epoch} g{generation} owner {} {}", id(*owner), version(found))
}

fn beat(beat: &Beat) -> String {
    let Beat { name, incarnation, ack, report, registering, replaces, .. } = beat;
    let mut told = format!("beat {name} {} ack {} serving {}", id(*incarnation), stamp(*ack), report.serving);
    if *registering {
        let _ = write!(told, " registering for {}", id(*replaces));
    }
    if !report.waiting_for.is_empty() {
        let _ = write!(told, " waiting for {}", report.waiting_for);
    }
    told
}

/// A call in a few words.
pub fn call(call: &Call) -> String {
    match call {
        Call::Claim(claim) => {
            let place = claim
                .in_place_of
                .map(|(owner, generation)| format!(" in place of {} g{generation}", id(owner)));
            format!("claim {} {}{}", claim.key, caller(&claim.caller), place.unwrap_or_default())
        }
        Call::Put(put) => {
            format!("put {} g{} {} {}", put.key, put.generation, version(&put.version), caller(&put.caller))
        }
        Call::Release(release) => {
            let newest = release.version.as_ref().map(version).unwrap_or_default();
            format!(
                "release {} g{} {newest} {} to {}",
                release.key,
                release.generation,
                caller(&release.caller),
                id(release.to)
            )
        }
        Call::Read(read) => format!("read {}", read.key),
        Call::Write(write) => {
            format!(
                "write {} base {} op {} {} {}",
                write.key,
                write.base,
                id(write.base_op),
                version(&write.version),
                caller(&write.caller)
            )
        }
        Call::Beat(sent) => beat(sent),
        Call::Inquire(inquire) => format!("inquire {}", id(inquire.incarnation)),
        Call::Steer(steer) => {
            format!("steer {} -> {} {}", stamp(steer.expected), steer.record.phase, stamp(steer.record.stamp))
        }
        Call::Survey => "survey".to_owned(),
        other => format!("{other:?}"),
    }
}

fn surveyed(view: &Surveyed) -> String {
    let member = |(name, member): (&String, &Member)| {
        format!(" {name}={}:{}:{}", id(member.incarnation), stamp(member.ack), member.report.serving)
    };
    let members: String = view.members.iter().map(member).collect();
    let dead: String =
        view.dead.iter().map(|(dead, why)| format!(" {}:{:?}", id(*dead), why.proof)).collect();
    format!("{} {}{members}; dead{dead}", view.record.phase, stamp(view.record.stamp))
}

/// An answer in a few words.
pub fn reply(reply: &Reply) -> String {
    match reply {
        Reply::Claimed(Claimed::Yours(found)) => format!("yours: {}", record(found)),
        Reply::Claimed(Claimed::Owned { owner, generation }) => {
            format!("owned by {} g{generation}", id(*owner))
        }
        Reply::Record(found, _) => record(found),
        Reply::Written(Written::Retry(found)) => format!("retry: {}", record(found)),
        Reply::Beaten(beaten) => {
            let record = &beaten.record;
            format!(
                "{} {} at {}, dead {:?}",
                record.phase,
                stamp(record.stamp),
                beaten.replid.trim_start_matches('0'),
                beaten.dead
            )
        }
        Reply::Surveyed(view) => surveyed(view),
        other => format!("{other:?}"),
    }
}
