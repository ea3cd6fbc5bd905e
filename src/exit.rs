//! Exit codes: a public contract, each asserted by a test. Nothing else in the crate chooses a number.

use std::process::ExitCode;

/// How a command ended, for the shell and for CI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or checked and well.
    Done,
    /// Checked and bad: a threshold missed, a difference found, a step failed.
    Failed,
    /// The command line or a file is wrong; nothing was done.
    Usage,
    /// Could not be measured honestly; neither passed nor failed.
    Inconclusive,
    /// Refused before any change: something has to be confirmed or allowed first.
    Refused,
    /// Stopped half-way; the same command goes on from there.
    Resumable,
    /// A system that is needed could not be reached.
    Unreachable,
    /// Stopped by Ctrl-C or SIGTERM; the results so far were printed.
    Interrupted,
    /// `health` only, in the numbers of the monitoring-plugin convention.
    Health(HealthExit),
}

/// The monitoring-plugin convention: schedulers read these four numbers and no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HealthExit {
    /// Every check is well.
    Ok,
    /// A check answered, with something to look at.
    Warning,
    /// A check failed.
    Critical,
    /// Nothing can be said: the command line or the configuration is wrong.
    Unknown,
}

impl Exit {
    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Inconclusive => 3,
            Self::Refused => 4,
            Self::Resumable => 5,
            Self::Unreachable => 69,
            Self::Interrupted => 130,
            Self::Health(health) => health as u8,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::{Exit, HealthExit};

    #[test]
    fn the_numbers_are_the_documented_ones() {
        let codes =
            [Exit::Done, Exit::Failed, Exit::Usage, Exit::Inconclusive, Exit::Refused].map(Exit::code);
        assert_eq!(codes, [0, 1, 2, 3, 4]);
        assert_eq!([Exit::Resumable, Exit::Unreachable, Exit::Interrupted].map(Exit::code), [5, 69, 130]);
        let health = [HealthExit::Ok, HealthExit::Warning, HealthExit::Critical, HealthExit::Unknown];
        assert_eq!(health.map(|health| Exit::Health(health).code()), [0, 1, 2, 3]);
    }
}
