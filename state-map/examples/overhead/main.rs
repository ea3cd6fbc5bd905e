//! What a map that moves costs in each phase: one change of a value of about a kilobyte, beside a `Mutex<HashMap>`
//! and beside a Redis client that sends GET and SET together. `benches/state-overhead.sh` runs it.
//!
//! Usage: `overhead REDIS_URL SECONDS`. The Redis must be one that nobody else uses.

mod game;
mod measure;
mod peer;
mod steer;

use std::error::Error;
use std::io::{Write, stdout};
use std::sync::Arc;
use std::time::Duration;

use state_map::redis::{RedisPort, RedisSettings};
use state_map::wire::key::Space;
use state_map::{Change, Json, Map, MapSpec, Node, Phase, Settings};

use crate::game::Game;
use crate::measure::{Measured, measure};
use crate::peer::{Memory, Plain};
use crate::steer::Steering;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut args = std::env::args().skip(1);
    let (Some(url), Some(seconds)) = (args.next(), args.next()) else {
        return Err("usage: overhead REDIS_URL SECONDS".into());
    };
    let time = Duration::from_secs_f64(seconds.parse()?);
    let (memory, plain) = (Memory::new(), Plain::connect(&url).await?);
    let mut out = stdout();
    writeln!(out, "{:<16}  {:>9}  {:>9}  {:>11}  {:>11}", "", "p50 µs", "p99 µs", "changes/s", "scripts/s")?;
    let here = measure(time, &plain, async |id| memory.change(id)).await?;
    show("Mutex<HashMap>", &here)?;
    show("GET + SET", &measure(time, &plain, async |id| plain.change(id).await).await?)?;
    through_the_phases(url, time, &plain).await
}

async fn through_the_phases(url: String, time: Duration, plain: &Plain) -> Outcome<()> {
    let port = port(url)?;
    let node = Node::new(Arc::clone(&port), Settings::named("overhead"));
    let map: Map<Game, RedisPort> = node.map(MapSpec::new("games", "game:", Json))?;
    let running = tokio::spawn(Arc::clone(&node).run());
    node.registered().await;
    let steering = Steering::new(port);
    for phase in Phase::ALL {
        steering.to(phase).await?;
        let measured = measure(time, plain, async |id| change(&map, id).await).await?;
        show(phase.name(), &measured)?;
    }
    running.abort();
    Ok(())
}

async fn change(map: &Map<Game, RedisPort>, id: &str) -> Outcome<()> {
    let next = |game: Option<&Game>| (Change::Set(game.map_or_else(Game::new, Game::next), None), ());
    Ok(map.update(id, next).await?)
}

fn port(url: String) -> Outcome<Arc<RedisPort>> {
    let timeout = Duration::from_secs(5);
    let space = Space::default();
    Ok(RedisPort::new(RedisSettings { url, space, timeout, replicate_within: timeout / 2 })?)
}

fn show(what: &str, measured: &Measured) -> std::io::Result<()> {
    let Measured { median, p99, rate, scripts } = measured;
    let micros = |time: &Duration| time.as_secs_f64() * 1e6;
    let (median, p99) = (micros(median), micros(p99));
    writeln!(stdout(), "{what:<16}  {median:>9.1}  {p99:>9.1}  {rate:>11.0}  {scripts:>11.0}")
}
