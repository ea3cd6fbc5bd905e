//! What this process holds, from `/proc`.

use procfs::WithCurrentSystemInfo;
use procfs::process::Process;

/// Descriptors and memory of this process.
pub struct Usage {
    /// Entries of `/proc/self/fd`.
    pub open_descriptors: usize,
    /// Time on a core since the start, user and system together.
    pub cpu_seconds: f64,
    /// Resident set.
    pub resident_bytes: usize,
}

/// The usage now, or nothing where there is no `/proc`.
pub fn usage() -> Option<Usage> {
    let process = Process::myself().ok()?;
    let stat = process.stat().ok()?;
    let resident = stat.rss_bytes().get();
    Some(Usage {
        cpu_seconds: (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64,
        open_descriptors: process.fd_count().ok()?,
        resident_bytes: usize::try_from(resident).unwrap_or(usize::MAX),
    })
}
