//! The phases, or what the command line says instead of them.

use std::path::PathBuf;
use std::time::Duration;

use super::Compiler;
use crate::load::scenario::model::Phase;
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
#[derive(Debug, Clone, Default)]
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
    /// The environment of `config.environments` that is laid over the rest.
    pub environment: Option<String>,
    /// What every random choice comes from.
    pub seed: Option<u64>,
    /// A file whose settings hold where the scenario file says nothing.
    pub config: Option<PathBuf>,
}

impl Overrides {
    /// Whether the command line says how load develops.
    fn sets_load(&self) -> bool {
        self.users.is_some() || self.arrival_rate.is_some() || self.duration.is_some() || self.ramp.is_some()
    }
}

impl Compiler<'_> {
    /// The load that is meant.
    pub fn load(&mut self, overrides: &Overrides) -> Option<Load> {
        if !overrides.sets_load() && !self.config.phases.is_empty() {
            return self.phases();
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
        let usual_ramp =
            if rate.is_some() { Duration::ZERO } else { (duration / RAMP_PART).min(LONGEST_RAMP) };
        let ramp = overrides.ramp.unwrap_or(usual_ramp).min(duration);
        Some(match rate {
            Some(rate) => open(ramped(rate, ramp, duration), users.unwrap_or_else(|| pool(rate))),
            None => Load::Closed(ramped(f64::from(users.unwrap_or(1)), ramp, duration)),
        })
    }

    /// The names of the phases and when each ends; none when the command line sets the load.
    pub fn phase_names(&self, overrides: &Overrides) -> Vec<(Duration, String)> {
        if overrides.sets_load() {
            return Vec::new();
        }
        let mut end = Duration::ZERO;
        let mut names = Vec::new();
        for phase in &self.config.phases {
            end += phase.duration.or(phase.pause).map_or(Duration::ZERO, |span| span.0);
            names.push((end, phase.name.clone().unwrap_or_default()));
        }
        names
    }

    fn phases(&mut self) -> Option<Load> {
        let phases = self.config.phases.clone();
        let is_closed = phases.iter().any(|phase| phase.users.is_some());
        let mut shape = Shape::default();
        let known = self.found.len();
        for (index, phase) in phases.iter().enumerate() {
            let at = format!("/config/phases/{index}");
            if let Some((duration, from, to)) = self.phase(phase, is_closed, &at) {
                shape.push(duration, from, to);
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
        Some(if is_closed { Load::Closed(shape) } else { open(shape, max_users) })
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

/// Users to keep ready for a rate of arrivals.
fn pool(rate: f64) -> u32 {
    (rate * POOL_SECONDS).clamp(SMALLEST_POOL, LARGEST_POOL) as u32
}
