//! Forgets jobs that were done a while ago: apalis keeps them for good.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, RedisResult};

use super::board::key;

/// How long a done job can still be looked at.
const KEPT: Duration = Duration::from_secs(3_600);

/// Time between two looks.
const PERIOD: Duration = Duration::from_secs(60);

/// Jobs looked at with one command.
const BATCH: usize = 200;

/// Forgets old jobs of a queue, again and again, until the connection breaks.
pub async fn forget_old(mut redis: MultiplexedConnection, queue: &str) -> redis::RedisError {
    loop {
        tokio::time::sleep(PERIOD).await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        if let Err(failure) = forget_before(&mut redis, queue, now.saturating_sub(KEPT).as_secs()).await {
            return failure;
        }
    }
}

async fn forget_before(redis: &mut MultiplexedConnection, queue: &str, second: u64) -> RedisResult<()> {
    let mut cursor = 0_u64;
    loop {
        let mut scan = redis::cmd("SSCAN");
        scan.arg(key(queue, "done")).arg(cursor).arg("COUNT").arg(BATCH);
        let (next, ids): (u64, Vec<String>) = scan.query_async(redis).await?;
        forget_of(redis, queue, &ids, second).await?;
        if next == 0 {
            return Ok(());
        }
        cursor = next;
    }
}

async fn forget_of(
    redis: &mut MultiplexedConnection,
    queue: &str,
    ids: &[String],
    second: u64,
) -> RedisResult<()> {
    let course = |id: &String| format!("{}:{id}", key(queue, "meta"));
    for id in ids {
        let done_at: Option<u64> = redis.hget(course(id), "done_at").await?;
        if done_at.is_none_or(|at| at <= second) {
            let mut forget = redis::pipe();
            forget.srem(key(queue, "done"), id).hdel(key(queue, "data"), id).del(course(id));
            let _: () = forget.query_async(redis).await?;
        }
    }
    Ok(())
}
