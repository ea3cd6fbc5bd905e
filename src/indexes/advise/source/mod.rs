//! Where evidence comes from. Each source says what it gave; one that cannot be read is no failure.

pub mod explain;
pub mod log;
pub mod profiler;
pub mod query_stats;
pub mod sample;
pub mod usage;

use mongodb::error::Error as DriverError;

use super::report::{Source, SourceReport, SourceState};
use crate::indexes::error::code;
use crate::indexes::live::{Deployment, Member};

/// Numbers with which servers say that they do not have what was asked for.
const NOT_THERE: [i32; 7] = [59, 67, 72, 76, 115, 238, 40_324];

/// A report of a source that could not be read.
pub fn unreadable(
    source: Source,
    deployment: &Deployment,
    member: &Member,
    doing: &str,
    error: &DriverError,
) -> SourceReport {
    let missing = code(error).filter(|code| NOT_THERE.contains(code));
    let (state, detail) = match missing {
        Some(code) => (SourceState::Missing, format!("this server does not have it (code {code})")),
        None => (SourceState::Failed, deployment.fault_of(member, doing, error).to_string()),
    };
    SourceReport { source, place: member.address.clone(), state, entries: 0, detail }
}
