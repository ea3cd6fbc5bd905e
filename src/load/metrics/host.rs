//! This machine, where the target runs on it, and this process.

use procfs::process::{Process, Stat};
use procfs::{CurrentSI, KernelStats, ticks_per_second};

use super::Reading;

/// Time of the machine's processors so far, in ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CpuTime {
    busy: u64,
    all: u64,
}

impl CpuTime {
    /// Seconds that the processors were busy, and that they had nothing to do.
    pub fn seconds(self) -> (f64, f64) {
        (seconds(self.busy), seconds(self.all - self.busy))
    }
}

/// The machine's processors so far; none where `/proc` does not tell.
pub fn cpu_time() -> Option<CpuTime> {
    let total = KernelStats::current().ok()?.total;
    let idle = total.idle + total.iowait.unwrap_or(0);
    let busy = total.user
        + total.nice
        + total.system
        + total.irq.unwrap_or(0)
        + total.softirq.unwrap_or(0)
        + total.steal.unwrap_or(0);
    Some(CpuTime { busy, all: busy + idle })
}

/// How busy the machine was between two moments.
pub fn reading(before: CpuTime, after: CpuTime) -> Option<Reading> {
    let all = after.all.checked_sub(before.all).filter(|all| *all > 0)?;
    let part = after.busy.saturating_sub(before.busy) as f64 / all as f64;
    Some(Reading::limited("host", "CPU", 100.0 * part, "%", part))
}

/// Seconds of processor time that this process has used; none where `/proc` does not tell.
pub fn own_cpu_seconds() -> Option<f64> {
    let stat = Process::myself().and_then(|process| process.stat()).ok()?;
    Some(cpu_seconds(&stat))
}

/// Seconds of processor time that a process has used.
pub fn cpu_seconds(stat: &Stat) -> f64 {
    seconds(stat.utime + stat.stime)
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / ticks_per_second() as f64
}

/// The processors of this machine that this process may use.
pub fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64)
}

#[cfg(test)]
mod tests {
    use super::{CpuTime, reading};

    #[test]
    fn business_is_a_part_of_the_time_between() {
        let before = CpuTime { busy: 100, all: 1_000 };
        let after = CpuTime { busy: 250, all: 1_200 };
        assert_eq!(reading(before, after).unwrap().saturation, Some(0.75));
        assert_eq!(reading(after, after), None);
    }
}
