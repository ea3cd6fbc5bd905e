//! From a level to an amount of load that the runner understands.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::CapacityError;
use super::axis::Axis;
use super::drive::Timing;
use crate::config::Document;
use crate::load::{Overrides, Plan, compile_document};

/// The pool of an open axis: room for answers that take this many times as long as they usually do, and a second.
const POOL_ITERATIONS: f64 = 2.0;
const POOL_SECONDS: f64 = 1.0;
const SMALLEST_POOL: f64 = 50.0;
/// The warm-up of an open axis lasts this many iterations at least: until as many leave as arrive.
const SETTLING_ITERATIONS: f64 = 1.25;
/// Users of a closed axis are all there after this part of the warm-up.
const RAMP: f64 = 0.6;

/// What is run, and how.
#[derive(Debug, Clone)]
pub struct Course {
    /// The scenario file, read.
    pub document: Arc<Document>,
    /// The folder of its payload files.
    pub folder: PathBuf,
    /// Base URL, instead of the file's.
    pub target: Option<String>,
    /// What is turned up.
    pub axis: Axis,
    /// How a step's time is spent.
    pub timing: Timing,
    /// Users of an open axis that may be under way at once.
    pub max_users: u32,
}

impl Course {
    /// The plan of a run.
    pub fn compile(&self, overrides: &Overrides) -> Result<Plan, CapacityError> {
        let overrides = Overrides { target: self.target.clone(), ..overrides.clone() };
        Ok(compile_document(&self.document, &self.folder, &overrides)?)
    }

    /// How much load a level is.
    pub fn dose(&self, arrival: &Arrival, level: f64) -> Dose {
        let Timing { warm_up, window } = self.timing;
        let warm_up = whole(warm_up);
        if !self.axis.is_open() {
            let users = level as u32;
            let ramp = warm_up.mul_f64(RAMP);
            return Dose { users, arrivals: None, ramp, warm_up, window, is_pool_short: false };
        }
        let rate = level / arrival.units;
        let iteration = arrival.iteration.as_secs_f64();
        let wanted = rate * (POOL_ITERATIONS * iteration + POOL_SECONDS);
        let users = self.pool(wanted);
        let settling = arrival.iteration.mul_f64(SETTLING_ITERATIONS);
        let ramp = warm_up / 2;
        Dose {
            users,
            arrivals: Some(rate),
            ramp,
            warm_up: whole(warm_up.max(ramp + settling)),
            window,
            is_pool_short: wanted > f64::from(users) + 1.0,
        }
    }

    /// So many users, but not too few and not more than allowed.
    pub fn pool(&self, wanted: f64) -> u32 {
        wanted.max(SMALLEST_POOL).min(f64::from(self.max_users)) as u32
    }
}

/// What one arrival of an open axis does.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// How much of what the axis counts.
    pub units: f64,
    /// How long it takes.
    pub iteration: Duration,
}

/// How much load, as the runner understands it.
#[derive(Debug, Clone, Copy)]
pub struct Dose {
    /// Users, or the size of the pool of an open axis.
    pub users: u32,
    /// Arrivals a second of an open axis.
    pub arrivals: Option<f64>,
    /// How long load takes to reach its level, within the warm-up.
    pub ramp: Duration,
    /// Not measured.
    pub warm_up: Duration,
    /// Measured.
    pub window: Duration,
    /// Whether the pool is smaller than it should be.
    pub is_pool_short: bool,
}

/// What a run leaves out at its beginning is a number of seconds.
fn whole(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs_f64().ceil() as u64)
}
