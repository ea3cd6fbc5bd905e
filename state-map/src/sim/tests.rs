//! Many runs, and what they must catch.

use super::scenario::{Ended, run};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The run as a developer wants to read it.
fn told(ended: &Ended) -> String {
    let failure = ended.failure.as_deref().unwrap_or("nothing was violated");
    let trace: String = ended.trace.iter().map(|line| format!("{line}\n")).collect();
    format!(
        "{trace}seed {}: {failure}\nreplay: STATE_SIM_SEED={} cargo test -p state-map any_schedule -- --nocapture",
        ended.seed, ended.seed
    )
}

#[test]
fn any_schedule_is_explained() {
    if let Some(seed) = number("STATE_SIM_SEED") {
        let ended = run(seed, true);
        assert!(ended.failure.is_none(), "{}", told(&ended));
        return;
    }
    let schedules = number("STATE_SIM_SCHEDULES").unwrap_or(200);
    let first = number("STATE_SIM_FIRST").unwrap_or(0);
    for seed in first..first + schedules {
        let ended = run(seed, false);
        assert!(ended.failure.is_none(), "{}", told(&ended));
    }
}
