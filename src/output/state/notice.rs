//! What changes for the application's users, said before it does.

use state_map::Phase;

/// What entering a phase changes for users; none where nothing does.
pub fn before(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::Strict => Some(
            "In strict a write is acknowledged by Redis and its replicas. While they cannot accept it, a request gets an \
             error that may be tried again. Until now it was served from memory. The way back to read-new stays open.",
        ),
        Phase::StopOld => Some(
            "stop-old is the point of no return: the instances drop their copies in memory, and no command leads back. \
             Every request is served from Redis already, and that stays so. Have a backup of Redis first.",
        ),
        _ => None,
    }
}

/// What an operator has to know after a phase was left or entered.
pub fn after(from: Phase, to: Phase) -> Option<&'static str> {
    match (from, to) {
        (Phase::Strict, Phase::PrimaryNew) => Some(
            "once every instance has acknowledged primary-new, any instance serves any key: the load balancer needs no \
             stickiness for state any more",
        ),
        (Phase::PrimaryNew, Phase::Strict) => Some(
            "each key has one owner again: bring the load balancer's stickiness back, or requests wait while keys \
             change hands",
        ),
        _ => None,
    }
}
