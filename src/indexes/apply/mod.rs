//! A plan becomes true: under a lock, step by step, each written to the history before it is begun and after it is
//! done.
//!
//! Nothing is remembered between runs but what the server lists: a second `apply` works the difference out anew and
//! goes on from there. A plan from a file is refused when anything has changed since, except by an interrupted run of
//! that very plan.

mod execute;
pub mod journal;
mod lock;
mod patience;
mod privilege;
mod progress;
mod proof;
mod report;
mod stop;

use std::time::{Duration, Instant};

use bson::doc;
use futures_util::future::try_join_all;
use tokio_util::sync::CancellationToken;

use self::execute::Executor;
use self::journal::{Event, Journal, Snapshot};
use self::lock::Lock;
use self::patience::Patience;
pub use self::progress::{Progress, Watcher};
pub use self::proof::QueryChange;
pub use self::report::{ApplyReport, Ending, StepReport};
use self::stop::Stop;
use super::diff::{Change, Step, diff};
use super::index::Index;
use super::live::{Deployment, LiveDatabase, Topology, Version};
use super::plan::{Plan, measure, read_declared, rules, state_hash};
use super::spec::{DatabaseSpec, Spec};
use super::{IndexError, Refusal};
use crate::owner::Owner;

/// The first version with hidden indexes.
const HIDDEN_SINCE: Version = Version(4, 4);

/// A run of a plan.
pub struct Application<'a> {
    /// Where.
    pub deployment: &'a mut Deployment,
    /// What must become true.
    pub spec: &'a Spec,
    /// The plan that was shown, or reviewed.
    pub plan: &'a Plan,
    /// `apply` or `rollback`, for the history.
    pub command: &'static str,
    /// Sees what goes on.
    pub watcher: Watcher<'a>,
    /// Stops it between two commands.
    pub interrupt: &'a CancellationToken,
    /// How long the deployment may be without a primary, or a member behind.
    pub member_timeout: Duration,
}

impl Application<'_> {
    /// Makes the plan true, or says how far it came.
    pub async fn run(mut self) -> Result<ApplyReport, IndexError> {
        self.refuse_what_cannot_be()?;
        self.reach_members().await?;
        privilege::check(self.deployment, &self.plan.changes).await?;
        let owner = Owner::this_process();
        let mut report = ApplyReport {
            schema: "scalectl.indexes.apply/1",
            ending: Ending::Nothing,
            runs: Vec::new(),
            steps: Vec::new(),
            queries: Vec::new(),
        };
        let patience = Patience { limit: self.member_timeout, interrupt: self.interrupt.clone() };
        let mut locks = Vec::new();
        let mut outcome = Ok(());
        for database in &self.spec.databases {
            match Lock::acquire(self.deployment, &database.name, &owner, &patience).await {
                Ok(lock) => locks.push(lock),
                Err(error) => outcome = Err(error),
            }
            if outcome.is_err() {
                break;
            }
        }
        if outcome.is_ok() {
            outcome = self.databases(&locks, &owner, &patience, &mut report).await;
        }
        for lock in locks {
            // It ends by itself if it cannot be given back now.
            lock.release().await.ok();
        }
        outcome.map(|()| report)
    }

    async fn databases(
        &mut self,
        locks: &[Lock],
        owner: &Owner,
        patience: &Patience,
        report: &mut ApplyReport,
    ) -> Result<(), IndexError> {
        // All are looked at before the first is changed.
        let mut work = Vec::new();
        for database in &self.spec.databases {
            let live = read_declared(self.deployment, database).await?;
            work.push((database, self.remaining(database, &live).await?, live));
        }
        let total = work.iter().map(|(_, changes, _)| step_count(changes)).sum();
        for ((database, changes, live), lock) in work.into_iter().zip(locks) {
            if step_count(&changes) == 0 {
                continue;
            }
            let run = Run { lock, owner, patience, total };
            let before = proof::prove(self.deployment, database, &changes).await;
            let outcome = self.database(database, &changes, &live, &run, report).await;
            let is_begun = !report.steps.is_empty();
            report.ending = outcome.map_err(|error| if is_begun { half_way(error) } else { error })?;
            if report.ending == Ending::Interrupted {
                return Ok(());
            }
            let after = proof::prove(self.deployment, database, &changes).await;
            report.queries.extend(proof::compare(&database.name, before, after));
        }
        Ok(())
    }

    fn refuse_what_cannot_be(&self) -> Result<(), IndexError> {
        let (plan, spec, deployment) = (self.plan, self.spec, &*self.deployment);
        if plan.spec.hash != spec.hash {
            let text = format!("{} has changed since it was made", spec.name);
            return Err(Refusal::Stale(text).into());
        }
        if plan.deployment.fingerprint != deployment.fingerprint {
            let (planned, found) = (plan.deployment.fingerprint.clone(), deployment.fingerprint.clone());
            return Err(Refusal::OtherCluster { planned, found }.into());
        }
        refuse_blocked(&plan.changes)?;
        self.refuse_what_is_too_old()?;
        for member in &deployment.members {
            if let Some(why) = member.ailment() {
                return Err(Refusal::Unwell { member: member.address.clone(), why }.into());
            }
        }
        Ok(())
    }

    /// Every index is verified on every member: one that cannot be reached from here shows before the first change.
    async fn reach_members(&self) -> Result<(), IndexError> {
        let deployment = &*self.deployment;
        let pings = deployment.data_members().map(|member| async move {
            let answer = member.database("admin").run_command(doc! { "ping": 1 }).await;
            answer.map_err(|error| deployment.fault_of(member, "reach it", &error))
        });
        try_join_all(pings).await.map(drop)
    }

    /// What is replaced or dropped is hidden first: that is the way back, and the proof that it is not needed.
    fn refuse_what_is_too_old(&self) -> Result<(), IndexError> {
        let mut steps = self.plan.changes.iter().flat_map(|change| &change.steps);
        let hides = steps.any(|step| matches!(step, Step::Hide { .. } | Step::Unhide { .. }));
        if !hides || self.deployment.version >= HIDDEN_SINCE {
            return Ok(());
        }
        let (who, found) = (self.deployment.name(), self.deployment.version_text.clone());
        let needed = format!("indexes can be hidden, to be replaced or dropped safely, since {HIDDEN_SINCE}");
        Err(Refusal::TooOld { who, found, needed }.into())
    }

    /// What is left to do of the plan. Where the state is not the planned one, an interrupted run of the same plan
    /// explains it, or the plan is stale.
    async fn remaining(
        &self,
        database: &DatabaseSpec,
        live: &LiveDatabase,
    ) -> Result<Vec<Change>, IndexError> {
        let planned: Vec<Change> =
            self.plan.changes.iter().filter(|change| change.database == database.name).cloned().collect();
        if self.plan.states.get(&database.name) == Some(&state_hash(database, live)) {
            return Ok(planned);
        }
        let history = journal::read(self.deployment, &database.name).await?;
        let began = history.iter().rev().find_map(|entry| match &entry.event {
            Event::Began { plan_hash, before, .. } => Some((plan_hash, before)),
            _ => None,
        });
        let Some((_, before)) = began.filter(|(hash, _)| **hash == self.plan.hash) else {
            let text = format!("the indexes of {} have changed since it was made", database.name);
            return Err(Refusal::Stale(text).into());
        };
        let rules = rules(self.deployment, self.spec, &self.plan.allowed);
        let mut left = diff(database, live, rules).changes;
        // What is left of a TTL goes in stages as well.
        measure(self.deployment, &self.plan.allowed, &mut left).await?;
        refuse_blocked(&left)?;
        let is_planned = |change: &Change| {
            planned
                .iter()
                .any(|planned| (&planned.collection, &planned.index) == (&change.collection, &change.index))
        };
        let unplanned = left.iter().find(|change| !is_planned(change));
        let unplanned = unplanned.map(|change| format!("{}.{}", change.collection, change.index));
        match unplanned.or_else(|| foreign_change(&[&planned[..], &left].concat(), before, live)) {
            None => Ok(left),
            Some(index) => Err(Refusal::Stale(format!("{index} has changed since it was made")).into()),
        }
    }

    async fn database(
        &mut self,
        database: &DatabaseSpec,
        changes: &[Change],
        live: &LiveDatabase,
        run: &Run<'_>,
        report: &mut ApplyReport,
    ) -> Result<Ending, IndexError> {
        let name = &database.name;
        let history = journal::read(self.deployment, name).await?;
        let (owner, patience) = (run.owner.clone(), run.patience.clone());
        let mut journal = Journal::open(self.deployment, name, owner, run.lock.token, patience).await?;
        journal.add(self.beginning(changes, live)).await?;
        report.runs.push(journal.run().to_owned());
        for (change, step) in
            changes.iter().flat_map(|change| change.steps.iter().map(move |step| (change, step)))
        {
            let (collection, number) = (&change.collection, report.steps.len() + 1);
            let namespace = format!("{name}.{collection}");
            (self.watcher)(Progress::Step { number, of: run.total, namespace: &namespace, step });
            let executor = Executor {
                deployment: self.deployment,
                database: name,
                quorum: self.spec.commit_quorum.as_ref(),
                history: &history,
                watcher: self.watcher,
                patience: run.patience,
            };
            let Some(took_ms) = run.step(executor, &mut journal, collection, step).await.map_err(half_way)?
            else {
                return Ok(Ending::Interrupted);
            };
            (self.watcher)(Progress::Done);
            let (database, collection, step) = (name.clone(), collection.clone(), step.clone());
            report.steps.push(StepReport { database, collection, step, took_ms });
        }
        journal.add(Event::Ended).await.map_err(half_way)?;
        Ok(Ending::Done)
    }

    fn beginning(&self, changes: &[Change], live: &LiveDatabase) -> Event {
        let mut touched: Vec<&str> = changes.iter().map(|change| change.collection.as_str()).collect();
        touched.sort_unstable();
        touched.dedup();
        let snapshot = |collection: &str| Snapshot {
            collection: collection.to_owned(),
            indexes: live
                .collections
                .get(collection)
                .map(|found| found.known().cloned().collect())
                .unwrap_or_default(),
        };
        Event::Began {
            command: self.command.to_owned(),
            spec: self.spec.name.clone(),
            spec_hash: self.spec.hash.clone(),
            plan_hash: self.plan.hash.clone(),
            before: touched.into_iter().map(snapshot).collect(),
        }
    }
}

/// What the steps of one database have in common.
struct Run<'a> {
    lock: &'a Lock,
    owner: &'a Owner,
    patience: &'a Patience,
    /// Steps of all databases.
    total: usize,
}

impl Run<'_> {
    /// One step between its two entries in the history: how many milliseconds it took, or nothing when it was
    /// interrupted.
    async fn step(
        &self,
        mut executor: Executor<'_>,
        journal: &mut Journal,
        collection: &str,
        step: &Step,
    ) -> Result<Option<u64>, IndexError> {
        self.lock.prolong().await?;
        let begun = Instant::now();
        let collection = collection.to_owned();
        let (started, inverse) = (step.clone(), step.inverse());
        journal.add(Event::Started { collection: collection.clone(), step: started, inverse }).await?;
        let outcome = tokio::select! {
            biased;
            // Whoever has the lock now writes the history as well.
            () = self.lock.lost() => return Err(self.lock.taken_over()),
            outcome = executor.perform(&collection, step) => outcome,
        };
        match outcome {
            Ok(()) => {
                let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
                journal.add(Event::Done { collection, step: step.clone(), took_ms }).await?;
                Ok(Some(took_ms))
            }
            Err(Stop::Interrupted) => Ok(None),
            Err(stop) => {
                let reason = stop.reason();
                let failed = Event::Failed {
                    collection: collection.clone(),
                    step: step.clone(),
                    reason: reason.clone(),
                };
                // The failure itself is what must be told.
                journal.hurry();
                journal.add(failed).await.ok();
                if let Stop::Duplicates(_) = stop {
                    tolerate_duplicates(&mut executor, journal, &collection, step.index_name()).await;
                }
                Err(IndexError::HalfWay {
                    reason: format!("{}.{collection}: {step}: {reason}", executor.database),
                })
            }
        }
    }
}

/// New duplicates are refused by now: that must not last without an end in sight.
async fn tolerate_duplicates(
    executor: &mut Executor<'_>,
    journal: &mut Journal,
    collection: &str,
    index: &str,
) {
    let step = Step::PrepareUnique { name: index.to_owned(), on: false };
    if executor.perform(collection, &step).await.is_ok() {
        journal.add(Event::Done { collection: collection.to_owned(), step, took_ms: 0 }).await.ok();
    }
}

/// An index with which the changes have nothing to do, and that is not as it was before.
fn foreign_change(changes: &[Change], before: &[Snapshot], live: &LiveDatabase) -> Option<String> {
    let is_ours = |collection: &str, index: &Index| {
        let changes = changes.iter().filter(|change| change.collection == collection);
        changes.flat_map(|change| &change.steps).any(|step| step.index_name() == index.name)
    };
    let is_in = |indexes: &[Index], index: &Index| {
        indexes.iter().any(|other| other.name == index.name && other.is_same_as(index))
    };
    before.iter().find_map(|Snapshot { collection, indexes }| {
        let found = live.collections.get(collection);
        let found: Vec<Index> = found.into_iter().flat_map(|found| found.known().cloned()).collect();
        let came = found.iter().find(|index| !is_in(indexes, index) && !is_ours(collection, index));
        let went = indexes.iter().find(|index| !is_in(&found, index) && !is_ours(collection, index));
        came.or(went).map(|index| format!("{collection}.{}", index.name))
    })
}

fn refuse_blocked(changes: &[Change]) -> Result<(), IndexError> {
    let mut blockers = changes.iter().flat_map(|change| change.blockers.iter().map(move |b| (change, b)));
    let Some((change, blocker)) = blockers.next() else { return Ok(()) };
    let flag = blocker.flag.as_ref().map_or_else(String::new, |flag| format!(" ({flag})"));
    let (action, index) = (change.action.word(), &change.index);
    Err(Refusal::Blocked(format!("{action} {index}: {}; {}{flag}", blocker.what, blocker.help)).into())
}

fn step_count(changes: &[Change]) -> usize {
    changes.iter().map(|change| change.steps.len()).sum()
}

/// A failure after the first change leaves something to go on with.
fn half_way(error: IndexError) -> IndexError {
    match error {
        half_way @ IndexError::HalfWay { .. } => half_way,
        error => IndexError::HalfWay { reason: error.to_string() },
    }
}

impl Deployment {
    /// Whether builds can wait for a quorum of members.
    fn has_quorum(&self) -> bool {
        matches!(self.topology, Topology::ReplicaSet(_) | Topology::Sharded)
    }
}
