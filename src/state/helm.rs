//! The operator's hand on a migration: the lock, the journal and the steps, in this order.
//!
//! Nothing is remembered between two commands but the control record and the journal, so a command that was killed at
//! any point is gone on with by the next.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use state_map::control::Proof;
use state_map::operator::{
    self, Blocker, Changed, Eviction, Intent, Operator, Outcome, Step, Stopped, Terms, Verification,
    fell_back,
};
use state_map::redis::RedisPort;
use state_map::wire::call::Surveyed;
use state_map::{Id, Phase, Stamp};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::collect::clear;
use super::evidence::{self, verify_now};
use super::journal::{Copies, Journal};
use super::lock::Lock;
use super::preflight::{self, PreflightReport};
use super::{Refusal, StateError, Target};
use crate::clients::redis::{Link, in_sync};
use crate::owner::Owner;

/// Between two looks at a gate.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What goes on while a command is at work.
#[derive(Debug)]
pub enum Seen<'a> {
    /// The last entry of the journal on disk was only begun.
    Torn,
    /// The journal on disk went another way than that in Redis, from this entry on.
    Diverged(u64),
    /// A change was written down, and the command ended before it was known to be made.
    Open(&'a Intent, bool),
    /// A fail-over lost the last change.
    FellBack(&'a Blocker),
    /// So many keys that a run before had left in Redis were deleted.
    Cleared(u64),
    /// A phase is about to be entered.
    Entering(Phase),
    /// A step was taken.
    Changed(&'a Changed),
    /// A step waits for what opens by itself.
    Waiting(&'a [Blocker], &'a Surveyed),
    /// Memory is compared with Redis, for the next gate.
    Verifying,
    /// It was.
    Verified(&'a Verification),
}

/// Sees what goes on.
pub type Watcher<'a> = &'a (dyn Fn(Seen<'_>) + Send + Sync);

/// The operator's hand on a migration.
pub struct Helm<'a> {
    /// The Redis that state moves to.
    pub target: Target,
    /// A connection for what the protocol has no call for.
    pub link: Link,
    operator: Operator<RedisPort, Journal>,
    lock: Lock,
    rolled_back: BTreeSet<Id>,
    /// Whether a gate that needs a verification gets one.
    verifying: bool,
    interrupt: CancellationToken,
    watcher: Watcher<'a>,
}

/// What opens a gate.
enum Remedy {
    /// Time.
    Wait,
    /// A verification.
    Verify,
    /// Another verification: the last was inconclusive.
    VerifyAgain,
}

/// How a command works.
#[derive(Clone)]
pub struct Manner<'a> {
    /// Its name, for whoever finds the lock held.
    pub command: &'a str,
    /// Where the journal is.
    pub journal: &'a Path,
    /// Clean rounds of compares that are wanted before `read-new`.
    pub clean_rounds: u64,
    /// Ends all waiting.
    pub interrupt: CancellationToken,
    /// Sees what goes on.
    pub watcher: Watcher<'a>,
}

impl<'a> Helm<'a> {
    /// Takes the lock, reads the journal, and asserts the recorded phase anew if a fail-over has lost the last change.
    pub async fn take(target: Target, manner: Manner<'a>, patience: Duration) -> Result<Self, StateError> {
        let mut link = target.connect().await?;
        let port = target.port()?;
        let owner = Owner::this_process();
        let before = Copies::read(&target, &mut link, manner.journal).await?;
        let lock = Lock::acquire(&target, &link, &owner, manner.command, before.highest_token()).await?;
        // Somebody else may have held the lock, and written, since it was read.
        let copies = Copies::read(&target, &mut link, manner.journal).await?;
        copies.refuse_flaws(&target)?;
        let terms = Terms {
            clean_rounds: manner.clean_rounds,
            replicas: connected_replicas(&target, &link).await?,
            fencing: lock.token,
            ..Terms::default()
        };
        let journal = Journal::open(&target, &link, &copies, owner, lock.token);
        let operator = Operator::new(port, journal, terms);
        let Manner { interrupt, watcher, .. } = manner;
        let (rolled_back, verifying) = (copies.rolled_back(), false);
        let mut helm = Self { target, link, operator, lock, rolled_back, verifying, interrupt, watcher };
        helm.tell_of(&copies).await?;
        helm.settle(patience).await?;
        Ok(helm)
    }

    async fn tell_of(&mut self, copies: &Copies) -> Result<(), StateError> {
        if copies.torn {
            (self.watcher)(Seen::Torn);
        }
        if let Some(number) = copies.differ_from() {
            (self.watcher)(Seen::Diverged(number));
        }
        if let Some(intent) = copies.notes().open {
            let was_made = self.survey().await?.record.stamp == intent.record.stamp;
            (self.watcher)(Seen::Open(&intent, was_made));
        }
        Ok(())
    }

    /// C14: before anything else, the recorded phase is asserted anew where somebody knows of a change that it lost.
    async fn settle(&mut self, patience: Duration) -> Result<(), StateError> {
        let view = self.survey().await?;
        let Some(blocker) = fell_back(&view) else { return Ok(()) };
        (self.watcher)(Seen::FellBack(&blocker));
        self.step(Step::Reassert, patience).await.map(|_| ())
    }

    /// How the migration stands.
    pub async fn survey(&mut self) -> Result<Surveyed, StateError> {
        let end = Instant::now() + self.target.timeout;
        loop {
            match self.operator.survey().await {
                Ok(view) => return Ok(view),
                // A connection that was lost, or a fail-over.
                Err(Stopped::Redis(_)) if Instant::now() < end => self.pause().await?,
                Err(stopped) => return Err(StateError::stopped(&self.target, stopped)),
            }
        }
    }

    /// Refuses a step that cannot be taken now, before the operator is asked about it.
    pub fn refuse_if_shut(&self, view: &Surveyed, step: Step) -> Result<(), StateError> {
        let blockers = operator::gate(view, step, &self.operator.known());
        if blockers.is_empty() {
            return Ok(());
        }
        Err(StateError::stopped(&self.target, Stopped::Blocked { step, blockers }))
    }

    /// Runs that were over when this command began.
    pub fn rolled_back(&self) -> &BTreeSet<Id> {
        &self.rolled_back
    }

    /// For writing down evidence.
    pub fn operator(&mut self) -> &mut Operator<RedisPort, Journal> {
        &mut self.operator
    }

    /// Takes a step; waits so long for what opens by itself.
    pub async fn step(&mut self, step: Step, patience: Duration) -> Result<Changed, StateError> {
        let end = Instant::now() + patience;
        let mut was_lost = false;
        loop {
            self.operator.terms.replicas = connected_replicas(&self.target, &self.link).await?;
            self.clear_last_run(step).await?;
            let stopped = match self.try_step(step).await {
                Ok(changed) => {
                    (self.watcher)(Seen::Changed(&changed));
                    return Ok(changed);
                }
                Err(stopped) => stopped,
            };
            let blockers = match &stopped {
                Stopped::Blocked { blockers, .. } => blockers,
                // Nothing was changed: once Redis answers again, it is tried once more.
                Stopped::Redis(_) if !was_lost => {
                    was_lost = true;
                    self.survey().await?;
                    continue;
                }
                _ => return Err(StateError::stopped(&self.target, stopped)),
            };
            was_lost = false;
            match self.remedy(blockers) {
                Some(Remedy::Verify) => self.verify().await?,
                Some(Remedy::VerifyAgain) if Instant::now() < end => self.verify().await?,
                Some(Remedy::Wait) if Instant::now() < end => {
                    let view = self.survey().await?;
                    (self.watcher)(Seen::Waiting(blockers, &view));
                    self.pause().await?;
                }
                _ => return Err(StateError::stopped(&self.target, stopped)),
            }
        }
    }

    /// Before a new run begins, once it may: what the last one has left would stay for ever where nobody holds the key.
    async fn clear_last_run(&mut self, step: Step) -> Result<(), StateError> {
        if !matches!(step, Step::Start { .. }) {
            return Ok(());
        }
        let view = self.survey().await?;
        if view.record.run.is_none() || self.refuse_if_shut(&view, step).is_err() {
            return Ok(());
        }
        let cleared = clear(&self.target, &self.link, &view.record).await?;
        if cleared > 0 {
            (self.watcher)(Seen::Cleared(cleared));
        }
        Ok(())
    }

    /// What opens a gate; none when only the operator can.
    fn remedy(&self, blockers: &[Blocker]) -> Option<Remedy> {
        let verifies = |blocker: &Blocker| match blocker {
            Blocker::Unverified(last) => self.verifying && *last != Some(Outcome::Fail),
            _ => false,
        };
        let rest = blockers.iter().filter(|blocker| !verifies(blocker));
        let (waits, rest): (Vec<_>, Vec<_>) = rest.partition(|blocker| blocker.passes());
        match (rest.is_empty(), waits.is_empty()) {
            (false, _) => None,
            (true, true) => Some(if blockers.contains(&Blocker::Unverified(None)) {
                Remedy::Verify
            } else {
                Remedy::VerifyAgain
            }),
            (true, false) => Some(Remedy::Wait),
        }
    }

    async fn try_step(&mut self, step: Step) -> Result<Changed, Stopped> {
        match step {
            Step::Start { replicas } => self.operator.start(replicas).await,
            Step::Forward => self.operator.advance().await,
            Step::Back => self.operator.rollback().await,
            Step::Reassert => self.operator.reassert().await,
        }
    }

    /// Waits so long for everybody to acknowledge; gives what is still missing.
    pub async fn acknowledged(&mut self, patience: Duration) -> Result<Vec<Blocker>, StateError> {
        let end = Instant::now() + patience;
        loop {
            let view = self.survey().await?;
            let missing = operator::unacknowledged(&view);
            if missing.is_empty() || Instant::now() >= end {
                return Ok(missing);
            }
            (self.watcher)(Seen::Waiting(&missing, &view));
            self.pause().await?;
        }
    }

    /// Waits so long for everybody to acknowledge, and stops where somebody does not.
    pub async fn all_acknowledged(&mut self, patience: Duration) -> Result<(), StateError> {
        let blockers = self.acknowledged(patience).await?;
        if blockers.is_empty() {
            return Ok(());
        }
        Err(StateError::stopped(&self.target, Stopped::Blocked { step: Step::Forward, blockers }))
    }

    /// Writes down that tombstones and sidecars were collected.
    pub async fn note_collected(&mut self, stamp: Stamp, records: u64) -> Result<(), StateError> {
        let noted = self.operator.collected(stamp, records).await;
        noted.map_err(|stopped| StateError::stopped(&self.target, stopped))
    }

    /// Says which proof is needed to drop an instance, and why.
    pub async fn refuse_without_proof(&mut self, name: &str) -> Result<(), StateError> {
        let view = self.survey().await?;
        let eviction = operator::eviction(&view, name, Proof::Lapsed);
        eviction.map_err(|refused| StateError::stopped(&self.target, refused.into()))?;
        let text = format!(
            "say what is known of {name}: --stopped if its process is stopped and will not resume; --lapsed if that is \
             not known: in strict and later its lease being over is enough"
        );
        Err(Refusal::Unconfirmed(text).into())
    }

    /// Tells what a phase changes, before it is entered.
    pub fn tell_before(&self, phase: Phase) {
        (self.watcher)(Seen::Entering(phase));
    }

    /// From now on a gate that needs a verification gets one.
    pub fn verify_by_itself(&mut self) {
        self.verifying = true;
    }

    async fn verify(&mut self) -> Result<(), StateError> {
        (self.watcher)(Seen::Verifying);
        let report = self.unless_interrupted(verify_now(&self.target)).await?;
        let view = self.survey().await?;
        let found = report.and_then(|report| evidence::of(&report, view.record.stamp, view.now_ms));
        let Some(verification) = found else { return Ok(()) };
        (self.watcher)(Seen::Verified(&verification));
        let noted = self.operator.verified(verification).await;
        noted.map_err(|stopped| StateError::stopped(&self.target, stopped))
    }

    /// Looks whether a run may begin. What was found is evidence of its start.
    pub async fn preflight(&mut self, terms: &preflight::Terms) -> Result<PreflightReport, StateError> {
        let report = self.unless_interrupted(preflight::preflight(&self.target, terms)).await?;
        self.operator.checks = report.checks.iter().map(ToString::to_string).collect();
        Ok(report)
    }

    /// Drops an instance.
    pub async fn evict(&mut self, name: &str, proof: Proof) -> Result<Eviction, StateError> {
        let evicted = self.operator.evict(name, proof).await;
        evicted.map_err(|stopped| StateError::stopped(&self.target, stopped))
    }

    /// Waits a moment, unless the operator stops it.
    pub async fn pause(&self) -> Result<(), StateError> {
        self.sleep(LOOK_EVERY).await
    }

    /// Waits, unless the operator stops it.
    pub async fn sleep(&self, time: Duration) -> Result<(), StateError> {
        self.unless_interrupted(async {
            tokio::time::sleep(time).await;
            Ok(())
        })
        .await
    }

    async fn unless_interrupted<T>(
        &self,
        work: impl Future<Output = Result<T, StateError>>,
    ) -> Result<T, StateError> {
        tokio::select! {
            done = work => done,
            () = self.interrupt.cancelled() => Err(StateError::Interrupted),
        }
    }

    /// Gives the lock back. One that cannot be given back ends by itself.
    pub async fn release(self) {
        self.lock.release(&self.link).await.ok();
    }
}

/// Replicas that are in sync with their master; of several masters, with that which has fewest.
pub async fn connected_replicas(target: &Target, link: &Link) -> Result<u32, StateError> {
    let infos = link.infos("replication").await;
    let infos = infos.map_err(|error| target.fault("ask for its replicas", &error))?;
    let fields = |info: &str| in_sync(info.lines().filter_map(|line| line.trim_end().split_once(':')));
    Ok(infos.iter().map(|info| fields(info)).min().unwrap_or_default())
}
