//! The journal: what it shows, what breaks it, and what two copies of it are for.

use scalectl::Exit;
use snapbox::str;
use state_map::Phase;
use state_map::wire::key::Space;

use super::site::Site;
use crate::schemas::conforms;

/// A run in `dual` that everybody has acknowledged; its journal has two entries.
fn started() -> Site {
    let site = Site::start();
    let mut a = site.instance("a");
    site.steer(&["start"]).code(Exit::Done);
    a.follow();
    site
}

#[test]
fn each_decision_is_there_with_its_evidence() {
    let site = started();
    site.command(&["journal"]).run().code(Exit::Done).stdout(str![[r#"
ENTRY  AT [..] WHO [..] WHAT
1      [AT]  [WHO]  start: off -> dual, epoch 1 (instances: 1)
2      [AT]  [WHO]  epoch 1 is there

The journal is whole: every checksum fits, in the file and in Redis.

"#]]);
    let report = site.command(&["journal", "--output", "json"]).run().code(Exit::Done).json();
    conforms("state-journal.json", &report);
    assert_eq!(report["entries"][0]["entry"]["evidence"]["members"]["a"]["report"]["serving"], "off");
}

#[test]
fn a_changed_entry_stops_every_command_that_steers() {
    let site = started();
    let journal = site.journal();
    site.write_journal(&journal.replace("\"epoch\":1", "\"epoch\":7"));
    site.command(&["journal"])
        .run()
        .code(Exit::Failed)
        .stdout_has("The journal is not whole: .scalectl/state-stateMigration.jsonl: entry 1 was changed");
    site.command(&["status"]).run().code(Exit::Done).stdout_has("the journal is not whole");
    site.steer(&["advance"]).code(Exit::Refused).stderr(str![[r#"
error: the journal .scalectl/state-stateMigration.jsonl is not as it was written: entry 1 was changed; entry 2 was changed. Nothing is decided on it: move .scalectl/state-stateMigration.jsonl out of the way, and the other copy is gone on with. `scalectl migrate state journal` shows both

"#]]);
    assert_eq!(site.at(), (Phase::Dual, 1));
    std::fs::remove_file(site.dir.join(".scalectl/state-stateMigration.jsonl")).unwrap();
    site.steer(&["advance"]).code(Exit::Done);
    assert_eq!(site.journal().lines().count(), 4, "brought up to date from Redis");
    site.command(&["journal"]).run().code(Exit::Done);
}

#[test]
fn an_entry_that_was_only_begun_is_said_and_gone_on_after() {
    let site = started();
    let journal = site.journal();
    site.write_journal(&format!("{journal}{}", &journal[..50]));
    site.steer(&["advance"]).code(Exit::Done).stderr(str![[r#"
the last entry of the journal on disk was only begun: the machine stopped before anything was changed

"#]]);
    assert_eq!(site.journal().lines().count(), 4);
    site.command(&["journal"]).run().code(Exit::Done);
}

#[test]
fn epochs_of_the_journal_on_disk_are_not_used_again_after_redis_lost_them() {
    let site = started();
    site.steer(&["advance"]).code(Exit::Done);
    // A fail-over: the change to epoch 2 and what the stream had of it are gone, and nobody has seen it.
    let space = Space::default();
    let fields = [("epoch", "1"), ("phase", "dual"), ("prev", "off")];
    site.run::<()>(redis::cmd("HSET").arg(space.control()).arg(&fields));
    let view = site.survey();
    let nonce = view.members["a"].ack.nonce.to_string();
    site.run::<()>(redis::cmd("HSET").arg(space.control()).arg("nonce").arg(nonce));
    site.forget_entries(2);
    site.steer(&["advance"]).code(Exit::Done);
    assert_eq!(site.at(), (Phase::Backfill, 3), "epoch 2 had another meaning");
}

#[test]
fn a_change_that_was_written_down_and_not_made_is_told() {
    let site = started();
    site.steer(&["advance"]).code(Exit::Done);
    // As if the process had been killed after the entry, before the change was confirmed.
    let journal = site.journal();
    let lines: Vec<&str> = journal.lines().collect();
    site.write_journal(&format!("{}\n", lines[..3].join("\n")));
    site.forget_entries(3);
    site.steer(&["rollback"]).code(Exit::Done).stderr(str![[r#"
an earlier command ended in the middle of dual -> backfill: the change was made

"#]]);
    assert_eq!(site.at(), (Phase::Dual, 3));
}
