//! Many runs, and what they must catch.

use std::sync::atomic::{AtomicU64, Ordering};

use super::scenario::{Ended, run};
use crate::plant::{self, Bug};

/// Threads that simulate side by side.
const THREADS: u64 = 2;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The run as a developer wants to read it.
fn told(ended: &Ended) -> String {
    let Ended { seed, failure, trace, .. } = ended;
    let failure = failure.as_deref().unwrap_or("nothing was violated");
    let trace: String = trace.iter().map(|line| format!("{line}\n")).collect();
    format!(
        "{trace}seed {seed}: {failure}\nreplay, step for step: STATE_SIM_SEED={seed} cargo test -p state-map any_schedule"
    )
}

/// Runs this many seeds from the first on. Gives the lowest that failed, if any did, and what all have done.
fn search(bug: Option<Bug>, first: u64, schedules: u64) -> (Option<u64>, Vec<Ended>) {
    let (next, lowest) = (AtomicU64::new(first), AtomicU64::new(u64::MAX));
    let work = || {
        let mut all = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + schedules || seed > lowest.load(Ordering::Relaxed) {
                return all;
            }
            let ended = match bug {
                Some(bug) => plant::with(bug, || run(seed, false)),
                None => run(seed, false),
            };
            if ended.failure.is_some() {
                lowest.fetch_min(seed, Ordering::Relaxed);
            }
            all.push(ended);
        }
    };
    let all = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a run does not panic")).collect()
    });
    let lowest = lowest.into_inner();
    ((lowest != u64::MAX).then_some(lowest), all)
}

#[test]
fn any_schedule_is_explained() {
    let failed = match number("STATE_SIM_SEED") {
        Some(seed) => Some(seed),
        None => {
            let schedules =
                number("STATE_SIM_SCHEDULES").unwrap_or(if cfg!(debug_assertions) { 300 } else { 100_000 });
            let (failed, all) = search(None, number("STATE_SIM_FIRST").unwrap_or(0), schedules);
            let acknowledged: usize = all.iter().map(|ended| ended.acknowledged).sum();
            assert!(acknowledged as u64 > 20 * all.len() as u64, "clients do too little: {acknowledged}");
            failed
        }
    };
    let Some(seed) = failed else { return };
    let ended = run(seed, true);
    if let Ok(path) = std::env::var("STATE_SIM_TRACE") {
        std::fs::write(path, told(&ended)).expect("the trace can be written");
    }
    assert!(ended.failure.is_none(), "{}", told(&ended));
}

/// Bugs that any schedule may show: the first that did when this was written, from seed 0 on.
const SHOWN_BY_CHANCE: &[(Bug, u64)] = &[
    (Bug::AckWithoutDrain, 402),
    (Bug::TimerInsteadOfDrain, 297),
    (Bug::SequenceOfProcess, 1),
    (Bug::SupersededIsSuccess, 22),
    (Bug::EarlyCollection, 40),
    (Bug::ReadNewIgnoresOwed, 15),
    (Bug::ClaimWithoutWait, 28),
    (Bug::ClaimByLeaseInShadow, 92),
    (Bug::ReleaseWithoutFlush, 44),
    (Bug::BaseIgnored, 2),
    (Bug::OwnershipKept, 126),
    (Bug::UnregisteredServes, 7),
    (Bug::BackfillDoneAtSend, 47),
    (Bug::RunIgnored, 16),
    (Bug::UnconditionalPresenceDelete, 1),
    (Bug::WriteBeforeLastCheck, 2),
];

/// Schedules that may go by until a bug is found: courses change with every change of the code.
const MOST: u64 = 3_000;

#[test]
fn planted_bugs_are_caught() {
    let missed: Vec<String> = SHOWN_BY_CHANCE
        .iter()
        .filter(|(bug, _)| search(Some(*bug), 0, MOST).0.is_none())
        .map(|(bug, took)| format!("{bug:?}, which took {took} schedules once"))
        .collect();
    assert!(missed.is_empty(), "not caught within {MOST} schedules: {missed:#?}");
}

#[test]
fn a_seed_gives_one_course() {
    for seed in 0..20 {
        let (once, again) = (run(seed, true), run(seed, false));
        assert_eq!((once.digest, once.steps), (again.digest, again.steps), "{seed}");
    }
}

#[test]
fn tmp_bug_search() {
    let all = [
        Bug::AckWithoutDrain,
        Bug::TimerInsteadOfDrain,
        Bug::SequenceOfProcess,
        Bug::EqualSequenceApplied,
        Bug::SupersededIsSuccess,
        Bug::OlderIsFailure,
        Bug::EarlyCollection,
        Bug::SidecarWithTtl,
        Bug::TombstoneFallsBack,
        Bug::ReadNewIgnoresOwed,
        Bug::ClaimWithoutWait,
        Bug::ClaimByLeaseInShadow,
        Bug::ReleaseWithoutFlush,
        Bug::BaseIgnored,
        Bug::ResendWithNewOperation,
        Bug::LowerEpochFollowed,
        Bug::EpochFromRecord,
        Bug::AcksAfterFailover,
        Bug::UndoTwice,
        Bug::OwnershipKept,
        Bug::UnregisteredServes,
        Bug::BackfillDoneAtSend,
        Bug::RunIgnored,
        Bug::RelativeTtl,
        Bug::UnconditionalPresenceDelete,
        Bug::WriteBeforeLastCheck,
        Bug::VerifierOfWriterOnly,
    ];
    let n = number("STATE_SIM_SCHEDULES").unwrap_or(3000);
    let only = std::env::var("STATE_SIM_BUG").ok();
    for bug in all {
        if only.as_ref().is_some_and(|only| !only.split(',').any(|o| format!("{bug:?}") == o)) {
            continue;
        }
        let start = std::time::Instant::now();
        let found = search(Some(bug), 0, n).0;
        println!("{bug:?} {found:?} {:?}", start.elapsed());
        if let (Some(seed), Ok(dir)) = (found, std::env::var("STATE_SIM_TRACES")) {
            let ended = plant::with(bug, || run(seed, true));
            std::fs::write(format!("{dir}/{bug:?}.txt"), told(&ended)).unwrap();
        }
    }
}
