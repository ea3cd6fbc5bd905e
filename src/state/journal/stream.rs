//! The journal's copy in Redis: a stream whose identifiers are the numbers of the entries, so that of two writers with
//! the same idea of the end one fails.

use std::time::Duration;

use redis::streams::StreamRangeReply;
use redis::{ErrorKind, RedisError, RedisResult, cmd};

use super::line::{Flaw, Line};
use crate::clients::redis::Link;

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

/// Adds entries; so many replicas have them when this returns.
pub async fn add(
    link: &mut Link,
    key: &str,
    lines: &[Line],
    replicas: u32,
    within: Duration,
) -> RedisResult<()> {
    for line in lines {
        let id = format!("{}-1", line.number);
        let _: String = cmd("XADD").arg(key).arg(id).arg(FIELD).arg(line.text()).query_async(link).await?;
    }
    if replicas == 0 || lines.is_empty() {
        return Ok(());
    }
    match link.wait(key, replicas, within).await? {
        reached if reached >= replicas => Ok(()),
        reached => Err(short(reached, replicas)),
    }
}

fn short(reached: u32, wanted: u32) -> RedisError {
    let detail = format!("it has to reach {wanted}, and reached {reached}");
    (ErrorKind::Client, "the entry did not reach its replicas", detail).into()
}
