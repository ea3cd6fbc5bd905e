//! Many runs, and what they must catch.

use std::sync::atomic::{AtomicU64, Ordering};

use super::directed::{self, Course};
use super::scenario::{Ended, run};
use crate::operator::tests::{new_epochs_are_new, old_acknowledgements_are_void};
use crate::plant::{self, Bug};
use crate::verify::answer::tests::answers_for_what_it_loaded;

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

/// How a bug shows.
enum Shown {
    /// Any schedule may show it: the first that did when this was written, from seed 0 on.
    Chance(u64),
    /// A course that was made for it.
    Directed(Course),
    /// The tests of its module plant it.
    ItsModule(fn() -> bool),
}

fn shown(bug: Bug) -> Shown {
    use Shown::{Chance, Directed, ItsModule};
    match bug {
        Bug::AckWithoutDrain => Chance(402),
        Bug::TimerInsteadOfDrain => Chance(297),
        Bug::SequenceOfProcess => Chance(1),
        // Only a second hand of the owner brings it about: sequences are fenced by their generation.
        Bug::EqualSequenceApplied => Directed(directed::sequence_of_another),
        Bug::SupersededIsSuccess => Chance(22),
        Bug::OlderIsFailure => Directed(directed::overtaken_writes),
        Bug::EarlyCollection => Chance(40),
        Bug::SidecarWithTtl => Chance(46),
        // The owner's memory has the tombstone as well: only a second hand brings it about.
        Bug::TombstoneFallsBack => Directed(directed::tombstone_of_another),
        Bug::ReadNewIgnoresOwed => Chance(15),
        Bug::ClaimWithoutWait => Chance(28),
        Bug::ClaimByLeaseInShadow => Chance(92),
        Bug::ReleaseWithoutFlush => Chance(44),
        Bug::BaseIgnored => Chance(2),
        Bug::ResendWithNewOperation => Chance(57),
        Bug::LowerEpochFollowed => Directed(directed::record_that_fell_back),
        // The next assertion heals it, as long as somebody tells of the change that was lost.
        Bug::EpochFromRecord => ItsModule(new_epochs_are_new),
        // The gate waits for a lease as well, in which everybody tells where it is.
        Bug::AcksAfterFailover => ItsModule(old_acknowledgements_are_void),
        Bug::UndoTwice => Directed(directed::undone_twice),
        Bug::OwnershipKept => Chance(126),
        Bug::UnregisteredServes => Chance(7),
        Bug::BackfillDoneAtSend => Chance(47),
        Bug::RunIgnored => Chance(16),
        Bug::RelativeTtl => Chance(495),
        Bug::UnconditionalPresenceDelete => Chance(1),
        Bug::WriteBeforeLastCheck => Chance(2),
        // It tells instances' answers, which no schedule asks for.
        Bug::VerifierOfWriterOnly => ItsModule(answers_for_what_it_loaded),
    }
}

/// Schedules that may go by until a bug is found: courses change with every change of the code.
const MOST: u64 = 3_000;

/// Why a bug is not known to be caught.
fn missed(bug: Bug) -> Option<String> {
    let seen = |result: Result<(), String>, seen: Result<(), String>| match (result, seen) {
        (Ok(()), Err(_)) => None,
        (Err(failure), _) => Some(format!("{bug:?} is not planted, but: {failure}")),
        (Ok(()), Ok(())) => Some(format!("{bug:?} is not seen in the course that was made for it")),
    };
    match shown(bug) {
        Shown::Chance(took) if search(Some(bug), 0, MOST).0.is_none() => {
            Some(format!("{bug:?} is not seen in {MOST} schedules, and took {took} once"))
        }
        Shown::Chance(_) => None,
        Shown::Directed(course) => seen(course(), plant::with(bug, course)),
        Shown::ItsModule(check) => {
            let check = || if check() { Ok(()) } else { Err("its own check fails".to_owned()) };
            seen(check(), plant::with(bug, check))
        }
    }
}

#[test]
fn planted_bugs_are_caught() {
    let missed: Vec<String> = Bug::ALL.iter().filter_map(|bug| missed(*bug)).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn a_seed_gives_one_course() {
    for seed in 0..20 {
        let (once, again) = (run(seed, true), run(seed, false));
        assert_eq!((once.digest, once.steps), (again.digest, again.steps), "{seed}");
    }
}
