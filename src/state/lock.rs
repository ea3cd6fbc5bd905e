//! The operator's lock on a migration: one steers at a time, and a holder that died keeps nobody out for long.
//!
//! The lock is a key of the target Redis that expires. Its value is a number that grows with every holder, the fencing
//! token, and who holds it. The holder prolongs it; each change of the control record carries the token, so that a
//! holder which slept past its lease changes nothing more.

use std::time::Duration;

use redis::{RedisResult, cmd};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use super::{Refusal, StateError, Target};
use crate::clients::redis::Link;
use crate::clock::now;
use crate::owner::Owner;

/// How long the lock outlives its holder.
const LEASE: Duration = Duration::from_secs(20);
/// How often it is prolonged.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Takes the lock where it is free, or where it has this very value; one that was taken by this very call, which came
/// twice, is the caller's. ARGV: holder, lease, value to replace, the highest
/// token that was ever heard of: after a fail-over the counter may have fallen back.
const TAKE: &str = r"
local held = redis.call('GET', KEYS[1])
local token, holder = string.match(held or '', '^(%d+) (.*)$')
if holder == ARGV[1] then return {tonumber(token), held} end
if held and held ~= ARGV[3] then return {0, held} end
token = math.max(redis.call('INCR', KEYS[2]), tonumber(ARGV[4]) + 1)
redis.call('SET', KEYS[2], token)
local value = token .. ' ' .. ARGV[1]
redis.call('SET', KEYS[1], value, 'PX', ARGV[2])
return {token, value}";
/// ARGV: value, lease.
const PROLONG: &str = r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])";
/// ARGV: value.
const RELEASE: &str = r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])";

/// Who holds it, since when, and for what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// Who.
    pub owner: Owner,
    /// Since when, in RFC 3339.
    pub since: String,
    /// The command.
    pub command: String,
}

/// A lock that is held; it is prolonged until it is released or dropped.
#[derive(Debug)]
pub struct Lock {
    target: Target,
    value: String,
    heartbeat: JoinHandle<()>,
    /// Grows with every holder.
    pub token: u64,
}

impl Lock {
    /// Takes the lock, or says who has it. A holder on this machine whose process has ended needs no lease.
    pub async fn acquire(
        target: &Target,
        link: &Link,
        owner: &Owner,
        command: &str,
        above: u64,
    ) -> Result<Self, StateError> {
        let holder = Holder { owner: owner.clone(), since: now(), command: command.to_owned() };
        // Holders are plain values: they cannot fail to become JSON.
        let holder = serde_json::to_string(&holder).unwrap_or_default();
        let take = async |replacing: &str| {
            let taken = take(target, link, &holder, replacing, above).await;
            taken.map_err(|error| target.fault("take the operator's lock", &error))
        };
        let (mut token, mut value) = take("").await?;
        if token == 0 && held_by(&value).is_some_and(|other| owner.knows_to_be_dead(&other.owner)) {
            (token, value) = take(&value).await?;
        }
        if token == 0 {
            let holder = held_by(&value).map(Box::new);
            return Err(Refusal::Locked { namespace: target.namespace.clone(), holder, lease: LEASE }.into());
        }
        let heartbeat = tokio::spawn(beat(target.clone(), link.clone(), value.clone()));
        Ok(Self { target: target.clone(), value, heartbeat, token })
    }

    /// Gives it back.
    pub async fn release(self, link: &Link) -> Result<(), StateError> {
        self.heartbeat.abort();
        let mut release = cmd("EVAL");
        release.arg(RELEASE).arg(1).arg(self.target.space().lock()).arg(&self.value);
        let released: RedisResult<i64> = release.query_async(&mut link.clone()).await;
        released.map(|_| ()).map_err(|error| self.target.fault("release the operator's lock", &error))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.heartbeat.abort();
    }
}

/// Who holds the lock now; none when it is free.
pub async fn holder(target: &Target, link: &Link) -> Result<Option<Holder>, StateError> {
    let read: RedisResult<Option<String>> =
        cmd("GET").arg(target.space().lock()).query_async(&mut link.clone()).await;
    let value = read.map_err(|error| target.fault("read the operator's lock", &error))?;
    Ok(value.as_deref().and_then(held_by))
}

fn held_by(value: &str) -> Option<Holder> {
    serde_json::from_str(value.split_once(' ')?.1).ok()
}

async fn take(
    target: &Target,
    link: &Link,
    holder: &str,
    replacing: &str,
    above: u64,
) -> RedisResult<(u64, String)> {
    let space = target.space();
    let mut take = cmd("EVAL");
    take.arg(TAKE).arg(2).arg(space.lock()).arg(space.fencing());
    take.arg(holder).arg(millis(LEASE)).arg(replacing).arg(above);
    take.query_async(&mut link.clone()).await
}

/// A beat that fails is made up for by the next; when somebody else has the lock, the fencing token stops us.
async fn beat(target: Target, link: Link, value: String) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        let mut prolong = cmd("EVAL");
        prolong.arg(PROLONG).arg(1).arg(target.space().lock()).arg(&value).arg(millis(LEASE));
        let prolonged: RedisResult<i64> = prolong.query_async(&mut link.clone()).await;
        if let Ok(0) = prolonged {
            return;
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
