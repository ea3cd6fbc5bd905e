//! The operator's command, `scalectl migrate state`: the whole way with it alone, and killed at any moment.

use std::thread;
use std::time::Duration;

use scalectl::Exit;
use state_map::Phase;

use super::chance::Chance;
use super::instance::horizon;
use super::site::Site;
use super::store::{Store, control_key};
use super::workload::Workload;

/// Commands that are killed.
const KILLS: usize = 10;

/// The lock of a killed command lapses at last; the test does not wait for that.
fn forget_lock(site: &Site) {
    site.store.ask::<()>(&control_key(), &["DEL", "{stateMigration}:lock"]);
}

#[test]
fn the_operators_command_is_killed_at_any_moment_and_the_next_one_goes_on() {
    let mut site = Site::start(3, || Store::alone(Default::default()));
    let workload = Workload::start(&site, 4, 8, 9);
    let mut chance = Chance::new(9);
    for _ in 0..KILLS {
        workload.go_on(&site, 20);
        let words: &[&str] = match site.steering.phase() {
            Phase::Off => &["start"],
            phase if phase > Phase::Dual && chance.below(3) == 0 => &["rollback"],
            _ => &["advance"],
        };
        let mut running = site.command(words).spawn();
        thread::sleep(Duration::from_millis(chance.next() % 300));
        running.process().kill();
        forget_lock(&site);
    }
    if site.steering.phase() == Phase::Off {
        site.command(&["start"]).run().code(Exit::Done);
    }
    if site.steering.phase() < Phase::Shadow {
        site.command(&["advance", "--to", "shadow", "--timeout", "30s"]).run().code(Exit::Done);
    }
    site.command(&["journal"]).run().code(Exit::Done);
    workload.go_on(&site, 60);
    workload.stop();
    site.finish("the operator's command was killed again and again");
}

/// Verifies until nothing differs: keys that were written a moment ago settle first.
fn verify(site: &Site) {
    site.command(&["verify", "--settle", "1s"]).run().code(Exit::Done);
}

#[test]
fn the_whole_way_by_the_operators_command_alone() {
    let mut site = Site::start(3, || Store::alone(Default::default()));
    let workload = Workload::start(&site, 4, 8, 5);
    workload.go_on(&site, 60);
    site.command(&["start"]).run().code(Exit::Done);
    for (phase, is_verified) in
        [("shadow", false), ("read-new", true), ("strict", true), ("primary-new", false)]
    {
        if is_verified {
            verify(&site);
        }
        let advance = ["advance", "--to", phase, "--yes", "--timeout", "30s"];
        site.command(&advance).run().code(Exit::Done);
        workload.go_on(&site, 60);
    }
    let finish = ["finish", "--yes", "--horizon", &horizon(), "--timeout", "30s"];
    site.command(&finish).timeout(Duration::from_secs(60)).run().code(Exit::Done);
    workload.go_on(&site, 60);
    workload.stop();
    assert_eq!(site.steering.phase(), Phase::Done);
    site.check("the whole way by command");
    for key in site.ledger.keys() {
        assert!(
            site.store.list(&key).is_some()
                || site.store.sidecar(&key, "run").is_empty()
                || has_life(&site, &key)
        );
    }
}

/// Whether the sidecar of a list goes by itself: so it is with tombstones made in `done`.
fn has_life(site: &Site, id: &str) -> bool {
    let key = super::store::list_key(id);
    site.store.ask::<i64>(&key, &["PTTL", &key.sidecar()]) > 0
}
