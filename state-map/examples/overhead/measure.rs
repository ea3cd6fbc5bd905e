//! One change after the other, for how long each takes; then many at a time, for how many there are in a second.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use crate::Outcome;
use crate::peer::Plain;

/// Keys that are changed.
const KEYS: usize = 256;

/// Changes that are under way together.
const AT_ONCE: usize = 128;

/// What was found.
pub struct Measured {
    /// Half of the changes, one at a time, took less.
    pub median: Duration,
    /// All but one in a hundred did.
    pub p99: Duration,
    /// Changes in a second, many at a time.
    pub rate: f64,
    /// Scripts that Redis ran in a second of those.
    pub scripts: f64,
}

/// Changes keys, half of the time one at a time and half of it many at a time.
pub async fn measure(
    time: Duration,
    plain: &Plain,
    change: impl AsyncFn(&str) -> Outcome<()>,
) -> Outcome<Measured> {
    let keys: Vec<String> = (0..KEYS).map(|key| key.to_string()).collect();
    try_join_all(keys.iter().map(|key| change(key))).await?;
    let mut took = one_at_a_time(time / 2, &keys, &change).await?;
    took.sort_unstable();
    let (before, begun) = (plain.scripts().await?, Instant::now());
    let done = many_at_a_time(time / 2, &keys, &change).await?;
    let (seconds, after) = (begun.elapsed().as_secs_f64(), plain.scripts().await?);
    Ok(Measured {
        median: at(&took, 50),
        p99: at(&took, 99),
        rate: done as f64 / seconds,
        scripts: (after - before) as f64 / seconds,
    })
}

fn at(sorted: &[Duration], percent: usize) -> Duration {
    sorted.get(sorted.len() * percent / 100).copied().unwrap_or_default()
}

async fn one_at_a_time(
    time: Duration,
    keys: &[String],
    change: &impl AsyncFn(&str) -> Outcome<()>,
) -> Outcome<Vec<Duration>> {
    let (begun, mut took) = (Instant::now(), Vec::new());
    for key in keys.iter().cycle() {
        let asked = Instant::now();
        change(key).await?;
        took.push(asked.elapsed());
        if begun.elapsed() >= time {
            break;
        }
    }
    Ok(took)
}

async fn many_at_a_time(
    time: Duration,
    keys: &[String],
    change: &impl AsyncFn(&str) -> Outcome<()>,
) -> Outcome<usize> {
    let begun = Instant::now();
    // Each has keys of its own: what is measured is the map, not a crowd at one key.
    let changers = (0..AT_ONCE).map(async |number| {
        let mut done = 0;
        for key in keys.iter().skip(number).step_by(AT_ONCE).cycle() {
            change(key).await?;
            done += 1;
            // What never waits would let nobody else go on.
            tokio::task::yield_now().await;
            if begun.elapsed() >= time {
                break;
            }
        }
        Outcome::Ok(done)
    });
    Ok(try_join_all(changers).await?.into_iter().sum())
}
