//! Before everybody goes back to memory: keys that are in Redis and in nobody's memory are taken into one.
//!
//! Leaving `strict` empties memory, an instance that stops gives its keys back, and a key comes into memory again when
//! it is used. In `off` only memory counts, so whatever is not in one by then would be gone. Instances are asked, key
//! by key, to claim what is left; a request may be lost, so what is still nobody's is asked for again.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use futures_util::stream::TryStreamExt;
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, cmd};
use state_map::phase::Service;
use state_map::wire::call::Surveyed;
use state_map::wire::key::{Key, Space};
use state_map::wire::message::Message;
use state_map::{Id, Phase};
use tokio::time::{Instant, sleep};

use super::sidecars::{self, Told};
use super::{StateError, Target};
use crate::clients::redis::Link;

/// Pause between two looks at whether keys were taken.
const PAUSE: Duration = Duration::from_millis(50);
/// Looks after which instances are asked again.
const LOOKS: u32 = 20;

/// What became of the keys that nobody had in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Adopted {
    /// Keys that an instance has taken.
    pub taken: u64,
    /// Keys that nobody took in time. There may be more: nobody was asked to take those that come after.
    pub left: u64,
}

/// Has the instances take what nobody has in memory, a page of keys at a time; gives up on a page of which nobody takes
/// all in this time.
pub async fn adopt(
    target: &Target,
    link: &Link,
    view: &Surveyed,
    patience: Duration,
) -> Result<Adopted, StateError> {
    let fault =
        |error: redis::RedisError| target.fault("look for keys that no instance has in memory", &error);
    let takers = Takers::of(view, target.space());
    let mut adopted = Adopted::default();
    for (_, mut master) in link.masters().await.map_err(fault)? {
        let mut pages = pin!(sidecars::pages(&master));
        while let Some(keys) = pages.try_next().await.map_err(fault)? {
            let nobodys = takers.nobodys(&mut master, keys).await.map_err(fault)?;
            let found = nobodys.len();
            let left = takers.give(&mut master, link, nobodys, patience).await.map_err(fault)?;
            adopted.taken += (found - left) as u64;
            adopted.left += left as u64;
            if left > 0 {
                return Ok(adopted);
            }
        }
    }
    Ok(adopted)
}

/// Instances that can take keys, and how a key of theirs is known.
struct Takers {
    run: String,
    incarnations: Vec<Id>,
    /// By incarnation, the epoch at which it last dropped its memory: what it has claimed before it has not any more.
    owners: BTreeMap<String, u64>,
    space: Space,
}

impl Takers {
    fn of(view: &Surveyed, space: Space) -> Self {
        let living = view.members.values().filter(|member| {
            let serves = member.report.serving;
            member.lease_until_ms > view.now_ms && serves != Phase::Off && serves.service() == Service::Owner
        });
        let owners: Vec<(Id, u64)> =
            living.map(|member| (member.incarnation, member.report.dropped_epoch)).collect();
        let incarnations = owners.iter().map(|(incarnation, _)| *incarnation).collect();
        let owners = owners.into_iter().map(|(id, dropped)| (id.to_string(), dropped)).collect();
        Self { run: view.record.run.to_string(), incarnations, owners, space }
    }

    /// Those of this run that have a value and no living owner.
    async fn nobodys(&self, master: &mut MultiplexedConnection, keys: Vec<Key>) -> RedisResult<Vec<Key>> {
        let told = sidecars::ask(master, keys, ["run", "owner", "ce"]).await?;
        let is_nobodys = |(_, exists, [run, owner, claim_epoch]): &Told<3>| {
            let dropped = owner.as_ref().and_then(|owner| self.owners.get(owner));
            let claim_epoch = claim_epoch.as_ref().and_then(|epoch| epoch.parse::<u64>().ok());
            let is_held = dropped.zip(claim_epoch).is_some_and(|(dropped, claimed)| claimed >= *dropped);
            *exists && run.as_ref() == Some(&self.run) && !is_held
        };
        Ok(told.into_iter().filter(is_nobodys).map(|(key, ..)| key).collect())
    }

    /// Asks for them until all are taken, or the time is over. Gives how many are left.
    async fn give(
        &self,
        master: &mut MultiplexedConnection,
        link: &Link,
        mut keys: Vec<Key>,
        patience: Duration,
    ) -> RedisResult<usize> {
        let (end, mut looks) = (Instant::now() + patience, 0_u32);
        while !keys.is_empty() && !self.incarnations.is_empty() && Instant::now() < end {
            if looks.is_multiple_of(LOOKS) {
                self.ask(link, &keys).await?;
            }
            looks += 1;
            sleep(PAUSE).await;
            keys = self.nobodys(master, keys).await?;
        }
        Ok(keys.len())
    }

    async fn ask(&self, link: &Link, keys: &[Key]) -> RedisResult<()> {
        for (key, incarnation) in keys.iter().zip(self.incarnations.iter().cycle()) {
            let message = Message::Adopt { key: key.clone() };
            let text = serde_json::to_string(&message).map_err(std::io::Error::other)?;
            let mut publish = cmd("PUBLISH");
            publish.arg(self.space.inbox(*incarnation)).arg(text);
            publish.query_async::<()>(&mut link.clone()).await?;
        }
        Ok(())
    }
}
