//! What the generator sees of itself: its own processor time, descriptors and memory, and how busy the machine is.

use procfs::ProcResult;
use procfs::process::Process;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::metrics::host;

/// One look of a process at itself and its machine. Sums count from the start of the process or the machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Vitals {
    /// Processor time that this process has used, in seconds.
    pub cpu_seconds: f64,
    /// Memory of this process that is resident, in bytes.
    pub rss_bytes: u64,
    /// Descriptors that it holds.
    pub open_files: u64,
    /// Processor time that the machine's processors were busy, in seconds.
    pub machine_busy_seconds: f64,
    /// Processor time that they had nothing to do, in seconds.
    pub machine_idle_seconds: f64,
}

/// What was used between two looks.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Effort {
    /// Processor time of the processes that make load, in seconds.
    pub cpu_seconds: f64,
    /// Processor time that the machine's processors were busy, in seconds.
    pub machine_busy_seconds: f64,
    /// Processor time that they had nothing to do, in seconds.
    pub machine_idle_seconds: f64,
}

impl Effort {
    /// From one look to a later one.
    pub fn between(first: &Vitals, last: &Vitals) -> Self {
        Self {
            cpu_seconds: last.cpu_seconds - first.cpu_seconds,
            machine_busy_seconds: last.machine_busy_seconds - first.machine_busy_seconds,
            machine_idle_seconds: last.machine_idle_seconds - first.machine_idle_seconds,
        }
    }

    /// Adds another one to this one. Processes of one machine each see all of it, which leaves its share as it is.
    pub fn absorb(&mut self, other: Self) {
        self.cpu_seconds += other.cpu_seconds;
        self.machine_busy_seconds += other.machine_busy_seconds;
        self.machine_idle_seconds += other.machine_idle_seconds;
    }

    /// How busy the machine's processors were, percent.
    pub fn machine_busy_percent(self) -> Option<f64> {
        let all = self.machine_busy_seconds + self.machine_idle_seconds;
        (all > 0.0).then(|| 100.0 * self.machine_busy_seconds / all)
    }
}

impl Vitals {
    /// Looks. Where the system tells nothing, nothing is said.
    pub fn take() -> Self {
        let mut vitals = Self::default();
        vitals.look_at_self().ok();
        if let Some(cpu) = host::cpu_time() {
            (vitals.machine_busy_seconds, vitals.machine_idle_seconds) = cpu.seconds();
        }
        vitals
    }

    fn look_at_self(&mut self) -> ProcResult<()> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        self.cpu_seconds = host::cpu_seconds(&stat);
        self.rss_bytes = stat.rss * procfs::page_size();
        self.open_files = process.fd_count()? as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Vitals;

    #[test]
    fn a_process_sees_itself() {
        let vitals = Vitals::take();
        assert!(vitals.rss_bytes > 1 << 20 && vitals.open_files >= 3, "{vitals:?}");
        assert!(vitals.machine_busy_seconds > 0.0, "{vitals:?}");
    }
}
