//! The end of a migration: tombstones and sidecars of absent keys go (C19), and with them what runs that were rolled
//! back have left, which nobody of this run has claimed. Before another run begins, all that the last one has left.
//!
//! A tombstone keeps a late copy of an old write from bringing a value back. It may go once no such copy can be on its
//! way any more: fences let nobody older make a record, and what is collected was there, unchanged, for longer than
//! any call lives.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, cmd};
use state_map::wire::key::{Key, SLOTS, fence};
use state_map::{ControlRecord, Id};

use super::sidecars::{self, Told};
use super::{Helm, StateError, Target};
use crate::clients::redis::Link;

/// Commands that are under way together.
const AT_ONCE: usize = 64;
/// Deletes a sidecar that is as it was, and the value of a run that is over. A value of this run stays, with its
/// sidecar. KEYS: sidecar, value. ARGV: run, seq, op, whether the run is over.
const COLLECT: &str = r"
local field = redis.call('HMGET', KEYS[1], 'run', 'seq', 'op')
if field[1] ~= ARGV[1] or field[2] ~= ARGV[2] or field[3] ~= ARGV[3] then return 0 end
if ARGV[4] ~= '1' and redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
return 1";

/// Deletes what a run has left of a key. KEYS: sidecar, value. ARGV: run.
const CLEAR: &str = r"
if redis.call('HGET', KEYS[1], 'run') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
return 1";

/// A sidecar that may go, as it was seen first.
struct Candidate {
    key: Key,
    run: String,
    seq: String,
    op: String,
    /// Whether it is of a run that was rolled back: its value goes too.
    is_over: bool,
}

/// Raises the fences to the epoch of the present record, waits for longer than any call lives, and collects what did
/// not change meanwhile. Gives how many records went.
pub async fn collect(helm: &Helm<'_>, record: &ControlRecord, horizon: Duration) -> Result<u64, StateError> {
    let target = &helm.target;
    let fault = |doing: &'static str| move |error: redis::RedisError| target.fault(doing, &error);
    raise_fences(&helm.link, record.stamp.epoch).await.map_err(fault("raise the fences of the slots"))?;
    let over: BTreeSet<String> =
        helm.rolled_back().iter().filter(|run| **run != record.run).map(ToString::to_string).collect();
    let mut candidates = Vec::new();
    let found = helm.link.masters().await;
    for (_, mut master) in found.map_err(fault("find the masters"))? {
        candidates.extend(look(&mut master, &over).await.map_err(fault("look for tombstones"))?);
    }
    helm.sleep(horizon).await?;
    let collected = stream::iter(candidates).map(|candidate| take(&helm.link, candidate));
    let collected = collected.buffer_unordered(AT_ONCE).try_fold(0, async |sum, one| Ok(sum + one)).await;
    collected.map_err(fault("collect tombstones"))
}

/// Deletes what a run that was given up has left, values and records. Gives how many keys there were.
///
/// Call it when everybody is in `off`: nobody serves it then, but whoever reads Redis would see what was deleted since,
/// for nobody claims a key that nobody holds.
pub async fn clear(target: &Target, link: &Link, given_up: &ControlRecord) -> Result<u64, StateError> {
    let fault = |error: redis::RedisError| target.fault("delete what the last run has left", &error);
    raise_fences(link, given_up.stamp.epoch).await.map_err(fault)?;
    let mut cleared = 0;
    for (_, master) in link.masters().await.map_err(fault)? {
        let mut pages = pin!(sidecars::pages(&master));
        while let Some(keys) = pages.try_next().await.map_err(fault)? {
            let clearing = stream::iter(keys).map(|key| clear_one(link, key, given_up.run));
            let page = clearing.buffer_unordered(AT_ONCE).try_fold(0, async |sum, one| Ok(sum + one)).await;
            cleared += page.map_err(fault)?;
        }
    }
    Ok(cleared)
}

async fn clear_one(link: &Link, key: Key, run: Id) -> RedisResult<u64> {
    let mut clear = cmd("EVAL");
    clear.arg(CLEAR).arg(2).arg(key.sidecar()).arg(key.value()).arg(run.to_string());
    clear.query_async(&mut link.clone()).await
}

async fn raise_fences(link: &Link, epoch: u64) -> RedisResult<()> {
    let fences = stream::iter(0..SLOTS).map(|slot| async move {
        cmd("SET").arg(fence(slot)).arg(epoch).query_async::<()>(&mut link.clone()).await
    });
    fences.buffer_unordered(AT_ONCE).try_collect().await
}

/// The sidecars of one master that may go.
async fn look(master: &mut MultiplexedConnection, over: &BTreeSet<String>) -> RedisResult<Vec<Candidate>> {
    let (mut pages, mut found) = (pin!(sidecars::pages(master)), Vec::new());
    while let Some(keys) = pages.try_next().await? {
        let told = sidecars::ask(master, keys, ["run", "seq", "op"]).await?;
        found.extend(told.into_iter().filter_map(|told| candidate(told, over)));
    }
    Ok(found)
}

fn candidate((key, exists, fields): Told<3>, over: &BTreeSet<String>) -> Option<Candidate> {
    let [Some(run), Some(seq), Some(op)] = fields else { return None };
    let is_over = over.contains(&run);
    (!exists || is_over).then_some(Candidate { key, run, seq, op, is_over })
}

async fn take(link: &Link, candidate: Candidate) -> RedisResult<u64> {
    let Candidate { key, run, seq, op, is_over } = candidate;
    let mut collect = cmd("EVAL");
    collect.arg(COLLECT).arg(2).arg(key.sidecar()).arg(key.value());
    collect.arg(run).arg(seq).arg(op).arg(u8::from(is_over));
    collect.query_async(&mut link.clone()).await
}
