//! One step at one level, and what it means: passed, failed, or invalid because of the generator.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::duration::humanize;
use crate::load::metrics::Reading;

/// A step keeps up when it achieves this part of what was offered; the rest is room for the window's edges.
const KEEPS_UP: f64 = 0.98;
/// Below this part the system is breaking.
const BREAKS_BELOW: f64 = 0.95;
/// A failure that is not worse than this may be the noise of one moment.
const NARROW_ABOVE: f64 = 0.9;
/// More errors, in percent, are a break.
const BREAKING_ERRORS: f64 = 5.0;
/// More connections lost, in percent a minute, are a failure and a break.
const MOST_DISCONNECTS: f64 = 1.0;

/// What the measuring itself was allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeneratorLimits {
    /// How late 99 % of the generator's timers may fire.
    pub lag: Duration,
    /// How much of the machine the generator may use, in percent.
    pub cpu_percent: f64,
}

impl Default for GeneratorLimits {
    fn default() -> Self {
        Self { lag: Duration::from_millis(10), cpu_percent: 80.0 }
    }
}

/// What a step measured, after its warm-up.
#[derive(Debug, Clone, Default)]
pub struct StepOutcome {
    /// In the unit of the axis.
    pub offered: f64,
    /// The part of it that took place.
    pub achieved: f64,
    /// What came of it, in the unit of goodput.
    pub goodput: f64,
    /// Users under way, on average.
    pub concurrency: f64,
    /// From the moment an exchange was due.
    pub response: Option<Percentiles>,
    /// From the moment it was begun.
    pub service: Option<Percentiles>,
    /// Failed exchanges.
    pub error_percent: f64,
    /// Connections lost a minute, of those that were open.
    pub disconnect_percent: f64,
    /// Thresholds that were missed, with what was measured.
    pub missed: Vec<String>,
    /// The most frequent failures.
    pub failures: Vec<String>,
    /// Exchanges that were seen.
    pub exchanges: u64,
    /// Why the system could not even be reached.
    pub unreachable: Option<String>,
    /// How the generator did.
    pub generator: Generator,
    /// What the systems said of themselves.
    pub server: Vec<Reading>,
    /// After an overload, how long the system took until it was well again.
    pub recovery: Option<Recovery>,
}

/// A distribution of times, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Percentiles {
    /// Half were shorter.
    pub p50: u64,
    /// 95 % were shorter.
    pub p95: u64,
    /// 99 % were shorter.
    pub p99: u64,
    /// The longest.
    pub max: u64,
}

/// How the generator did during a step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Generator {
    /// How late 99 % of its timers fired, in microseconds; `null` when it had none.
    pub lag_p99: Option<u64>,
    /// How much of this machine it used; `null` where that cannot be read.
    pub cpu_percent: Option<f64>,
    /// What it could not do: no descriptor, no port, too few users.
    pub faults: Vec<String>,
}

/// How an overload ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum Recovery {
    /// The system was well again.
    After {
        /// Seconds from the end of the overload; a second is about as fine as it is looked at.
        seconds: f64,
    },
    /// It was not, for as long as was waited.
    NotWithin {
        /// That long.
        seconds: f64,
    },
}

/// What a step comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every threshold held, and what was offered took place.
    Passed,
    /// It did not.
    Failed,
    /// The generator could not drive it honestly: it says nothing of the system.
    Invalid,
}

/// A verdict with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, unless it passed.
    pub reasons: Vec<String>,
}

impl StepOutcome {
    /// Judges it. A generator that was overtaxed says nothing of the system, neither good nor bad.
    pub fn judge(&self, limits: &GeneratorLimits) -> Judged {
        let faults = self.generator.faults(limits);
        if !faults.is_empty() {
            return Judged { verdict: Verdict::Invalid, reasons: faults };
        }
        let reasons = self.failings();
        let verdict = if reasons.is_empty() { Verdict::Passed } else { Verdict::Failed };
        Judged { verdict, reasons }
    }

    fn failings(&self) -> Vec<String> {
        if let Some(reason) = &self.unreachable {
            return vec![format!("could not be reached: {reason}")];
        }
        let mut reasons = self.missed.clone();
        if self.kept_up() < KEEPS_UP {
            reasons.push(format!("achieved {:.0} % of what was offered", 100.0 * self.kept_up()));
        }
        if self.disconnect_percent > MOST_DISCONNECTS {
            reasons.push(format!("{:.1} % of the connections were lost a minute", self.disconnect_percent));
        }
        if self.error_percent > BREAKING_ERRORS && self.missed.is_empty() {
            reasons.push(format!("{:.1} % errors", self.error_percent));
        }
        reasons
    }

    /// The part of the offered load that took place.
    pub fn kept_up(&self) -> f64 {
        if self.offered > 0.0 { self.achieved / self.offered } else { 0.0 }
    }

    /// Why the system is not only slow but breaking, if it is.
    pub fn breaks(&self) -> Option<String> {
        if let Some(reason) = &self.unreachable {
            return Some(format!("could not be reached: {reason}"));
        }
        if self.kept_up() < BREAKS_BELOW {
            return Some(format!("achieved {:.0} % of what was offered", 100.0 * self.kept_up()));
        }
        if self.error_percent > BREAKING_ERRORS {
            return Some(format!("{:.1} % errors", self.error_percent));
        }
        if self.disconnect_percent > MOST_DISCONNECTS {
            return Some(format!("{:.1} % of the connections were lost a minute", self.disconnect_percent));
        }
        match self.recovery {
            Some(Recovery::NotWithin { seconds }) => {
                let waited = humanize(Duration::from_secs_f64(seconds));
                Some(format!("had not recovered {waited} after the load was gone"))
            }
            _ => None,
        }
    }

    /// Whether a failure of it may be the noise of one moment.
    pub fn is_narrow(&self) -> bool {
        self.unreachable.is_none()
            && self.kept_up() > NARROW_ABOVE
            && self.error_percent <= BREAKING_ERRORS
            && self.disconnect_percent <= 2.0 * MOST_DISCONNECTS
    }
}

impl Generator {
    fn faults(&self, limits: &GeneratorLimits) -> Vec<String> {
        let mut faults = self.faults.clone();
        let lag = Duration::from_micros(self.lag_p99.unwrap_or(0));
        if lag > limits.lag {
            let (lag, limit) = (humanize(lag), humanize(limits.lag));
            faults.push(format!("the generator's timers fired {lag} late (p99; at most {limit} is honest)"));
        }
        if let Some(used) = self.cpu_percent.filter(|used| *used > limits.cpu_percent) {
            let limit = limits.cpu_percent;
            faults
                .push(format!("the generator used {used:.0} % of this machine's CPU (at most {limit:.0} %)"));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::{Generator, GeneratorLimits, Recovery, StepOutcome, Verdict};

    fn good() -> StepOutcome {
        StepOutcome { offered: 100.0, achieved: 99.0, goodput: 99.0, ..StepOutcome::default() }
    }

    fn verdict(outcome: &StepOutcome) -> (Verdict, String) {
        let judged = outcome.judge(&GeneratorLimits::default());
        (judged.verdict, judged.reasons.join("; "))
    }

    #[test]
    fn each_cause_of_failure_is_seen_and_named() {
        assert_eq!(verdict(&good()), (Verdict::Passed, String::new()));
        let behind = StepOutcome { achieved: 97.0, ..good() };
        assert_eq!(verdict(&behind), (Verdict::Failed, "achieved 97 % of what was offered".to_owned()));
        let missed = StepOutcome { missed: vec!["p95 < 200ms (212ms)".to_owned()], ..good() };
        assert_eq!(verdict(&missed), (Verdict::Failed, "p95 < 200ms (212ms)".to_owned()));
        let lost = StepOutcome { disconnect_percent: 1.5, ..good() };
        assert_eq!(verdict(&lost).1, "1.5 % of the connections were lost a minute");
        let gone =
            StepOutcome { unreachable: Some("connection refused".to_owned()), ..StepOutcome::default() };
        assert_eq!(verdict(&gone).1, "could not be reached: connection refused");
    }

    /// Whatever the system seems to do, a generator at its limit says nothing of it.
    #[test]
    fn an_overtaxed_generator_is_neither_pass_nor_failure() {
        let late = Generator { lag_p99: Some(12_000), ..Generator::default() };
        let busy = Generator { cpu_percent: Some(81.0), ..Generator::default() };
        let short = Generator { faults: vec!["no free local port".to_owned()], ..Generator::default() };
        for (generator, reason) in [
            (late, "the generator's timers fired 12.0ms late (p99; at most 10.0ms is honest)"),
            (busy, "the generator used 81 % of this machine's CPU (at most 80 %)"),
            (short, "no free local port"),
        ] {
            let passing = StepOutcome { generator: generator.clone(), ..good() };
            assert_eq!(verdict(&passing), (Verdict::Invalid, reason.to_owned()));
            let failing = StepOutcome { achieved: 10.0, generator, ..good() };
            assert_eq!(verdict(&failing).0, Verdict::Invalid);
        }
    }

    #[test]
    fn failing_is_not_yet_breaking() {
        assert_eq!(StepOutcome { achieved: 96.0, ..good() }.breaks(), None);
        assert!(StepOutcome { achieved: 94.0, ..good() }.breaks().is_some());
        assert!(StepOutcome { error_percent: 5.1, ..good() }.breaks().is_some());
        let stuck = StepOutcome { recovery: Some(Recovery::NotWithin { seconds: 20.0 }), ..good() };
        assert_eq!(stuck.breaks().unwrap(), "had not recovered 20.0s after the load was gone");
        assert!(StepOutcome { achieved: 91.0, ..good() }.is_narrow());
        assert!(!StepOutcome { achieved: 89.0, ..good() }.is_narrow());
    }
}
