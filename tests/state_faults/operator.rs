//! The operator's command, `scalectl migrate state`, is killed at any moment, and the next one goes on.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use scalectl::Exit;
use state_map::Phase;

use super::chance::Chance;
use super::site::Site;
use super::store::{Store, control_key};
use super::workload::Workload;
use crate::support::{Scalectl, WorkDir};

/// Commands that are killed.
const KILLS: usize = 10;

fn command(site: &Site, dir: &Arc<WorkDir>, words: &[&str]) -> Scalectl {
    let base = Scalectl::new(["migrate", "state"]).dir(dir).timeout(Duration::from_secs(60));
    let command = words.iter().fold(base, Scalectl::arg);
    command.arg("--redis").arg(site.store.url()).arg("--journal").arg("journal.jsonl")
}

/// The lock of a killed command lapses at last; the test does not wait for that.
fn forget_lock(site: &Site) {
    site.store.ask::<()>(&control_key(), &["DEL", "{stateMigration}:lock"]);
}

#[test]
fn the_operators_command_is_killed_at_any_moment_and_the_next_one_goes_on() {
    let mut site = Site::start(3, || Store::alone(Default::default()));
    let dir = Arc::new(WorkDir::new("operator"));
    let workload = Workload::start(&site, 4, 8, 9);
    let mut chance = Chance::new(9);
    for _ in 0..KILLS {
        workload.go_on(&site, 20);
        let words: &[&str] = match site.steering.phase() {
            Phase::Off => &["start"],
            phase if phase > Phase::Dual && chance.below(3) == 0 => &["rollback"],
            _ => &["advance"],
        };
        let mut running = command(&site, &dir, words).spawn();
        thread::sleep(Duration::from_millis(chance.next() % 300));
        running.process().kill();
        forget_lock(&site);
    }
    if site.steering.phase() == Phase::Off {
        command(&site, &dir, &["start"]).run().code(Exit::Done);
    }
    if site.steering.phase() < Phase::Shadow {
        command(&site, &dir, &["advance", "--to", "shadow", "--timeout", "30s"]).run().code(Exit::Done);
    }
    command(&site, &dir, &["journal"]).run().code(Exit::Done);
    workload.go_on(&site, 60);
    workload.stop();
    site.finish("the operator's command was killed again and again");
}
