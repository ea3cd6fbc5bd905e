//! What is true of the whole migration at one moment: taken before and after, a change in between says that what
//! was compared is not of one piece.

use std::collections::{BTreeMap, BTreeSet};

use state_map::redis::RedisPort;
use state_map::wire::call::{Call, Failure, Reply, Surveyed};
use state_map::{Id, Port};

use super::servers::{History, Servers};
use crate::state::StateError;

/// What is true at one moment.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The control record and the instances.
    pub surveyed: Surveyed,
    /// The masters' histories.
    pub histories: BTreeMap<String, History>,
    /// Redis' clock.
    pub now_ms: u64,
}

impl Evidence {
    /// Takes it.
    pub async fn take(servers: &Servers, port: &RedisPort) -> Result<Self, StateError> {
        let surveyed = survey(servers, port).await?;
        let histories = servers.histories().await?;
        let now_ms = servers.now_ms().await?;
        Ok(Self { surveyed, histories, now_ms })
    }

    /// The incarnations that take part.
    pub fn members(&self) -> BTreeSet<Id> {
        self.surveyed.members.values().map(|member| member.incarnation).collect()
    }

    /// The name of an incarnation.
    pub fn name_of(&self, incarnation: Id) -> String {
        let mut members = self.surveyed.members.iter();
        let found = members.find(|(_, member)| member.incarnation == incarnation);
        found.map_or_else(|| incarnation.to_string(), |(name, _)| name.clone())
    }

    /// What has changed since, in words; each makes the verification inconclusive.
    pub fn changes_until(&self, later: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        if self.surveyed.record.stamp != later.surveyed.record.stamp {
            let (from, to) = (self.surveyed.record.phase, later.surveyed.record.phase);
            changes.push(format!("the phase was changed meanwhile, from {from} to {to}; verify again"));
        }
        for (name, history) in &self.histories {
            match later.histories.get(name) {
                Some(now) if now.run_id == history.run_id && now.replid == history.replid => {}
                _ => changes.push(format!(
                    "{name} failed over or was started anew meanwhile: writes may have been forgotten; verify again"
                )),
            }
        }
        let (before, after) = (self.members(), later.members());
        let left = before.difference(&after).map(|id| format!("{} left", self.name_of(*id)));
        let came = after.difference(&before).map(|id| format!("{} came", later.name_of(*id)));
        changes.extend(left.chain(came).map(|what| format!("instance {what} meanwhile; verify again")));
        changes
    }

    /// Keys that were evicted since, by any master.
    pub fn evicted_until(&self, later: &Self) -> u64 {
        let evicted = |of: &Self| of.histories.values().map(|history| history.evicted_keys).sum::<u64>();
        evicted(later).saturating_sub(evicted(self))
    }
}

/// The control record and the instances.
pub async fn survey(servers: &Servers, port: &RedisPort) -> Result<Surveyed, StateError> {
    let failed = |failure: &Failure| StateError::Server {
        who: servers.target.url.to_string(),
        doing: "read the control record".to_owned(),
        message: servers.target.url.scrub(&failure.to_string()),
    };
    match port.call(Call::Survey, 0).await {
        Ok(Reply::Surveyed(surveyed)) => Ok(*surveyed),
        Ok(_) => Err(failed(&Failure::Refused("an answer of another kind".to_owned()))),
        Err(failure) => Err(failed(&failure)),
    }
}
