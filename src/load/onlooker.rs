//! Who looks on while a run goes on: the screen several times a second, others second by second.

use std::fmt::Debug;

use tokio::time::Instant;

use super::ledger::Second;
use super::run::Progress;
use super::tally::Tally;

/// Sees a run second by second. The run waits meanwhile: what takes time belongs into a task of the onlooker's own.
pub trait Onlooker: Debug + Send {
    /// Load starts then.
    fn begin(&mut self, start: Instant);

    /// A second that everybody has told of.
    fn see(&mut self, second: &Second);

    /// What was done once, outside of the load.
    fn add(&mut self, tally: &Tally);
}

/// All who look on.
#[derive(Debug)]
pub struct Audience<W> {
    /// Sees the progress.
    pub watch: W,
    /// See the seconds.
    pub onlookers: Vec<Box<dyn Onlooker>>,
}

impl<W: FnMut(&Progress)> Audience<W> {
    /// Nobody but the screen.
    pub fn of(watch: W) -> Self {
        Self { watch, onlookers: Vec::new() }
    }
}
