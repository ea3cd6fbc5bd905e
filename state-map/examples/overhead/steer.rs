//! An operator who takes each step as soon as the one process has followed.

use std::sync::Arc;
use std::time::Duration;

use state_map::operator::{new_epoch, survey};
use state_map::redis::RedisPort;
use state_map::wire::call::{Call, Steer, Surveyed};
use state_map::{ControlRecord, Phase, Port, Stamp};

use crate::Outcome;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// The operator.
pub struct Steering {
    port: Arc<RedisPort>,
}

impl Steering {
    /// Steers over this port.
    pub fn new(port: Arc<RedisPort>) -> Self {
        Self { port }
    }

    /// To this phase, which is the next one or that of now.
    pub async fn to(&self, phase: Phase) -> Outcome<()> {
        let seen = self.followed().await?;
        if seen.record.phase == phase {
            return Ok(());
        }
        let before = &seen.record;
        let run = if before.phase == Phase::Off { self.port.random() } else { before.run };
        let stamp = Stamp { epoch: new_epoch(&seen, 0), nonce: self.port.random() };
        let (prev, replid) = (Some(before.phase), seen.replid.clone());
        let record = ControlRecord { run, stamp, phase, prev, replid, replicas: 0 };
        let steer = Steer { expected: before.stamp, record, fencing: 0 };
        self.port.call(Call::Steer(Box::new(steer)), 0).await?;
        self.followed().await.map(drop)
    }

    async fn followed(&self) -> Outcome<Surveyed> {
        loop {
            let seen = survey(&*self.port).await?;
            let is_moving = seen.record.phase != Phase::Off;
            let mut members = seen.members.values();
            let behind = members.any(|member| {
                let counts = member.report.counts;
                member.ack != seen.record.stamp || (is_moving && counts.owed + counts.unclaimed > 0)
            });
            if !behind {
                return Ok(seen);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
