//! Answers of the scripts as replies. Whatever cannot be read is an unknown outcome: the call was carried out.

use std::collections::BTreeMap;
use std::str::FromStr;

use redis::{FromRedisValue, Value, from_redis_value};
use serde::de::DeserializeOwned;

use crate::control::{ControlRecord, Evicted, Id, Member, Stamp};
use crate::wire::call::{
    Beaten, Call, Claimed, Failure, Record, Reply, Standing, Steered, Surveyed, Verdict, Version, Written,
};

/// What a reading gives.
type Read<T> = Result<T, Unreadable>;

/// An answer that is none of the script's.
#[derive(Debug)]
struct Unreadable;

/// The reply to a call.
///
/// # Errors
/// [`Failure::Unknown`] for an answer that no script gives.
pub fn read(call: &Call, answer: Value) -> Result<Reply, Failure> {
    let reply = match call {
        Call::Claim(_) => claimed(answer).map(Reply::Claimed),
        Call::Put(_) | Call::Release(_) => verdict(answer).map(Reply::Verdict),
        Call::Read(_) => {
            of(answer).and_then(|(fields, now): (Fields, u64)| Ok(Reply::Record(record(fields)?, now)))
        }
        Call::Write(_) => written(answer).map(Reply::Written),
        Call::Beat(_) => beaten(answer).map(|beaten| Reply::Beaten(Box::new(beaten))),
        Call::Inquire(_) => standing(answer).map(Reply::Standing),
        Call::Decision { .. } => conflict(answer),
        Call::Survey => surveyed(answer).map(|surveyed| Reply::Surveyed(Box::new(surveyed))),
        Call::Steer(_) | Call::Evict(_) => steered(answer).map(Reply::Steered),
        Call::Inquiries => of(answer).map(|(asked, now)| Reply::Inquiries(asked, now)),
        Call::Conflict { .. } | Call::Answer(_) | Call::Barrier => Ok(Reply::Done),
    };
    reply.map_err(|Unreadable| {
        Failure::Unknown("Redis answered in a way that no version of this protocol knows".to_owned())
    })
}

fn of<T: FromRedisValue>(answer: Value) -> Read<T> {
    from_redis_value(answer).map_err(|_| Unreadable)
}

fn parsed<T: FromStr>(text: &str) -> Read<T> {
    text.parse().map_err(|_| Unreadable)
}

fn from_json<T: DeserializeOwned>(text: &str) -> Read<T> {
    serde_json::from_str(text).map_err(|_| Unreadable)
}

/// The word that an answer begins with, and what follows.
fn tagged(answer: Value) -> Read<(String, Vec<Value>)> {
    let mut items: Vec<Value> = of(answer)?;
    if items.is_empty() {
        return Err(Unreadable);
    }
    let tag = of(items.remove(0))?;
    Ok((tag, items))
}

fn only<T: FromRedisValue>(items: Vec<Value>) -> Read<T> {
    let [item]: [Value; 1] = items.try_into().map_err(|_| Unreadable)?;
    of(item)
}

/// Claim epoch, generation, owner, sequence, operation, tombstone, expiry, value.
type Fields = (u64, u64, String, u64, String, u8, u64, Option<Vec<u8>>);

fn record(fields: Fields) -> Read<Record> {
    let (claim_epoch, generation, owner, seq, op, deleted, expires_ms, value) = fields;
    let version = Version { seq, op: parsed(&op)?, value: value.map(Into::into), expires_ms };
    Ok(Record { claim_epoch, generation, owner: parsed(&owner)?, version, deleted: deleted == 1 })
}

fn claimed(answer: Value) -> Read<Claimed> {
    let (tag, items) = tagged(answer)?;
    match tag.as_str() {
        "YOURS" => Ok(Claimed::Yours(record(only(items)?)?)),
        "OWNED" => {
            let (owner, generation): (String, u64) = of(Value::Array(items))?;
            Ok(Claimed::Owned { owner: parsed(&owner)?, generation })
        }
        "STALE" => Ok(Claimed::Stale),
        "LATE" => Ok(Claimed::Late),
        _ => Err(Unreadable),
    }
}

fn verdict(answer: Value) -> Read<Verdict> {
    match of::<String>(answer)?.as_str() {
        "APPLIED" => Ok(Verdict::Applied),
        "SAME" => Ok(Verdict::Same),
        "OLDER" => Ok(Verdict::Older),
        "CONFLICT" => Ok(Verdict::Conflict),
        "SUPERSEDED" => Ok(Verdict::Superseded),
        "FORGOTTEN" => Ok(Verdict::Forgotten),
        "STALE" => Ok(Verdict::Stale),
        "LATE" => Ok(Verdict::Late),
        _ => Err(Unreadable),
    }
}

fn written(answer: Value) -> Read<Written> {
    let (tag, items) = tagged(answer)?;
    match tag.as_str() {
        "APPLIED" => Ok(Written::Applied(only(items)?)),
        "SAME" => Ok(Written::Same(only(items)?)),
        "RETRY" => Ok(Written::Retry(record(only(items)?)?)),
        "STALE" => Ok(Written::Stale),
        "LATE" => Ok(Written::Late),
        _ => Err(Unreadable),
    }
}

fn standing(answer: Value) -> Read<Standing> {
    match of::<String>(answer)?.as_str() {
        "GONE" => Ok(Standing::Gone),
        "LAPSED" => Ok(Standing::Lapsed),
        "ALIVE" => Ok(Standing::Alive),
        _ => Err(Unreadable),
    }
}

fn steered(answer: Value) -> Read<Steered> {
    match of::<String>(answer)?.as_str() {
        "DONE" => Ok(Steered::Done),
        "CHANGED" => Ok(Steered::Changed),
        "FENCED" => Ok(Steered::Fenced),
        _ => Err(Unreadable),
    }
}

/// Run, epoch, nonce, phase, phase before, replication history, replicas.
type Control = (String, u64, String, String, String, String, u32);

fn control(fields: Control) -> Read<ControlRecord> {
    let (run, epoch, nonce, phase, prev, replid, replicas) = fields;
    let prev = if prev.is_empty() { None } else { Some(parsed(&prev)?) };
    let stamp = Stamp { epoch, nonce: parsed(&nonce)? };
    Ok(ControlRecord { run: parsed(&run)?, stamp, phase: parsed(&phase)?, prev, replid, replicas })
}

fn beaten(answer: Value) -> Read<Beaten> {
    let (record, replid, now_ms, proof): (Control, String, u64, String) = of(answer)?;
    let dead = if proof.is_empty() { None } else { Some(from_json(&format!("\"{proof}\""))?) };
    Ok(Beaten { record: control(record)?, replid, now_ms, dead })
}

fn surveyed(answer: Value) -> Read<Surveyed> {
    type Pairs = Vec<(String, String)>;
    let (record, replid, now_ms, members, dead, conflicts): (Control, String, u64, Pairs, Pairs, u64) =
        of(answer)?;
    let members: Read<BTreeMap<String, Member>> =
        members.into_iter().map(|(name, text)| Ok((name, from_json(&text)?))).collect();
    let dead: Read<BTreeMap<Id, Evicted>> =
        dead.into_iter().map(|(incarnation, text)| Ok((parsed(&incarnation)?, from_json(&text)?))).collect();
    Ok(Surveyed { record: control(record)?, replid, now_ms, members: members?, dead: dead?, conflicts })
}

fn conflict(answer: Value) -> Read<Reply> {
    let text: Option<String> = of(answer)?;
    Ok(Reply::Conflict(text.map(|text| from_json(&text)).transpose()?.map(Box::new)))
}
