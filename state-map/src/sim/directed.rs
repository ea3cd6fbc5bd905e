//! Courses for bugs that chance does not show: each is passed without its bug, and seen with it.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{Either, join, select};
use history_check::Action;

use super::executor::WORLD;
use super::fleet::Fleet;
use super::network::Network;
use super::port::sleep;
use super::scenario::set_up;
use super::stage::Stage;
use super::steering::{Tool, step_towards, tool};
use super::store::Server;
use super::trouble::key;
use super::weather::Weather;
use crate::control::Id;
use crate::phase::Phase;
use crate::sync::lock;
use crate::wire::call::{Call, Caller, Put, Version};

/// Time in which a course must come to its end.
const TIME_US: u64 = 120_000_000;

/// What was violated in a course.
pub type Course = fn() -> Result<(), String>;

/// Plays a course with so many instances, on one key.
fn play<F>(instances: usize, course: impl FnOnce(Stage) -> F) -> Result<(), String>
where
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let (mut world, stage) = set_up(Network::new(1, 1, Weather::CALM, false), instances, 1, 1);
    (0..instances).for_each(|number| stage.fleet().start(number));
    let outcome = Arc::new(Mutex::new(Err("the course did not come to its end".to_owned())));
    let (played, ended) = (course(stage.clone()), Arc::clone(&outcome));
    let over = Arc::clone(&stage.network);
    stage.network().spawn(WORLD, async move {
        let result = played.await;
        *lock(&ended) = result;
        lock(&over).is_over = true;
    });
    world.run(TIME_US);
    let outcome = lock(&outcome).clone();
    stage.ledger().judge().and(outcome)
}

/// Steers to a phase, and waits until everybody serves it.
async fn reach(stage: &Stage, tool: &mut Tool, phase: Phase) -> Result<(), String> {
    let until = stage.now_us() + TIME_US / 4;
    while stage.now_us() < until {
        if step_towards(stage, tool, phase, 1).await && serve(stage, phase) == stage.fleet().len() {
            return Ok(());
        }
        stage.wait_ms(50).await;
    }
    Err(format!("{phase} is not reached"))
}

/// How many instances serve a phase.
fn serve(stage: &Stage, phase: Phase) -> usize {
    stage.fleet().running().filter(|(_, instance)| instance.node.status().phase == phase).count()
}

/// A request that must be acknowledged.
async fn ask(stage: &Stage, at: usize, action: Action) -> Result<(), String> {
    let told = format!("{action} is not acknowledged at {}", Fleet::name(at));
    if stage.request("client", &key(0), at, action).await { Ok(()) } else { Err(told) }
}

/// Redis is told of a version under the name of the key's owner, past the owner itself.
fn put_as_owner(stage: &Stage, further: u64, value: Option<&str>) {
    let mut network = stage.network();
    let (now_ms, record) = (network.redis_ms(), network.store.control().record.clone());
    let there = network.store.shard(&key(0)).cell(&key(0)).record(record.run, now_ms).unwrap_or_default();
    let (run, epoch) = (record.run, record.stamp.epoch);
    let caller = Caller { run, epoch, incarnation: there.owner, deadline_ms: u64::MAX };
    let value = value.map(|value| value.as_bytes().into());
    let version = Version { seq: there.version.seq + further, op: Id(9), value, expires_ms: 0 };
    let put = Put { key: key(0), caller, generation: there.generation, version, durable: false };
    network.store.carry_out(&Call::Put(put), now_ms);
}

/// A put that was overtaken by the next one is done, and is acknowledged in `strict` too.
pub fn overtaken_writes() -> Result<(), String> {
    play(1, |stage| async move {
        reach(&stage, &mut tool(&stage), Phase::Strict).await?;
        stage.network().weather.slow = 1_000;
        for number in 0..20 {
            let [one, other] = [2 * number, 2 * number + 1].map(|n| ask(&stage, 0, Action::Append(n)));
            let (one, other) = join(one, other).await;
            one.and(other)?;
        }
        Ok(())
    })
}

/// A tombstone in Redis is a hit. The owner's memory has it too, so this one comes from another hand.
pub fn tombstone_of_another() -> Result<(), String> {
    play(1, |stage| async move {
        reach(&stage, &mut tool(&stage), Phase::ReadNew).await?;
        ask(&stage, 0, Action::Set(vec![1])).await?;
        let tick = stage.ledger().tick();
        stage.ledger().history(&key(0)).done("another", Action::Delete, tick, tick, None);
        put_as_owner(&stage, 1, None);
        ask(&stage, 0, Action::Get).await
    })
}

/// Of two operations of one sequence the second is refused. No owner gives a sequence twice while its generation lasts,
/// so the second comes from another hand.
pub fn sequence_of_another() -> Result<(), String> {
    play(1, |stage| async move {
        reach(&stage, &mut tool(&stage), Phase::ReadNew).await?;
        ask(&stage, 0, Action::Set(vec![1])).await?;
        put_as_owner(&stage, 0, Some("[2]"));
        ask(&stage, 0, Action::Get).await
    })
}

/// The control shard fails over and loses the last change, which everybody who is not paused serves.
async fn lose_last_change(stage: &Stage, tool: &mut Tool) -> Result<(), String> {
    let before = stage.network().store.control().record.phase;
    let left_alone = async {
        while stage.network().store.control().record.phase == before {
            sleep(&stage.network, Duration::from_micros(50)).await;
        }
        let until = stage.now_us() + TIME_US;
        stage.network().alone_until.insert(Server::Control, until);
    };
    let (advancing, left_alone) = (std::pin::pin!(tool.advance()), std::pin::pin!(left_alone));
    if let Either::Right((_, advancing)) = select(advancing, left_alone).await {
        drop(advancing.await);
    }
    stage.wait_ms(100).await;
    let mut network = stage.network();
    if network.store.control().record.phase == before {
        return Err("there was no change to lose".to_owned());
    }
    let lag = network.store.lag(Server::Control);
    network.store.fail_over(Server::Control, lag);
    network.alone_until.clear();
    network.notice_soon(Server::Control);
    let is_lost = network.store.control().record.phase == before;
    if is_lost { Ok(()) } else { Err("the change was not lost".to_owned()) }
}

/// Who serves a higher epoch than a record that fell back stays there, and serves on.
pub fn record_that_fell_back() -> Result<(), String> {
    play(2, |stage| async move {
        let mut tool = tool(&stage);
        reach(&stage, &mut tool, Phase::Backfill).await?;
        stage.wait_ms(1_000).await;
        lose_last_change(&stage, &mut tool).await?;
        ask(&stage, 0, Action::Set(vec![1])).await?;
        stage.wait_ms(1_500).await;
        match serve(&stage, Phase::Shadow) {
            2 => ask(&stage, 0, Action::Append(2)).await,
            served => Err(format!("{} have followed a lower epoch", 2 - served)),
        }
    })
}

/// One step is undone without acknowledgements, not two.
pub fn undone_twice() -> Result<(), String> {
    play(2, |stage| async move {
        let mut tool = tool(&stage);
        reach(&stage, &mut tool, Phase::Strict).await?;
        stage.wait_ms(1_000).await;
        stage.fleet().pause(1, Duration::from_secs(10));
        for _ in 0..3 {
            drop(tool.rollback().await);
            stage.wait_ms(300).await;
            stage.inspect();
        }
        Ok(())
    })
}
