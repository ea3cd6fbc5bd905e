//! Many runs, and what they must catch.

use std::sync::atomic::{AtomicU64, Ordering};

use super::scenario::{Ended, run};

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
fn search(first: u64, schedules: u64) -> (Option<u64>, Vec<Ended>) {
    let (next, lowest) = (AtomicU64::new(first), AtomicU64::new(u64::MAX));
    let work = || {
        let mut all = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + schedules || seed > lowest.load(Ordering::Relaxed) {
                return all;
            }
            let ended = run(seed, false);
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
            let (failed, all) = search(number("STATE_SIM_FIRST").unwrap_or(0), schedules);
            if std::env::var("STATE_SIM_ALL").is_ok() {
                for ended in &all {
                    if let Some(f) = &ended.failure {
                        std::fs::write(format!("/work/tS/fail-{}.txt", ended.seed), f).unwrap();
                    }
                }
            }
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
