//! Whether this machine can make a load, with how many processes, and from which addresses; otherwise what to change.

use std::net::{IpAddr, Ipv4Addr};

use rustix::process::{Resource, getrlimit};

use crate::limits::RESERVE;
use crate::text::thousands;

/// More users in one process gain nothing, and a process that is lost takes them all along.
const USERS_PER_WORKER: u64 = 15_000;
/// From one address to one other the kernel finds a free port at once up to about twice this; beyond, it searches.
const CONNECTIONS_PER_SOURCE: u64 = 7_000;
/// What a user may need with both of its ends in the kernel, in bytes.
const BYTES_PER_USER: u64 = 24 << 10;
const MOST_WORKERS: usize = 1_000;

/// What a run asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Virtual users.
    pub users: u64,
    /// Connections that each may hold.
    pub connections_per_user: u64,
    /// Whether the target is this machine, by an address that is only its own.
    pub is_loopback: bool,
    /// How many processes; as many as it takes when nothing is said.
    pub workers: Option<usize>,
    /// Addresses to connect from.
    pub sources: Vec<IpAddr>,
}

/// What this machine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Descriptors that a process may hold.
    pub files: u64,
    /// Processors.
    pub processors: usize,
    /// Ports that connections may come from.
    pub ports: u64,
    /// Memory that is free for new processes, in bytes.
    pub memory_bytes: u64,
}

/// How the load is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crews {
    /// Processes.
    pub workers: usize,
    /// Threads of each.
    pub threads: usize,
    /// Addresses to connect from; the system chooses when there are none.
    pub sources: Vec<IpAddr>,
}

/// What stands in the way, each with what to change.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("this machine is too small for {} users:\n  {}", thousands(*.users), .obstacles.join("\n  "))]
pub struct TooSmall {
    /// The users that were asked for.
    pub users: u64,
    /// Each of them.
    pub obstacles: Vec<String>,
}

impl Machine {
    /// This machine. What it does not tell is taken for enough.
    pub fn look() -> Self {
        let files = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
        let mut bounds = range.split_whitespace().filter_map(|bound| bound.parse::<u64>().ok());
        let ports = match (bounds.next(), bounds.next()) {
            (Some(first), Some(last)) if last >= first => last - first + 1,
            _ => u64::MAX,
        };
        Self { files, processors, ports, memory_bytes: free_memory().unwrap_or(u64::MAX) }
    }
}

fn free_memory() -> Option<u64> {
    use procfs::Current;
    procfs::Meminfo::current().ok()?.mem_available
}

/// How this machine can make that load.
pub fn plan(need: &Need, machine: &Machine) -> Result<Crews, TooSmall> {
    let per_user = need.connections_per_user.max(1);
    let by_files = machine.files.saturating_sub(RESERVE) / per_user;
    let fitting = need.users.div_ceil(by_files.clamp(1, USERS_PER_WORKER)).max(1) as usize;
    let workers = need.workers.unwrap_or(fitting);
    let sources = sources(need, need.users * per_user);
    let obstacles: Vec<String> = [
        workers_obstacle(need, machine, workers, by_files),
        ports_obstacle(machine, &sources, need.users * per_user),
        memory_obstacle(need, machine),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !obstacles.is_empty() {
        return Err(TooSmall { users: need.users, obstacles });
    }
    Ok(Crews { workers, threads: (machine.processors / workers).max(1), sources })
}

fn workers_obstacle(need: &Need, machine: &Machine, workers: usize, by_files: u64) -> Option<String> {
    let each = need.users.div_ceil(workers as u64);
    if workers > MOST_WORKERS {
        return Some(format!(
            "{workers} processes are more than {MOST_WORKERS}: use several machines (--meet)"
        ));
    }
    (each > by_files).then(|| {
        let (each, files) = (thousands(each), thousands(machine.files));
        let needed = need.users.div_ceil(by_files.max(1));
        format!(
            "each of {workers} processes would hold {each} users, and may open {files} files: use --workers {needed} \
             or more, or raise `ulimit -n`"
        )
    })
}

fn ports_obstacle(machine: &Machine, sources: &[IpAddr], connections: u64) -> Option<String> {
    let from = sources.len().max(1) as u64;
    (connections > from.saturating_mul(machine.ports)).then(|| {
        let (connections, ports) = (thousands(connections), thousands(machine.ports));
        let needed = sources.len().max(1);
        format!(
            "{connections} connections to one address, and {needed} address to come from with {ports} ports: name more \
             addresses of this machine with --source-address, or widen the ports with \
             `sysctl net.ipv4.ip_local_port_range=\"1024 65535\"`"
        )
    })
}

fn memory_obstacle(need: &Need, machine: &Machine) -> Option<String> {
    let needed = need.users.saturating_mul(BYTES_PER_USER);
    (needed > machine.memory_bytes).then(|| {
        let (needed, free) = (needed >> 20, machine.memory_bytes >> 20);
        format!("the users need about {needed} MiB of memory, and {free} MiB are free: use several machines (--meet)")
    })
}

/// The addresses that were named; on the way to this machine itself, as many of its own as it takes.
fn sources(need: &Need, connections: u64) -> Vec<IpAddr> {
    if !need.sources.is_empty() || !need.is_loopback || connections <= CONNECTIONS_PER_SOURCE {
        return need.sources.clone();
    }
    let count = u32::try_from(connections.div_ceil(CONNECTIONS_PER_SOURCE)).unwrap_or(u32::MAX);
    let first = u32::from(Ipv4Addr::new(127, 1, 0, 1));
    (0..count.min(1 << 16)).map(|index| Ipv4Addr::from(first + index).into()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Crews, Machine, Need, plan};

    const SMALL: Machine = Machine { files: 20_000, processors: 2, ports: 28_232, memory_bytes: 24 << 30 };

    fn need(users: u64) -> Need {
        Need { users, connections_per_user: 1, is_loopback: true, workers: None, sources: Vec::new() }
    }

    fn obstacles(need: &Need, machine: &Machine) -> Vec<String> {
        plan(need, machine).unwrap_err().obstacles
    }

    #[test]
    fn a_few_users_need_nothing() {
        let crews = plan(&need(1_000), &SMALL).unwrap();
        assert_eq!(crews, Crews { workers: 1, threads: 2, sources: Vec::new() });
    }

    #[test]
    fn a_hundred_thousand_users_take_seven_processes_and_fifteen_addresses() {
        let crews = plan(&need(100_000), &SMALL).unwrap();
        assert_eq!((crews.workers, crews.threads, crews.sources.len()), (7, 1, 15));
        assert_eq!(crews.sources[14].to_string(), "127.1.0.15");
    }

    #[test]
    fn descriptors_bound_the_users_of_a_process() {
        let two_each = Need { connections_per_user: 2, ..need(15_000) };
        assert_eq!(plan(&two_each, &SMALL).unwrap().workers, 2);
        let one = Need { workers: Some(1), ..two_each };
        assert_eq!(
            obstacles(&one, &SMALL),
            [
                "each of 1 processes would hold 15,000 users, and may open 20,000 files: use --workers 2 or more, \
              or raise `ulimit -n`"
            ]
        );
    }

    #[test]
    fn everything_that_is_in_the_way_is_told_at_once() {
        let far = Need { is_loopback: false, workers: Some(2), ..need(100_000) };
        let machine = Machine { memory_bytes: 1 << 30, ..SMALL };
        let told = obstacles(&far, &machine);
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[1].contains("--source-address") && told[2].contains("1024 MiB are free"), "{told:?}");
    }
}
