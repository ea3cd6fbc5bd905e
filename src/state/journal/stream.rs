//! The journal's copy in Redis: a stream whose identifiers are the numbers of the entries, so that of two writers with
//! the same idea of the end one fails.

use std::time::Duration;

use redis::streams::StreamRangeReply;
use redis::{ErrorKind, Pipeline, RedisError, RedisResult, cmd};

use super::line::{Flaw, Line};
use crate::clients::redis::Link;

/// Adds an entry once, however often it is sent. One that is there already touches the lock: a wait for the replicas
/// needs a write of its connection to wait for. KEYS: stream, lock. ARGV: token, identifier, field, value.
const ADD: &str = r"
local held = redis.call('GET', KEYS[2]) or ''
if string.match(held, '^%d+') ~= ARGV[1] then return 0 end
local there = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])[1]
if there and there[2][2] == ARGV[4] then
  redis.call('SET', KEYS[2], held, 'KEEPTTL')
  return 1
end
redis.call('XADD', KEYS[1], ARGV[2], ARGV[3], ARGV[4])
return 1";
/// The field of an entry.
const FIELD: &str = "line";

/// The entries, oldest first, and what is wrong with them.
pub async fn read(link: &mut Link, key: &str) -> RedisResult<(Vec<Line>, Vec<Flaw>)> {
    let range: StreamRangeReply = cmd("XRANGE").arg(key).arg("-").arg("+").query_async(link).await?;
    let (mut lines, mut flaws) = (Vec::new(), Vec::new());
    for id in &range.ids {
        let number = lines.last().map_or(1, |line: &Line| line.number + 1);
        let text: Option<String> = id.get(FIELD);
        match text.and_then(|text| serde_json::from_str(&text).ok()) {
            Some(line) => lines.push(line),
            None => flaws.push(Flaw { number, what: "is no entry".to_owned() }),
        }
    }
    Ok((lines, flaws))
}

/// Where entries are added, and under which lock.
#[derive(Debug, Clone)]
pub struct Place {
    /// The stream.
    pub stream: String,
    /// The operator's lock.
    pub lock: String,
    /// The token of whoever adds.
    pub token: u64,
}

/// Adds entries, unless somebody else has the lock; so many replicas have them when this returns.
pub async fn add(
    link: &mut Link,
    place: &Place,
    lines: &[Line],
    replicas: u32,
    within: Duration,
) -> RedisResult<()> {
    if lines.is_empty() {
        return Ok(());
    }
    // One pipeline: it is sent on one connection, and the wait is for what was written there.
    let mut add = Pipeline::new();
    for line in lines {
        add.cmd("EVAL").arg(ADD).arg(2).arg(&place.stream).arg(&place.lock).arg(place.token);
        add.arg(format!("{}-1", line.number)).arg(FIELD).arg(line.text());
    }
    if replicas > 0 {
        add.cmd("WAIT").arg(replicas).arg(u64::try_from(within.as_millis()).unwrap_or(u64::MAX));
    }
    let answers: Vec<u32> = add.query_async(link).await?;
    let (added, reached) = answers.split_at(lines.len().min(answers.len()));
    if added.contains(&0) {
        return Err((ErrorKind::Client, "somebody else has taken the operator's lock").into());
    }
    match reached.first() {
        Some(&reached) if reached < replicas => Err(short(reached, replicas)),
        _ => Ok(()),
    }
}

fn short(reached: u32, wanted: u32) -> RedisError {
    let detail = format!("it has to reach {wanted}, and reached {reached}");
    (ErrorKind::Client, "the entry did not reach its replicas", detail).into()
}
