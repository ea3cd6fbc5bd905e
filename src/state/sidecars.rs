//! The sidecars in Redis, as the operator goes over them: page by page, with what is asked of each.

use futures_util::stream::{Stream, try_unfold};
use redis::aio::MultiplexedConnection;
use redis::{Pipeline, RedisResult, cmd, from_redis_value_ref};
use state_map::wire::key::Key;

/// Names that one step of a scan asks for.
const PAGE: usize = 1_000;

/// A key, whether it has a value, and these fields of its sidecar.
pub type Told<const N: usize> = (Key, bool, [Option<String>; N]);

/// The keys of one master that have a sidecar, a page at a time.
pub fn pages(master: &MultiplexedConnection) -> impl Stream<Item = RedisResult<Vec<Key>>> + use<> {
    try_unfold((master.clone(), Some(0_u64)), |(mut master, cursor)| async move {
        let Some(cursor) = cursor else { return Ok(None) };
        let mut scan = cmd("SCAN");
        // Others may have keys with such names, of other types.
        scan.arg(cursor).arg("MATCH").arg("{*}:m").arg("COUNT").arg(PAGE).arg("TYPE").arg("hash");
        let (next, names): (u64, Vec<String>) = scan.query_async(&mut master).await?;
        let keys = names.iter().filter_map(|name| Key::of_sidecar(name)).collect();
        Ok(Some((keys, (master, (next != 0).then_some(next)))))
    })
}

/// Asks which of these keys have a value, and for fields of their sidecars.
pub async fn ask<const N: usize>(
    master: &mut MultiplexedConnection,
    keys: Vec<Key>,
    fields: [&str; N],
) -> RedisResult<Vec<Told<N>>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut asked = Pipeline::new();
    for key in &keys {
        asked.cmd("EXISTS").arg(key.value());
        asked.cmd("HMGET").arg(key.sidecar()).arg(&fields);
    }
    let answers: Vec<redis::Value> = asked.query_async(master).await?;
    let told = |(key, answer): (Key, &[redis::Value])| {
        Ok((key, from_redis_value_ref(&answer[0])?, from_redis_value_ref(&answer[1])?))
    };
    keys.into_iter().zip(answers.chunks_exact(2)).map(told).collect()
}
