//! `scalectl serve --instances N`: several processes under a supervisor, and the ways to look at them.

use std::collections::BTreeSet;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;

use super::http::get;
use super::reference::served_at;
use super::scalectl::{Running, Scalectl};

/// Instances under a supervisor.
#[derive(Debug)]
pub struct Fleet {
    /// The supervisor.
    pub running: Running,
    /// Where all of them listen, `127.0.0.1:PORT`.
    pub authority: String,
}

impl Fleet {
    /// Starts so many on a free port, with more arguments of `scalectl serve`.
    #[track_caller]
    pub fn start(instances: u32, args: &[&str]) -> Self {
        Self::run(
            Scalectl::new(["serve", "--listen", "127.0.0.1:0", "--instances", &instances.to_string()]),
            args,
        )
    }

    /// Starts what `command` says, with more arguments.
    #[track_caller]
    pub fn run(command: Scalectl, args: &[&str]) -> Self {
        let running = args.iter().fold(command, Scalectl::arg).spawn();
        let authority = served_at(&running);
        Self { running, authority }
    }

    /// The processes of the instances; each thread of the supervisor has its own list.
    pub fn pids(&mut self) -> BTreeSet<i32> {
        let tasks = format!("/proc/{}/task", self.running.process().pid().as_raw_nonzero());
        let threads = std::fs::read_dir(tasks).unwrap().flatten();
        let children = threads.flat_map(|thread| std::fs::read_to_string(thread.path().join("children")));
        children
            .flat_map(|list| list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>())
            .collect()
    }

    /// The numbers of those who answered one of forty requests.
    pub fn instances_that_answer(&self) -> BTreeSet<u64> {
        let answers = (0..40).map(|_| get(&self.authority, "/health").1);
        answers
            .map(|body| serde_json::from_str::<Value>(&body).unwrap()["instance"].as_u64().unwrap())
            .collect()
    }

    /// The values of one metric, by instance.
    #[track_caller]
    pub fn metric(&self, query: &str, series: &str) -> Vec<(String, f64)> {
        let (status, text) = get(&self.authority, &format!("/metrics{query}"));
        assert_eq!(status, 200, "{text}");
        let lines = text.lines().filter(|line| line.starts_with(series));
        lines
            .map(|line| line.rsplit_once(' ').unwrap())
            .map(|(s, v)| (s.to_owned(), v.parse().unwrap()))
            .collect()
    }

    /// The sum of one metric over the instances that answer.
    #[track_caller]
    pub fn sum(&self, series: &str) -> f64 {
        self.metric("", series).iter().map(|(_, value)| value).sum()
    }

    /// Whether every instance answers for its measurements.
    #[track_caller]
    pub fn is_up(&self) -> bool {
        self.metric("", "instance_up{").iter().all(|(_, up)| *up == 1.0)
    }
}

/// Sends a signal to one instance.
#[track_caller]
pub fn signal_instance(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// Whether there is a process of this number.
pub fn is_alive(pid: i32) -> bool {
    Pid::from_raw(pid).is_some_and(|pid| test_kill_process(pid).is_ok())
}
