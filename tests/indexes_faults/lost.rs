//! Connections that are lost with any command, and elections.

use std::collections::BTreeSet;
use std::time::Duration;

use mongodb::bson::doc;
use scalectl::Exit;

use super::site::{SOON, Site, by_bridge, side_by_side};
use super::watch::Watch;
use crate::support::{Fault, MongoProxy, MongoServer, MongoSet, Output, When};

/// Every command by which something is changed.
const WRITES: [&str; 6] = ["findAndModify", "update", "insert", "createIndexes", "collMod", "dropIndexes"];
/// The server's numbers for an election.
const ELECTIONS: [(i32, &str); 2] = [(10_107, "not primary"), (189, "the primary has stepped down")];

/// It came to its end, or says what to do next.
#[track_caller]
fn is_told(output: &Output) {
    let codes = [Exit::Done, Exit::Resumable, Exit::Unreachable].map(|exit| i32::from(exit.code()));
    assert!(output.status.code().is_some_and(|code| codes.contains(&code)), "{}", output.report());
    if output.status.code() == Some(i32::from(Exit::Resumable.code())) {
        output.stderr_has("to go on: scalectl migrate indexes apply (the same arguments)");
    }
}

/// Loses the connection with each command that a run sends.
fn survives_lost_connections(fault: &Fault) {
    let server = MongoServer::start_with(&[]);
    let proxy = MongoProxy::start(&server);
    let site = Site::through(&proxy, &server);
    let case = side_by_side();
    site.lay(&case, 100);
    proxy.forget();
    site.apply(&[]).run().code(Exit::Done);
    let names: BTreeSet<String> = proxy.names().into_iter().collect();
    assert!(WRITES.iter().all(|name| names.contains(*name)), "{names:?}");
    for name in names {
        site.lay(&case, 100);
        proxy.fail(When::next(&name), fault.clone());
        let output = site.apply(&[]).run();
        is_told(&output);
        if WRITES.contains(&name.as_str()) {
            output.code(Exit::Done);
        }
        proxy.forgive();
        site.finishes(&[]);
    }
}

#[test]
fn connections_that_are_lost_before_a_command_is_done_cost_nothing() {
    survives_lost_connections(&Fault::CloseBefore);
}

#[test]
fn connections_that_are_lost_after_a_command_was_done_cost_nothing() {
    survives_lost_connections(&Fault::CloseAfter);
}

#[test]
fn answers_that_are_lost_again_and_again_cost_nothing() {
    let server = MongoServer::start_with(&[]);
    let proxy = MongoProxy::start(&server);
    let site = Site::through(&proxy, &server);
    site.lay(&side_by_side(), 100);
    // Of three attempts, the driver's own second one among them, two are done and not heard of.
    for name in WRITES {
        for number in (1..60).filter(|number| number % 3 != 0) {
            proxy.fail(When::nth(name, number), Fault::CloseAfter);
        }
    }
    site.apply(&[]).run().code(Exit::Done);
    proxy.forgive();
    site.is_done();
}

#[test]
fn a_server_that_stays_away_is_given_up_after_the_time_that_was_allowed() {
    let server = MongoServer::start_with(&[]);
    let proxy = MongoProxy::start(&server);
    let site = Site::through(&proxy, &server);
    let case = by_bridge();
    site.lay(&case, 100);
    let held = proxy.hold("collMod");
    let running = site.apply(&["--timeout", "500ms", "--member-timeout", "1s"]).spawn();
    held.wait();
    proxy.go_away();
    held.release();
    let output = running.wait(SOON);
    output.code(Exit::Resumable).stderr_has("to go on: scalectl migrate indexes apply (the same arguments)");
    assert!(output.took < Duration::from_secs(15), "{}", output.report());
    proxy.come_back();
    proxy.forgive();
    site.finishes(&[]);
}

#[test]
fn an_election_in_the_midst_of_any_command_is_waited_for() {
    let server = MongoServer::start_with(&[]);
    let proxy = MongoProxy::start(&server);
    let site = Site::through(&proxy, &server);
    let case = side_by_side();
    for (code, message) in ELECTIONS {
        for name in WRITES {
            site.lay(&case, 100);
            proxy.fail(When::next(name), Fault::Error(code, message));
            site.apply(&[]).run().code(Exit::Done);
            proxy.forgive();
        }
        site.is_done();
    }
}

#[test]
fn an_election_by_a_fail_point_is_waited_for() {
    let server = MongoServer::with_failpoints();
    // Else the driver waits to be told of a change of the set, which a fail point does not make.
    let site = Site::at(&format!("{}/?serverMonitoringMode=poll", server.uri()), server.database());
    let case = side_by_side();
    for name in WRITES {
        site.lay(&case, 20);
        server.admin(doc! {
            "configureFailPoint": "failCommand", "mode": { "times": 1 },
            "data": { "failCommands": [name], "errorCode": 10_107 },
        });
        site.apply(&[]).run().code(Exit::Done);
    }
    site.is_done();
}

#[test]
fn a_build_is_finished_by_the_new_primary() {
    let set = MongoSet::start();
    let site = Site::on_set(&set);
    let case = side_by_side();
    site.lay(&case, 100);
    let watch = Watch::over(&site, &case);
    let held = set.primary().hold("createIndexes");
    let running = site.apply(&[]).spawn();
    held.wait();
    set.step_down();
    held.release();
    running.wait(SOON).code(Exit::Done);
    site.is_done();
    watch.end();
    for member in 0..3 {
        assert_eq!(set.indexes_of(member, "things").len(), 2);
    }
    assert!(set.primary().writes().iter().any(|command| command.name == "createIndexes"));
}
