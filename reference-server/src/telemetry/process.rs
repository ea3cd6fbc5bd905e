//! What this process holds, from `/proc`.

use procfs::WithCurrentSystemInfo;
use procfs::process::Process;

/// Descriptors and memory of this process.
pub struct Usage {
    /// Entries of `/proc/self/fd`.
    pub open_descriptors: usize,
    /// Resident set.
    pub resident_bytes: usize,
}

/// The usage now, or nothing where there is no `/proc`.
pub fn usage() -> Option<Usage> {
    let process = Process::myself().ok()?;
    let resident = process.stat().ok()?.rss_bytes().get();
    Some(Usage {
        open_descriptors: process.fd_count().ok()?,
        resident_bytes: usize::try_from(resident).unwrap_or(usize::MAX),
    })
}
