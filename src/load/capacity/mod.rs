//! Capacity: what a system holds comfortably, at most, and where it breaks, each with its evidence.
//!
//! [`axis`] is what is turned up, [`step`] judges one level, [`search`] decides on the next one, [`drive`] runs both
//! on a [`mod@bench`], for which a [`course`] says how much load a level is; [`bottleneck`]
//! says which of them was full first; [`knee`] and [`law`] draw conclusions from the curve, [`scaling`] from several
//! searches; [`report`] holds it all.

pub mod axis;
pub mod bench;
pub mod bottleneck;
mod count;
pub mod course;
pub mod drive;
pub mod generator;
pub mod knee;
pub mod law;
pub mod report;
pub mod scaling;
pub mod search;
pub mod step;
mod window;

pub use report::CapacityReport;

use super::LoadError;
use crate::config::Mistakes;

/// Why a search could not be done.
#[derive(Debug, thiserror::Error)]
pub enum CapacityError {
    /// A run could not be done.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The scenario file changed while it was in use, and is wrong now.
    #[error(transparent)]
    Mistakes(#[from] Mistakes),
    /// The scenario does not do what the axis counts.
    #[error("--axis {axis} counts {what}, and {file} has none; choose another axis or add such a step")]
    NothingToCount {
        /// The axis.
        axis: &'static str,
        /// What it counts.
        what: &'static str,
        /// The scenario file.
        file: String,
    },
    /// Not one arrival got through its scenario, so it is not known what one arrival does.
    #[error(
        "not one arrival got through {file} within {seconds:.0} s, at {level} a second{}; a scenario of an open axis \
         has to end by itself, without errors",
        .failure.as_deref().map(|failure| format!(" (first failure: {failure})")).unwrap_or_default()
    )]
    NoArrivalFinished {
        /// The scenario file.
        file: String,
        /// How long was waited.
        seconds: f64,
        /// Arrivals a second.
        level: f64,
        /// What went wrong.
        failure: Option<String>,
    },
}
