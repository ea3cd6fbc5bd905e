//! The operator: the library's own, with a journal in the test's memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use state_map::Phase;
use state_map::control::{Member, Proof};
use state_map::operator::{
    Blocker, Changed, Eviction, Journal, Operator, Outcome, Remembered, Stopped, Terms, Verification,
};
use state_map::redis::{RedisPort, RedisSettings};
use state_map::wire::call::Surveyed;
use state_map::wire::key::Space;
use tokio::runtime::Runtime;

use super::instance::{LEASE, millis};
use super::store::wait_for;

/// How long a phase may take to be reached.
const PATIENCE: Duration = Duration::from_secs(60);

/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// Clean rounds of compares that the gate to `read-new` asks for.
pub const CLEAN_ROUNDS: u64 = 2;

/// An operator.
pub struct Steering {
    operator: Operator<RedisPort, Remembered>,
    replicas: u32,
    runtime: Runtime,
}

impl Steering {
    /// One at this Redis, for writes that have to reach so many replicas.
    pub fn new(redis: &str, replicas: u32) -> Self {
        let runtime = Runtime::new().expect("a runtime can be made");
        let _entered = runtime.enter();
        let settings = RedisSettings {
            url: redis.to_owned(),
            space: Space::default(),
            timeout: Duration::from_secs(5),
            replicate_within: Duration::from_millis(500),
        };
        let port: Arc<RedisPort> = RedisPort::new(settings).expect("the address is well formed");
        let terms = Terms { clean_rounds: CLEAN_ROUNDS, lease_ms: millis(LEASE), replicas, fencing: 0 };
        drop(_entered);
        Self { operator: Operator::new(port, Remembered::default(), terms), replicas, runtime }
    }

    /// How the migration stands.
    pub fn survey(&mut self) -> Result<Surveyed, Stopped> {
        self.runtime.block_on(self.operator.survey())
    }

    /// The phase that is recorded, as soon as Redis answers.
    #[track_caller]
    pub fn phase(&mut self) -> Phase {
        let mut phase = Phase::Off;
        wait_for("Redis to answer the operator", || {
            let view = self.survey();
            phase = view.as_ref().map_or(phase, |view| view.record.phase);
            view.is_ok()
        });
        phase
    }

    /// One step forward, if the gates are open.
    pub fn advance(&mut self) -> Result<Changed, Stopped> {
        self.accept_verification();
        match self.survey()?.record.phase {
            Phase::Off => self.runtime.block_on(self.operator.start(self.replicas)),
            _ => self.runtime.block_on(self.operator.advance()),
        }
    }

    /// One step back, if the gates are open.
    pub fn rollback(&mut self) -> Result<Changed, Stopped> {
        self.runtime.block_on(self.operator.rollback())
    }

    /// What keeps the next step from being taken; empty when nothing did, and it was.
    #[track_caller]
    pub fn blockers(&mut self) -> Vec<Blocker> {
        match self.advance() {
            Ok(_) => Vec::new(),
            Err(Stopped::Blocked { blockers, .. }) => blockers,
            Err(other) => panic!("expected the gates to be asked: {other}"),
        }
    }

    /// Drops an instance.
    pub fn evict(&mut self, name: &str, proof: Proof) -> Result<Eviction, Stopped> {
        self.runtime.block_on(self.operator.evict(name, proof))
    }

    /// Waits for the gates of one step after another until this phase is there and everybody has acknowledged it.
    #[track_caller]
    pub fn go_to(&mut self, phase: Phase) {
        if let Err(stopped) = self.try_to_go_to(phase, PATIENCE) {
            panic!("{phase} was not reached: {stopped}");
        }
    }

    /// The same; the last obstacle when the time is over.
    pub fn try_to_go_to(&mut self, phase: Phase, within: Duration) -> Result<(), String> {
        let end = Instant::now() + within;
        loop {
            let obstacle = match self.step_towards(phase) {
                Ok(true) => return Ok(()),
                Ok(false) => "the last step is not acknowledged by everybody".to_owned(),
                Err(stopped) => stopped.to_string(),
            };
            if Instant::now() >= end {
                return Err(format!("{obstacle}\n{:#?}", self.survey().map(|view| view.members)));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Whether the phase is there.
    fn step_towards(&mut self, phase: Phase) -> Result<bool, Stopped> {
        let view = self.survey()?;
        let step = match view.record.phase {
            now if now == phase && is_acknowledged(&view) => return Ok(true),
            now if now == phase => self.reassert_if_lost(&view),
            now if now < phase => self.advance(),
            _ => self.rollback(),
        };
        match step {
            Err(Stopped::Blocked { blockers, .. }) if has_fallen_back(&blockers) => self.reassert(),
            other => other,
        }
        .map(|_| false)
    }

    fn reassert_if_lost(&mut self, view: &Surveyed) -> Result<Changed, Stopped> {
        let changed = Changed {
            step: state_map::operator::Step::Reassert,
            from: view.record.phase,
            record: view.record.clone(),
        };
        if state_map::operator::fell_back(view).is_some() { self.reassert() } else { Ok(changed) }
    }

    /// The recorded phase under a new epoch.
    pub fn reassert(&mut self) -> Result<Changed, Stopped> {
        self.runtime.block_on(self.operator.reassert())
    }

    /// Waits until a member is as wanted.
    #[track_caller]
    pub fn wait_for_member(&mut self, name: &str, wanted: impl Fn(&Member) -> bool) {
        wait_for(&format!("{name} to be as wanted"), || {
            self.survey().is_ok_and(|view| view.members.get(name).is_some_and(&wanted))
        });
    }

    /// The gate before `read-new` and `strict` asks for a verification, which has tests of its own: histories are
    /// what is checked here.
    fn accept_verification(&mut self) {
        let Ok(view) = self.survey() else { return };
        let passed = Verification {
            outcome: Outcome::Pass,
            stamp: view.record.stamp,
            at_ms: view.now_ms,
            summary: "by the histories of this test".to_owned(),
        };
        self.runtime.block_on(self.operator.verified(passed)).expect("a journal in memory can be written");
    }

    /// The highest epoch that this operator has ever used.
    pub fn highest_epoch(&self) -> u64 {
        self.operator.journal().notes().highest_epoch
    }
}

fn has_fallen_back(blockers: &[Blocker]) -> bool {
    blockers.iter().any(|blocker| matches!(blocker, Blocker::FellBack { .. }))
}

/// Whether all that are registered have acknowledged the recorded change to this very server.
pub fn is_acknowledged(view: &Surveyed) -> bool {
    let acknowledged = |member: &Member| member.ack == view.record.stamp && member.replid == view.replid;
    !view.members.is_empty() && view.members.values().all(acknowledged)
}
