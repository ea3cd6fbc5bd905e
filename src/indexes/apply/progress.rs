//! What goes on during a run, for whoever shows it.

use std::time::Duration;

use crate::indexes::diff::Step;

/// What goes on during a run.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// A step begins.
    Step {
        /// Its number, from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// The database and collection.
        namespace: &'a str,
        /// What is done.
        step: &'a Step,
    },
    /// A member has taken in so many documents.
    Build {
        /// The member.
        member: &'a str,
        /// Documents so far.
        done: u64,
        /// Documents in all.
        total: u64,
    },
    /// Time passes on purpose.
    Waiting {
        /// For what.
        what: &'a str,
        /// At most for so long.
        left: Duration,
    },
    /// A step is done.
    Done,
}

/// Sees what goes on.
pub type Watcher<'a> = &'a (dyn Fn(Progress<'_>) + Send + Sync);
