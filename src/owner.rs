//! Who is at work: user, host and process.

use std::fmt;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who is at work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// The user's name, or number.
    pub user: String,
    /// The machine's name.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// When the process began, in the kernel's ticks: numbers of processes come round again.
    started: u64,
    /// Which run of the machine, and which space of process numbers in it: containers have their own.
    machine: String,
}

impl Owner {
    /// This process.
    pub fn this_process() -> Self {
        let uname = rustix::system::uname();
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let pid = std::process::id();
        Self {
            user: user(),
            host: uname.nodename().to_string_lossy().into_owned(),
            pid,
            started: started(pid).unwrap_or_default(),
            machine: format!("{} {}", boot.trim(), space.display()),
        }
    }

    /// Whether the other ran on this machine, where its process can be looked for, and has ended.
    pub fn knows_to_be_dead(&self, other: &Self) -> bool {
        let can_see = Path::new("/proc/self").exists() && !self.machine.trim().is_empty();
        can_see && self.machine == other.machine && started(other.pid) != Some(other.started)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{} (process {})", self.user, self.host, self.pid)
    }
}

fn user() -> String {
    let named = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    named.unwrap_or_else(|_| format!("uid {}", rustix::process::getuid().as_raw()))
}

/// When a process began; none when there is none, or it has ended and was not yet reaped.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Owner;

    #[test]
    fn this_process_lives_and_others_are_told_apart() {
        let this = Owner::this_process();
        assert!(!this.knows_to_be_dead(&this));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let other = Owner { pid: child.id(), started: 1, ..this.clone() };
        child.wait().unwrap();
        assert!(this.knows_to_be_dead(&other));
        let elsewhere = Owner { machine: "other".to_owned(), ..other };
        assert!(!this.knows_to_be_dead(&elsewhere), "what runs elsewhere cannot be seen");
    }
}
