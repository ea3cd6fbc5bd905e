//! Several operators: one steers at a time, whoever lost the lock changes nothing, and a dead one keeps nobody out.

use rustix::process::Signal;
use scalectl::Exit;
use snapbox::str;
use state_map::Phase;
use state_map::control::Counts;
use state_map::wire::key::Space;

use super::site::{Instance, Site};
use crate::support::{Act, RedisProxy, Running, STARTUP, Which};

/// A command that waits for a gate, with the lock in its hand.
fn waiting(site: &Site) -> (Running, Instance) {
    let mut a = site.instance("a");
    site.steer(&["start"]).code(Exit::Done);
    a.follow();
    site.steer(&["advance"]).code(Exit::Done);
    a.follow();
    a.count(Counts { owed: 3, ..Counts::default() });
    let waiting = site.command(&["advance", "--timeout", "60s"]).spawn();
    waiting.wait_for_line(STARTUP, |line| line.starts_with("waiting: "));
    (waiting, a)
}

#[test]
fn of_two_operators_one_is_told_who_is_at_work() {
    let site = Site::start();
    let (first, mut a) = waiting(&site);
    site.steer(&["rollback"]).code(Exit::Refused).stdout(str![""]).stderr(str![[r#"
error: stateMigration: [WHO] is at work since [AT] (advance); the lock ends by itself 20.0s after its holder has ended

"#]]);
    site.command(&["status"]).run().code(Exit::Done).stdout_has("is at work (advance)");
    a.count(Counts::default());
    first.wait_for_line(STARTUP, |line| line.contains("has not acknowledged shadow"));
    a.follow();
    first.wait(STARTUP).code(Exit::Done);
    assert_eq!(site.at(), (Phase::Shadow, 3));
    site.command(&["journal"]).run().code(Exit::Done);
}

#[test]
fn an_operator_who_slept_past_the_lock_changes_nothing_more() {
    let site = Site::start();
    let (sleeper, mut a) = waiting(&site);
    sleeper.signal(Signal::STOP);
    site.run::<()>(redis::cmd("DEL").arg(Site::lock()));
    site.steer(&["rollback"]).code(Exit::Done);
    a.count(Counts::default());
    a.follow();
    let (at, journal) = (site.at(), site.journal());
    sleeper.signal(Signal::CONT);
    let output = sleeper.wait(STARTUP);
    output.code(Exit::Refused).stderr_has("somebody else has taken the operator's lock");
    assert_eq!((site.at(), site.journal()), (at, journal));
    site.command(&["journal"]).run().code(Exit::Done);
}

#[test]
fn an_operator_whose_connections_are_cut_goes_on() {
    let site = Site::start();
    let (waiting, mut a) = waiting(&site);
    site.run::<()>(redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").arg("SKIPME").arg("yes"));
    a.count(Counts::default());
    waiting.wait_for_line(STARTUP, |line| line.contains("has not acknowledged shadow"));
    site.run::<()>(redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").arg("SKIPME").arg("yes"));
    a.follow();
    waiting.wait(STARTUP).code(Exit::Done);
    assert_eq!(site.at(), (Phase::Shadow, 3));
    assert_eq!(site.journal().lines().count(), 6, "each change once, before and after");
    site.command(&["journal"]).run().code(Exit::Done);
    assert!(!site.has(&Site::lock()));
}

#[test]
fn what_is_sent_again_after_a_cut_counts_once() {
    let site = Site::start();
    let _a = site.instance("a");
    let proxy = RedisProxy::before(site.redis.port());
    // Of the lock and of the first entry: carried out, and nobody hears of it.
    for command in ["INCR", "XADD"] {
        let is_meant = move |words: &[String]| words[0] == "EVAL" && words[1].contains(command);
        proxy.act(Which::next(is_meant), Act::CloseAfter);
    }
    let start = ["start", "--timeout", "0s", "--map", "games=game:", "--instance-timeout", "50ms"];
    site.command_at(&proxy.url(), &start).run().code(Exit::Done).stdout_has("off -> dual (start), epoch 1.");
    let entries: u64 = site.run(redis::cmd("XLEN").arg(Space::default().journal()));
    assert_eq!((entries, site.journal().lines().count()), (2, 2));
    site.command(&["journal"]).run().code(Exit::Done);
    assert!(!site.has(&Site::lock()), "it was one's own, and is given back");
}

#[test]
fn the_lock_of_a_process_that_was_killed_is_taken_over_at_once() {
    let site = Site::start();
    let (mut killed, mut a) = waiting(&site);
    killed.process().kill();
    a.count(Counts::default());
    site.steer(&["advance"]).code(Exit::Done);
    assert_eq!(site.at(), (Phase::Shadow, 3));
}

#[test]
fn an_interrupt_ends_the_waiting_and_gives_the_lock_back() {
    let site = Site::start();
    let (running, _a) = waiting(&site);
    running.signal(Signal::INT);
    running.wait(STARTUP).code(Exit::Interrupted).stdout(str![""]);
    assert!(!site.run::<bool>(redis::cmd("EXISTS").arg(Site::lock())));
    assert_eq!(site.at(), (Phase::Backfill, 2));
}
