//! Two operators at once, an operator who stops it, one who may not, and a server that is too old.

use mongodb::bson::{DateTime, doc};
use rustix::process::Signal;
use scalectl::Exit;

use super::site::{SOON, Site, dropped, made_unique, side_by_side};
use super::watch::Watch;
use crate::support::{Fault, MongoProxy, MongoServer, When, wait_until};

#[test]
fn of_two_operators_one_is_told_who_is_at_work_and_since_when() {
    let server = MongoServer::start_with(&[]);
    let proxy = MongoProxy::start(&server);
    let site = Site::through(&proxy, &server);
    site.lay(&side_by_side(), 100);
    let held = proxy.hold("createIndexes");
    let mut first = site.apply(&[]).spawn();
    held.wait();
    let second = site.apply(&[]).run();
    let process = first.process().pid().as_raw_nonzero();
    second.code(Exit::Refused).stderr_has(&format!("{}: locked by tester@", site.database));
    second.stderr_has(&format!("(process {process}) since 20"));
    held.release();
    first.wait(SOON).code(Exit::Done);
    site.is_done();
}

#[test]
fn an_operator_who_slept_past_the_lock_touches_nothing_more() {
    let server = MongoServer::start_with(&[]);
    let proxy = MongoProxy::start(&server);
    let sleeper = Site::through(&proxy, &server);
    let case = side_by_side();
    sleeper.lay(&case, 100);
    let watch = Watch::over(&sleeper, &case);
    proxy.forget();
    let sleeping = sleeper.apply(&["--soak", "1h"]).spawn();
    // The beginning of the run, two entries for each of three steps, and the beginning of the soak.
    wait_until("the soak", SOON, || proxy.count("insert") == 8);
    sleeping.signal(Signal::STOP);
    let past = DateTime::from_millis(1);
    let expired = doc! { "q": { "_id": "indexes" }, "u": { "$set": { "expiresAt": past } } };
    sleeper.run(doc! { "update": "scalectl.locks", "updates": [expired] });
    let other = Site::on(&server);
    other.declare(case.declared);
    other.apply(&["--soak", "0s"]).run().code(Exit::Done);
    let names = other.names();
    proxy.forget();
    sleeping.signal(Signal::CONT);
    let output = sleeping.wait(SOON);
    output.code(Exit::Resumable).stderr_has("was taken over by somebody else");
    let touched = proxy.writes().into_iter().filter(|command| command.collection() != "scalectl.locks");
    assert_eq!(touched.collect::<Vec<_>>(), []);
    watch.end();
    assert_eq!(other.names(), names);
    other.is_done();
}

#[test]
fn an_interrupt_ends_a_soak_and_a_second_run_finishes() {
    let server = MongoServer::start();
    let site = Site::on(&server);
    site.lay(&dropped(), 100);
    let running = site.apply(&["--soak", "1h"]).spawn();
    running.wait_for_line(SOON, |line| line.starts_with("[2/3]"));
    running.signal(Signal::INT);
    let output = running.wait(SOON);
    output
        .code(Exit::Interrupted)
        .stdout_has("To go on: scalectl migrate indexes apply (the same arguments)");
    assert_eq!(site.names(), ["stray_1"]);
    site.finishes(&["--soak", "0s"]);
    assert_eq!(site.names(), [""; 0]);
}

#[test]
fn an_interrupt_ends_the_waiting_for_a_build_and_a_second_run_finishes() {
    let server = MongoServer::start_with(&[]);
    let proxy = MongoProxy::start(&server);
    let site = Site::through(&proxy, &server);
    let case = side_by_side();
    site.lay(&case, 100);
    let watch = Watch::over(&site, &case);
    let held = proxy.hold("createIndexes");
    let running = site.apply(&[]).spawn();
    held.wait();
    running.signal(Signal::INT);
    let output = running.wait(SOON);
    output
        .code(Exit::Interrupted)
        .stdout_has("To go on: scalectl migrate indexes apply (the same arguments)");
    held.release();
    site.finishes(&[]);
    watch.end();
}

#[test]
fn who_may_not_build_is_told_what_is_needed() {
    let server = MongoServer::start_with(&[]);
    let proxy = MongoProxy::start(&server);
    let site = Site::through(&proxy, &server);
    site.lay(&side_by_side(), 100);
    proxy.fail(When::next("createIndexes"), Fault::Error(13, "not authorized on app to execute command"));
    let refused = site.apply(&[]).run();
    refused.code(Exit::Resumable).stderr_has("not allowed to build author_1_at_-1_r");
    refused.stderr_has(&proxy.address()).stderr_has("(it needs the action createIndex)");
    refused.stderr_has("docs/migrate-indexes.md lists the privileges");
    assert_eq!(site.names(), ["author_1_at_-1"]);
    site.finishes(&[]);
}

#[test]
fn a_server_that_cannot_hide_indexes_is_refused_what_needs_it() {
    let server = MongoServer::start_with(&[]);
    let proxy = MongoProxy::start(&server);
    let site = Site::through(&proxy, &server);
    site.lay(&dropped(), 100);
    let old = doc! { "version": "4.2.24", "versionArray": [4, 2, 24, 0], "ok": 1.0 };
    proxy.fail(When::every("buildInfo"), Fault::Answer(old));
    proxy.forget();
    let refused = site.apply(&[]).run();
    refused.code(Exit::Refused).stderr_has("is too old: version 4.2.24, and indexes can be hidden");
    refused.stderr_has("since 4.4");
    assert_eq!(proxy.writes(), []);
    // What is only new needs no hiding.
    site.declare("indexes:\n  - keys: {author: 1}");
    site.apply(&[]).run().code(Exit::Done);
}

#[test]
fn duplicates_that_come_after_the_plan_are_named_and_tolerated_again() {
    let server = MongoServer::start_with(&[]);
    let proxy = MongoProxy::start(&server);
    let site = Site::through(&proxy, &server);
    let case = made_unique();
    site.lay(&case, 10);
    let watch = Watch::over(&site, &case);
    let held = proxy.hold("collMod");
    let running = site.apply(&[]).spawn();
    held.wait();
    site.run(doc! { "insert": "things", "documents": [{ "_id": 4_711, "slug": "s7" }] });
    held.release();
    let failed = running.wait(SOON);
    failed
        .code(Exit::Resumable)
        .stderr_has("documents have the same key; mend them first")
        .stderr_has("4711");
    site.run(doc! { "insert": "things", "documents": [{ "_id": 4_712, "slug": "s8" }] });
    for id in [4_711, 4_712] {
        site.run(doc! { "delete": "things", "deletes": [{ "q": { "_id": id }, "limit": 1 }] });
    }
    site.finishes(&[]);
    watch.end();
}
