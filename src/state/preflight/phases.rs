//! What each phase changes for users, and what it asks of the operator.

use schemars::JsonSchema;
use serde::Serialize;
use state_map::Phase;

/// One phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhasePlan {
    /// Its name.
    pub phase: &'static str,
    /// What users notice.
    pub users: &'static str,
    /// What is asked of the operator before it.
    pub operator: &'static str,
    /// The phase that a rollback leads to; none from the point of no return on.
    pub back: Option<&'static str>,
}

/// All phases after `off`.
pub fn phases() -> Vec<PhasePlan> {
    let plan = |phase: Phase| {
        let (users, operator) = words(phase);
        PhasePlan { phase: phase.name(), users, operator, back: phase.back().map(Phase::name) }
    };
    Phase::ALL.into_iter().skip(1).map(plan).collect()
}

fn words(phase: Phase) -> (&'static str, &'static str) {
    match phase {
        Phase::Off => ("nothing", "nothing"),
        Phase::Dual => (
            "nothing: memory answers, and Redis is told of each write",
            "users must stay with their instance at the load balancer",
        ),
        Phase::Backfill => ("nothing: what was held before is written to Redis", "nothing"),
        Phase::Shadow => ("nothing: samples are compared", "nothing"),
        Phase::ReadNew => (
            "a read waits for Redis; while Redis is away memory answers",
            "a verification that passes: scalectl migrate state verify",
        ),
        Phase::Strict => (
            "a write waits for Redis and its replicas; while Redis is away requests get an error to try again",
            "to agree that from here on the application needs Redis",
        ),
        Phase::PrimaryNew => {
            ("any instance serves any user", "users may be spread over all instances from here on")
        }
        Phase::StopOld => (
            "nothing: the copies in memory are dropped",
            "to let it soak, to verify against a baseline, and to confirm: there is no way back from here",
        ),
        Phase::Done => ("nothing: tombstones are collected", "nothing"),
    }
}
