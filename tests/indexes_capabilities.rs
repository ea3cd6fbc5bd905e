//! `scalectl migrate indexes capabilities`: what servers keep and enforce, against servers that do, servers that
//! only say so, and servers that go away while they are asked.

use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::doc;
use mongodb::bson::oid::ObjectId;
use rustix::process::Signal;
use scalectl::Exit;
use serde_json::Value;
use snapbox::str;

use crate::support::{Fault, MongoProxy, MongoServer, MongoSet, Output, Scalectl, When};

/// A specification that asks for three classes.
const SPEC: &str = "databases:\n  app:\n    collections:\n      people:\n        indexes:\n          - keys: {email: 1}\n            unique: true\n          - keys: {at: 1}\n            expireAfterSeconds: 60\n";

fn capabilities(uri: &str, database: &str) -> Scalectl {
    Scalectl::new(["migrate", "indexes", "capabilities", "--uri", uri, "--database", database])
}

fn report(command: Scalectl, exit: Exit) -> Value {
    command.arg("--output").arg("json").run().code(exit).stderr(str![""]).json()
}

/// The verdict on a class, and the server's number for its refusal.
fn verdict<'r>(report: &'r Value, class: &str) -> (&'r str, Option<i64>) {
    let found = report["capabilities"].as_array().unwrap().iter().find(|found| found["class"] == class);
    let found = found.unwrap_or_else(|| panic!("no {class} in {report:#}"));
    (found["verdict"].as_str().unwrap(), found["code"].as_i64())
}

fn evidence<'r>(report: &'r Value, class: &str) -> &'r str {
    let mut all = report["capabilities"].as_array().unwrap().iter();
    all.find(|found| found["class"] == class).unwrap()["evidence"].as_str().unwrap()
}

/// The names of the collections in the test's database.
fn collections(server: &MongoServer) -> Vec<String> {
    let names = server.run(doc! { "listCollections": 1, "nameOnly": true });
    let batch = names.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch")).unwrap();
    let name =
        |listed: &mongodb::bson::Bson| listed.as_document().unwrap().get_str("name").unwrap().to_owned();
    batch.iter().map(name).collect()
}

#[test]
fn a_faithful_server_keeps_what_it_accepts() {
    let server = MongoServer::start_with(&[]);
    let report = report(capabilities(server.uri(), server.database()), Exit::Failed);
    assert_eq!(report["server"]["product"], "SecantusDB");
    for class in [
        "ordered",
        "unique",
        "sparse",
        "partial",
        "ttl",
        "hidden",
        "collation",
        "2dsphere",
        "2d",
        "storageEngine",
        "prepareUnique",
        "convertUnique",
        "changeHidden",
        "changeTtl",
        "commitQuorum",
        "indexStats",
        "explain",
    ] {
        assert_eq!(verdict(&report, class), ("supported", None), "{class}: {report:#}");
    }
    for class in ["text", "hashed"] {
        assert_eq!(verdict(&report, class), ("rejected", Some(67)), "{class}: {report:#}");
    }
    // It lists wildcard indexes, and its planner never takes one.
    for class in ["wildcard", "wildcardProjection"] {
        assert_eq!(verdict(&report, class), ("notEnforced", None));
        assert_eq!(evidence(&report, class), "explain does not use it: the collection is scanned");
    }
    assert_eq!(collections(&server), Vec::<String>::new(), "nothing stays behind");
}

#[test]
fn a_specification_limits_what_is_asked() {
    let server = MongoServer::start();
    let command = capabilities(server.uri(), server.database()).file("indexes.yaml", SPEC);
    let output =
        command.arg("--spec").arg("indexes.yaml").hide_matches(r"(?m)^.* \(reports MongoDB .*$", "[SERVER]");
    let output = output.hide_matches("scalectl_test_[0-9_]+", "[DATABASE]").run();
    output.code(Exit::Done).stderr(str![""]).stdout(str![[r#"
[SERVER]
probed in scratch collections of [DATABASE], which were dropped

OPTION        VERDICT    EVIDENCE
ordered keys  supported  listed as it was asked for; explain uses it
unique        supported  listed as it was asked for; a second document with the same key was
                         refused; a build over duplicates was refused
TTL           supported  listed as it was asked for; its deletions were not waited for

3 of 3 supported

"#]]);
}

#[test]
fn another_server_s_gaps_are_found() {
    let server = MongoServer::with_failpoints();
    let report = report(capabilities(server.uri(), server.database()), Exit::Failed);
    for class in ["unique", "partial", "collation", "prepareUnique", "convertUnique", "changeTtl"] {
        assert_eq!(verdict(&report, class), ("supported", None), "{class}: {report:#}");
    }
    assert_eq!(verdict(&report, "text"), ("rejected", Some(67)));
    // It says ok to collMod with hidden, and does nothing.
    assert_eq!(verdict(&report, "changeHidden"), ("notEnforced", None));
    assert_eq!(collections(&server), Vec::<String>::new());
}

#[test]
fn the_pretender_is_recognized_and_none_of_its_words_is_taken() {
    let server = MongoServer::pretender();
    let report = report(capabilities(server.uri(), server.database()), Exit::Failed);
    assert_eq!(report["server"]["product"], "nx-27017");
    assert_eq!(report["server"]["evidence"], "buildInfo.process is nx_27017");
    for class in ["unique", "sparse", "partial", "hidden", "collation", "text", "hashed", "prepareUnique"] {
        assert_eq!(verdict(&report, class), ("notEnforced", None), "{class}: {report:#}");
    }
    assert_eq!(
        evidence(&report, "unique"),
        "listed under another name as {a: 1} unique; a build over duplicates was said to be done"
    );
    assert_eq!(verdict(&report, "wildcard").0, "rejected");
    let names = collections(&server);
    assert!(!names.iter().any(|name| name.starts_with("scalectl_probe_")), "{names:?}");
}

#[test]
fn without_probes_nothing_is_written_and_every_answer_says_so() {
    let server = MongoServer::start_with(&[]);
    let proxy = MongoProxy::start(&server);
    let command = capabilities(&proxy.uri(), server.database()).arg("--no-probes");
    let report = report(command, Exit::Inconclusive);
    for found in report["capabilities"].as_array().unwrap() {
        assert_eq!(found["verdict"], "unknown");
        assert!(found["evidence"].as_str().unwrap().ends_with("(not probed)"), "{found}");
    }
    assert_eq!(proxy.writes(), []);
    assert!(proxy.count("serverStatus") == 1 && proxy.count("listCollections") == 0, "{:?}", proxy.names());
}

#[test]
fn one_index_is_made_at_a_time_in_collections_of_its_own() {
    let server = MongoServer::start_with(&[]);
    let proxy = MongoProxy::start(&server);
    capabilities(&proxy.uri(), server.database()).run().code(Exit::Failed);
    for write in proxy.writes() {
        assert!(write.collection().starts_with("scalectl_probe_"), "{write:?}");
        assert_eq!(write.database, server.database());
        if write.name == "createIndexes" {
            assert_eq!(write.document.get_array("indexes").unwrap().len(), 1);
        }
    }
}

#[test]
fn an_account_that_may_not_write_is_refused() {
    let server = MongoServer::start_with(&[]);
    let proxy = MongoProxy::start(&server);
    proxy.fail(When::every("createIndexes"), Fault::Error(13, "not authorized on app to execute command"));
    let output = capabilities(&proxy.uri(), server.database())
        .hide_matches("scalectl_test_[0-9_]+", "[DATABASE]")
        .run();
    output.code(Exit::Refused).stdout(str![""]).stderr(str![[r#"
error: mongodb://127.0.0.1:[PORT]: not allowed to try options of indexes in [DATABASE] (--no-probes writes nothing): not authorized on app to execute command; docs/migrate-indexes.md lists the privileges that are needed

"#]]);
    assert_eq!(collections(&server), Vec::<String>::new());
}

#[test]
fn a_connection_that_is_lost_at_any_command_leaves_nothing_behind() {
    let server = MongoServer::start_with(&[]);
    let proxy = MongoProxy::start(&server);
    let ask = || {
        let command = capabilities(&proxy.uri(), server.database()).file("indexes.yaml", SPEC);
        command.arg("--spec").arg("indexes.yaml").run()
    };
    ask().code(Exit::Done);
    let commands = proxy.names();
    let first = commands.iter().position(|name| name == "insert").unwrap();
    for number in first + 1..=commands.len() {
        let fault = if number % 2 == 0 { Fault::CloseBefore } else { Fault::CloseAfter };
        proxy.fail(When::nth_of_all(number), fault);
        let output: Output = ask();
        output.code(Exit::Done);
        assert_eq!(
            collections(&server),
            Vec::<String>::new(),
            "{}: {}",
            commands[number - 1],
            output.report()
        );
        proxy.forgive();
    }
}

#[test]
fn a_connection_that_is_always_lost_is_the_end() {
    let server = MongoServer::start_with(&[]);
    let proxy = MongoProxy::start(&server);
    proxy.fail(When::every("createIndexes"), Fault::CloseAfter);
    let output = capabilities(&proxy.uri(), server.database()).run();
    output.code(Exit::Unreachable).stdout(str![""]).stderr_has("closed by server");
    assert_eq!(proxy.count("createIndexes"), 3);
    assert_eq!(collections(&server), Vec::<String>::new());
}

#[test]
fn a_server_that_goes_away_is_named_with_what_may_have_stayed_behind() {
    let server = MongoServer::start_with(&[]);
    let proxy = MongoProxy::start(&server);
    let held = proxy.hold_answer(When::next("createIndexes"));
    let running = capabilities(&proxy.uri(), server.database()).arg("--timeout").arg("1s").spawn();
    let scratch = held.wait().collection().to_owned();
    proxy.go_away();
    held.release();
    let output = running.wait(Duration::from_secs(30));
    let words = format!("the scratch collection {}.{scratch} may have stayed behind", server.database());
    output.code(Exit::Unreachable).stdout(str![""]).stderr_has(&words);
    assert_eq!(collections(&server), [scratch]);
}

#[test]
fn a_step_down_is_survived() {
    let set = MongoSet::start();
    let held = set.primary().hold_when(When::next("createIndexes"));
    let command = capabilities(&set.uri(), set.database()).file("indexes.yaml", SPEC);
    let running = command.arg("--spec").arg("indexes.yaml").spawn();
    held.wait();
    set.step_down();
    held.release();
    running.wait(Duration::from_secs(30)).code(Exit::Done);
    for number in 0..3 {
        let left = set.run_on(number, doc! { "listCollections": 1, "nameOnly": true });
        let left = left.get_document("cursor").unwrap().get_array("firstBatch").unwrap().clone();
        // What the old primary began was never seen by the others, and is not there either.
        assert_eq!(left, [], "member {number}");
    }
}

#[test]
fn ctrl_c_drops_the_scratch_collection() {
    let server = MongoServer::start_with(&[]);
    let proxy = MongoProxy::start(&server);
    let held = proxy.hold_answer(When::next("createIndexes"));
    let running = capabilities(&proxy.uri(), server.database()).spawn();
    held.wait();
    running.signal(Signal::INT);
    let output = running.wait(Duration::from_secs(20));
    output.code(Exit::Interrupted).stdout_has("interrupted before it was tried");
    assert_eq!(collections(&server), Vec::<String>::new());
    assert_eq!(proxy.names().last().map(String::as_str), Some("drop"));
}

#[test]
fn what_a_killed_run_left_is_dropped_after_an_hour_and_nothing_else() {
    let server = Arc::new(MongoServer::start());
    let create = |name: &str| drop(server.run(doc! { "create": name }));
    let mut old = ObjectId::new().bytes();
    old[..4].copy_from_slice(&1_700_000_000_u32.to_be_bytes());
    let old = format!("scalectl_probe_{}", ObjectId::from_bytes(old));
    let running = format!("scalectl_probe_{}", ObjectId::new());
    for name in [old.as_str(), running.as_str(), "scalectl_probe_notes", "people"] {
        create(name);
    }
    let command = capabilities(server.uri(), server.database()).file("indexes.yaml", SPEC);
    let report = report(command.arg("--spec").arg("indexes.yaml"), Exit::Done);
    assert_eq!(report["droppedLeftOvers"], serde_json::json!([old]));
    let mut left = collections(&server);
    left.sort();
    assert_eq!(left, ["people", running.as_str(), "scalectl_probe_notes"]);
}

#[test]
fn the_report_conforms_to_its_schema() {
    let server = MongoServer::start();
    let report = capabilities(server.uri(), server.database()).arg("--output").arg("json").run().json();
    crate::schemas::conforms("indexes-capabilities.json", &report);
}
