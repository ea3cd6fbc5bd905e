use std::sync::Arc;
use std::time::Duration;

use state_map::operator::new_epoch;
use state_map::redis::{RedisPort, RedisSettings};
use state_map::wire::call::{Call, Reply, Steer, Steered, Surveyed};
use state_map::wire::key::Space;
use state_map::{ControlRecord, Phase, Port, Service, Stamp};

const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

/// An operator who takes a step as soon as every instance has followed the one before.
pub struct Steering {
    port: Arc<RedisPort>,
}

impl Steering {
    pub fn of(url: String) -> Self {
        let timeout = Duration::from_secs(2);
        let settings = RedisSettings { url, space: Space::default(), timeout, replicate_within: timeout / 2 };
        Self { port: RedisPort::new(settings).unwrap() }
    }

    /// Takes steps until it is this phase, and every instance has followed.
    pub async fn to(&self, phase: Phase) {
        loop {
            let seen = self.settled().await;
            match seen.record.phase.cmp(&phase) {
                std::cmp::Ordering::Equal => return,
                std::cmp::Ordering::Less => self.step(&seen, seen.record.phase.next().unwrap()).await,
                std::cmp::Ordering::Greater => self.step(&seen, seen.record.phase.back().unwrap()).await,
            }
        }
    }

    async fn step(&self, seen: &Surveyed, phase: Phase) {
        let before = &seen.record;
        let run = if before.phase == Phase::Off { self.port.random() } else { before.run };
        let stamp = Stamp { epoch: new_epoch(seen, 0), nonce: self.port.random() };
        let prev = (phase > before.phase).then_some(before.phase);
        let record = ControlRecord { run, stamp, phase, prev, replid: seen.replid.clone(), replicas: 0 };
        let steer = Call::Steer(Box::new(Steer { expected: before.stamp, record, fencing: 0 }));
        assert_eq!(self.port.call(steer, 0).await, Ok(Reply::Steered(Steered::Done)));
    }

    /// The next view in which all instances have followed and owe nothing.
    async fn settled(&self) -> Surveyed {
        let mut last = None;
        let waiting = async {
            loop {
                if let Ok(Reply::Surveyed(seen)) = self.port.call(Call::Survey, 0).await {
                    if is_settled(&seen) {
                        return *seen;
                    }
                    last = Some(seen);
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(seen) => seen,
            Err(_) => panic!("the instances do not follow: {last:#?}"),
        }
    }
}

fn is_settled(seen: &Surveyed) -> bool {
    let is_owner = seen.record.phase.service() == Service::Owner;
    let mut members = seen.members.values();
    !seen.members.is_empty()
        && seen.conflicts == 0
        && members.all(|member| {
            let counts = member.report.counts;
            member.ack == seen.record.stamp && !(is_owner && counts.owed + counts.unclaimed > 0)
        })
}
