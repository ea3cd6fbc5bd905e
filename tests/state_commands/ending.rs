//! The end: what is collected, what stays, and how long tombstones are kept.

use scalectl::Exit;
use snapbox::str;
use state_map::Phase;
use state_map::wire::key::{Key, Space};

use super::site::{Instance, Site};

/// The least horizon of an instance that says nothing of its calls.
const SHORT: &str = "5s";

/// A run in `stop-old` that everybody has acknowledged, and the run's name.
fn ending(site: &Site, a: &mut Instance) -> String {
    let run = site.place(Phase::StopOld).run.to_string();
    a.follow();
    run
}

#[test]
fn a_tombstone_is_collected_at_the_end_and_a_living_key_keeps_its_record() {
    let site = Site::start();
    let mut a = site.instance("a");
    let run = ending(&site, &mut a);
    site.store("game:gone", &run, None);
    site.store("game:live", &run, Some("{}"));
    // Of others, with a name like that of a sidecar.
    site.run::<()>(redis::cmd("SET").arg("{cart}:m").arg("text"));
    site.steer(&["finish", "--horizon", SHORT]).code(Exit::Done).stdout(str![[r#"
stop-old -> done (advance), epoch 2.
Not acknowledged yet:
  a has not acknowledged done; it serves stop-old
1 tombstones, sidecars of absent keys and keys of earlier runs were collected.
The migration is done.

"#]]);
    assert!(!site.has("{game:gone}:m"));
    assert!(site.has("{game:live}:m") && site.has("game:live") && site.has("{cart}:m"));
    let fence = Key::from_name("game:gone").fence();
    assert_eq!(site.run::<u64>(redis::cmd("GET").arg(fence)), 1);
    site.steer(&["finish"]).code(Exit::Done).stdout(str![[r#"
Nothing to do: stateMigration is in done.
The migration is done.

"#]]);
}

#[test]
fn what_a_run_that_was_rolled_back_has_left_does_not_outlive_the_next() {
    let site = Site::start();
    let mut a = site.instance("a");
    site.steer(&["start"]).code(Exit::Done);
    a.follow();
    let first = site.survey().record.run.to_string();
    site.steer(&["rollback"]).code(Exit::Done);
    a.follow();
    site.steer(&["start"]).code(Exit::Done);
    a.follow();
    // Calls of the first run that were late.
    for key in ["game:left", "game:claimed"] {
        site.store(key, &first, Some("{}"));
    }
    // Of a migration that this journal knows nothing of.
    site.store("shop:1", &"2".repeat(32), Some("{}"));
    let second = ending(&site, &mut a);
    assert_ne!(first, second);
    let ending = site.command(&["finish", "--horizon", SHORT, "--timeout", "0s"]).spawn();
    site.store("game:claimed", &second, Some("newer"));
    ending.wait(crate::support::STARTUP).code(Exit::Done).stdout_has("1 tombstones, sidecars");
    assert!(!site.has("game:left") && !site.has("{game:left}:m"));
    assert!(site.has("game:claimed") && site.has("{game:claimed}:m"), "this run has it now");
    assert!(site.has("shop:1") && site.has("{shop:1}:m"), "not ours to delete");
}

#[test]
fn tombstones_outlive_every_call_of_an_instance() {
    let site = Site::start();
    let (mut a, mut b) = (site.instance("a"), site.instance("b"));
    ending(&site, &mut a);
    b.report.call_life_ms = 90_000;
    b.follow();
    site.steer(&["finish", "--horizon", "60s"]).code(Exit::Refused).stdout(str![""]).stderr(str![[r#"
error: a horizon of 1m00s is too short: a call of b may be carried out 1m30s after it was sent, and would bring a deleted value back; --horizon has to be 1m35s or longer

"#]]);
    assert_eq!(site.at().0, Phase::StopOld);
}

#[test]
fn a_run_whose_rollback_was_written_down_and_not_made_keeps_its_values() {
    let site = Site::start();
    let mut a = site.instance("a");
    site.steer(&["start"]).code(Exit::Done);
    a.follow();
    let dual = site.survey().record;
    site.steer(&["rollback"]).code(Exit::Done);
    // A fail-over has lost it, and the run went on.
    let fields = [
        ("epoch", dual.stamp.epoch.to_string()),
        ("nonce", dual.stamp.nonce.to_string()),
        ("phase", "dual".into()),
    ];
    site.run::<()>(redis::cmd("HSET").arg(Space::default().control()).arg(&fields));
    let run = ending(&site, &mut a);
    assert_eq!(run, dual.run.to_string());
    site.store("game:live", &run, Some("{}"));
    site.steer(&["finish", "--horizon", SHORT]).code(Exit::Done).stdout_has("0 tombstones, sidecars");
    assert!(site.has("game:live") && site.has("{game:live}:m"));
}
