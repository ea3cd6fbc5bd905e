//! The phases, or what the command line says instead of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Compiler;
use super::pattern::expand;
use crate::config::duration::Span;
use crate::load::scenario::model::{Pattern, Phase};
use crate::load::schedule::{Load, Shape};

/// How long a run lasts when neither the file nor the command line says.
const DEFAULT_DURATION: Duration = Duration::from_secs(60);
/// The ramp takes this part of the run, and no longer than [`LONGEST_RAMP`].
const RAMP_PART: u32 = 5;
const LONGEST_RAMP: Duration = Duration::from_secs(30);
/// A pool without `maxVusers` is made for users that take this long.
const POOL_SECONDS: f64 = 10.0;
const SMALLEST_POOL: f64 = 50.0;
const LARGEST_POOL: f64 = 10_000.0;

/// What the command line says instead of the file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Overrides {
    /// Base URL.
    pub target: Option<String>,
    /// Closed model with this many users, or the size of the pool with `arrival_rate`.
    pub users: Option<u32>,
    /// Open model with this many arrivals a second.
    pub arrival_rate: Option<f64>,
    /// How long load lasts, the ramp included.
    pub duration: Option<Duration>,
    /// How long users take to start, within the duration.
    pub ramp: Option<Duration>,
    /// How often each user goes through its scenario.
    pub iterations: Option<u32>,
    /// A named course of load.
    pub shape: Option<Pattern>,
    /// The environment of `config.environments` that is laid over the rest.
    pub environment: Option<String>,
    /// What every random choice comes from.
    pub seed: Option<u64>,
}

impl Overrides {
    /// Whether the command line says how load develops.
    fn sets_load(&self) -> bool {
        self.users.is_some()
            || self.arrival_rate.is_some()
            || self.duration.is_some()
            || self.ramp.is_some()
            || self.iterations.is_some()
            || self.shape.is_some()
    }
}

impl Compiler<'_> {
    /// The load that is meant.
    pub fn load(&mut self, overrides: &Overrides) -> Option<Load> {
        if !overrides.sets_load() {
            return if self.config.phases.is_empty() { Some(once()) } else { self.phases() };
        }
        // The phases are checked even where the command line replaces them.
        let written = if self.config.phases.is_empty() { None } else { Some(self.phases()?) };
        let duration =
            overrides.duration.or(written.as_ref().map(Load::duration)).unwrap_or(DEFAULT_DURATION);
        let (users, rate) = match (overrides.users, overrides.arrival_rate, written) {
            (users, Some(rate), _) => (users, Some(rate)),
            (Some(users), None, _) => (Some(users), None),
            (None, None, Some(Load::Open { shape, max_users })) => (Some(max_users), Some(shape.peak())),
            (None, None, written) => (Some(written.map_or(1, |load| load.users())), None),
        };
        if let Some(shape) = overrides.shape {
            return self.course(&shaped(shape, duration, users, rate), users);
        }
        let at_once = rate.is_some() || overrides.iterations.is_some();
        let usual_ramp = if at_once { Duration::ZERO } else { (duration / RAMP_PART).min(LONGEST_RAMP) };
        let ramp = overrides.ramp.unwrap_or(usual_ramp).min(duration);
        Some(match rate {
            Some(rate) => open(ramped(rate, ramp, duration), users.unwrap_or_else(|| pool(rate))),
            None => {
                let shape = ramped(f64::from(users.unwrap_or(1)), ramp, duration);
                Load::Closed { shape, iterations: overrides.iterations }
            }
        })
    }

    /// The load of a named course.
    fn course(&mut self, phase: &Phase, pool_size: Option<u32>) -> Option<Load> {
        let mut shape = Shape::default();
        for part in expand(phase) {
            let (duration, from, to) = self.phase(&part, phase.users.is_some(), "/config/phases")?;
            shape.push(duration, from, to);
        }
        let max_users = pool_size.unwrap_or_else(|| pool(shape.peak()));
        Some(match phase.users {
            Some(_) => Load::Closed { shape, iterations: None },
            None => open(shape, max_users),
        })
    }

    /// The names of the phases and when each ends; none when the command line sets the load, but for a course.
    pub fn phase_names(&self, overrides: &Overrides) -> Vec<(Duration, String)> {
        let written: Vec<Phase> = match (overrides.shape, overrides.sets_load()) {
            (Some(shape), _) => {
                let duration = overrides.duration.unwrap_or(DEFAULT_DURATION);
                expand(&shaped(shape, duration, overrides.users, overrides.arrival_rate))
            }
            (None, true) => Vec::new(),
            (None, false) => self.config.phases.iter().flat_map(expand).collect(),
        };
        let mut end = Duration::ZERO;
        let mut names = Vec::new();
        for phase in written {
            end += phase.duration.or(phase.pause).map_or(Duration::ZERO, |span| span.0);
            names.push((end, phase.name.unwrap_or_default()));
        }
        names
    }

    fn phases(&mut self) -> Option<Load> {
        let phases = self.config.phases.clone();
        let iterations = self.iterations(&phases);
        let is_closed = phases.iter().any(|phase| phase.users.is_some());
        let mut shape = Shape::default();
        let known = self.found.len();
        for (index, phase) in phases.iter().enumerate() {
            let at = format!("/config/phases/{index}");
            if phase.shape.is_some() && (phase.ramp_to.is_some() || phase.arrival_count.is_some()) {
                self.refuse::<()>(
                    &at,
                    "a phase with a `shape` has `duration` and one of `users`, `arrivalRate`",
                );
            }
            for part in expand(phase) {
                if let Some((duration, from, to)) = self.phase(&part, is_closed, &at) {
                    shape.push(duration, from, to);
                }
            }
        }
        if self.found.len() > known || self.cut.iter().any(|cut| cut.starts_with("/config/phases/")) {
            return None;
        }
        if shape.peak() <= 0.0 {
            return self.refuse("/config/phases", "the phases never start a user");
        }
        let written = phases.iter().filter_map(|phase| phase.max_vusers).max();
        let max_users = written.unwrap_or_else(|| pool(shape.peak()));
        Some(if is_closed { Load::Closed { shape, iterations } } else { open(shape, max_users) })
    }

    /// How often each user goes through its scenario, where a phase says so.
    fn iterations(&mut self, phases: &[Phase]) -> Option<u32> {
        let index = phases.iter().position(|phase| phase.iterations.is_some())?;
        let phase = &phases[index];
        if phases.len() > 1 || phase.users.is_none() || phase.ramp_to.is_some() || phase.shape.is_some() {
            let at = format!("/config/phases/{index}/iterations");
            self.refuse::<()>(&at, "`iterations` go with `users` and `duration`, in the only phase");
        }
        phase.iterations
    }

    /// Length, level at the start and level at the end of one phase.
    fn phase(&mut self, phase: &Phase, is_closed: bool, at: &str) -> Option<(Duration, f64, f64)> {
        if self.is_mended(at) {
            return None;
        }
        if let Some(pause) = phase.pause {
            let has_load =
                phase.users.is_some() || phase.arrival_rate.is_some() || phase.arrival_count.is_some();
            if has_load || phase.ramp_to.is_some() || phase.duration.is_some() {
                return self.refuse(at, "`pause` is a phase of its own, without any load");
            }
            return Some((pause.0, 0.0, 0.0));
        }
        let Some(duration) = phase.duration.map(|span| span.0).filter(|duration| !duration.is_zero()) else {
            return self.refuse(at, "a phase needs a `duration` above zero, or `pause`");
        };
        let level = match (phase.users, phase.arrival_rate, phase.arrival_count) {
            (Some(users), None, None) => f64::from(users),
            (None, Some(rate), None) => rate,
            (None, None, Some(count)) => f64::from(count) / duration.as_secs_f64(),
            (None, None, None) if phase.ramp_to.is_some() => 0.0,
            _ => return self.refuse(at, "a phase needs one of `users`, `arrivalRate`, `arrivalCount`"),
        };
        if is_closed && phase.users.is_none() {
            return self.refuse(at, "`users` and arrivals cannot be mixed in one file");
        }
        Some((duration, level, phase.ramp_to.unwrap_or(level)))
    }
}

/// A course as a phase.
fn shaped(shape: Pattern, duration: Duration, users: Option<u32>, rate: Option<f64>) -> Phase {
    let users = if rate.is_some() { None } else { Some(users.unwrap_or(1)) };
    Phase {
        shape: Some(shape),
        duration: Some(Span(duration)),
        users,
        arrival_rate: rate,
        ..Phase::default()
    }
}

fn open(shape: Shape, max_users: u32) -> Load {
    Load::Open { shape, max_users }
}

fn ramped(level: f64, ramp: Duration, duration: Duration) -> Shape {
    let mut shape = Shape::default();
    if !ramp.is_zero() {
        shape.push(ramp, 0.0, level);
    }
    if duration > ramp {
        shape.push(duration - ramp, level, level);
    }
    shape
}

/// One user goes through the file once: a trial, or a functional test.
fn once() -> Load {
    Load::Closed { shape: ramped(1.0, Duration::ZERO, DEFAULT_DURATION), iterations: Some(1) }
}

/// Users to keep ready for a rate of arrivals.
fn pool(rate: f64) -> u32 {
    (rate * POOL_SECONDS).clamp(SMALLEST_POOL, LARGEST_POOL) as u32
}
