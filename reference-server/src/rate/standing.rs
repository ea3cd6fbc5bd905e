//! How a client stands after a request was counted.

use std::time::Duration;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use super::{Action, Decision};
use crate::config::Limit;

/// A bucket after one was taken from it, or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What was counted.
    pub action: Action,
    /// What is allowed.
    pub limit: Limit,
    /// How many more may come at once.
    pub remaining: u32,
    /// Time until the bucket is full, at most.
    pub reset: Duration,
    /// Set when the request was refused: time until one may come again.
    pub retry_after: Option<Duration>,
}

impl Standing {
    /// In the words of the limit.
    pub(super) fn new(action: Action, limit: Limit, decision: Decision) -> Self {
        let interval = Duration::from_micros(limit.interval_micros());
        let full = limit.requests.get();
        let (remaining, reset, retry_after) = match decision {
            Decision::Allowed { remaining } => (remaining, interval * full.saturating_sub(remaining), None),
            Decision::Refused { wait_micros } => {
                let wait = Duration::from_micros(wait_micros);
                (0, wait + interval * (full - 1), Some(wait))
            }
        };
        Self { action, limit, remaining, reset, retry_after }
    }
}

/// Too many: come back after this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many of these in a short time: try again in {} s", whole_seconds(.0))]
pub struct Limited(pub Duration);

/// Seconds after which the time has passed for certain.
pub fn whole_seconds(time: &Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// As the error of an acknowledgement.
impl Serialize for Limited {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let retry_after_ms = u64::try_from(self.0.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX);
        let mut error = serializer.serialize_struct("Limited", 3)?;
        error.serialize_field("code", "rate_limited")?;
        error.serialize_field("message", &self.to_string())?;
        error.serialize_field("retryAfterMs", &retry_after_ms)?;
        error.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_waits_as_long_as_it_was_told_never_comes_too_early() {
        for (micros, seconds) in [(0, 0), (1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2)] {
            assert_eq!(whole_seconds(&Duration::from_micros(micros)), seconds);
        }
        let error = serde_json::to_value(Limited(Duration::from_micros(1_500_001))).unwrap();
        assert_eq!(error["code"], "rate_limited");
        assert_eq!(error["retryAfterMs"], 1_501);
        assert!(error["message"].as_str().unwrap().ends_with("in 2 s"), "{error}");
    }
}
