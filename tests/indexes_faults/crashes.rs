//! kill -9 of scalectl at every step and inside a build, and of the server inside a build.

use scalectl::Exit;

use super::site::{Case, SOON, Site, by_bridge, dropped, made_unique, side_by_side};
use super::watch::Watch;
use crate::support::{MongoProxy, MongoServer, When, wait_until};

/// Kills scalectl at the beginning of each step; the next run finishes.
#[track_caller]
fn survives_a_kill_at_every_step(case: &Case, is_served: bool) {
    let server = MongoServer::start();
    let site = Site::on(&server);
    for step in 1..=case.steps {
        site.lay(case, 200);
        let watch = is_served.then(|| Watch::over(&site, case));
        let mut killed = site.apply(&["--soak", "1s"]).spawn();
        killed.wait_for_line(SOON, |line| line.starts_with(&format!("[{step}/{}]", case.steps)));
        killed.process().kill();
        site.finishes(&["--soak", "1s"]);
        if let Some(watch) = watch {
            watch.end();
        }
    }
}

#[test]
fn a_replacement_side_by_side_survives_a_kill_at_every_step() {
    survives_a_kill_at_every_step(&side_by_side(), true);
}

#[test]
fn a_replacement_by_a_bridge_survives_a_kill_at_every_step() {
    survives_a_kill_at_every_step(&by_bridge(), true);
}

#[test]
fn a_conversion_to_unique_survives_a_kill_at_every_step() {
    survives_a_kill_at_every_step(&made_unique(), true);
}

#[test]
fn a_drop_survives_a_kill_at_every_step() {
    survives_a_kill_at_every_step(&dropped(), false);
}

#[test]
fn a_plan_goes_on_after_a_kill_inside_a_build_that_still_runs() {
    let server = MongoServer::start_with(&[]);
    let proxy = MongoProxy::start(&server);
    let site = Site::through(&proxy, &server);
    let case = side_by_side();
    site.lay(&case, 100_000);
    let watch = Watch::over(&site, &case);
    site.command(&["plan", "--out", "plan.json"]).run().code(Exit::Done);
    let held = proxy.hold("createIndexes");
    let mut killed = site.command(&["apply", "plan.json"]).spawn();
    held.wait();
    killed.process().kill();
    let before = proxy.count("createIndexes");
    let again = site.command(&["apply", "plan.json"]).spawn();
    wait_until("the second build", SOON, || proxy.count("createIndexes") > before);
    held.release();
    again.wait(SOON).code(Exit::Done);
    site.is_done();
    watch.end();
}

#[test]
fn a_plan_goes_on_after_a_kill_unless_another_index_has_changed_meanwhile() {
    let server = MongoServer::start_with(&[]);
    let proxy = MongoProxy::start(&server);
    let site = Site::through(&proxy, &server);
    site.fill(100);
    site.declare("indexes:\n  - keys: {author: 1}\n  - keys: {at: 1}");
    site.command(&["plan", "--out", "plan.json"]).run().code(Exit::Done);
    let held = proxy.hold_when(When::nth("createIndexes", 2));
    let mut killed = site.command(&["apply", "plan.json"]).spawn();
    held.wait();
    killed.process().kill();
    held.release();
    assert!(site.names().contains(&"author_1".to_owned()));
    site.create(mongodb::bson::doc! { "key": { "stray": 1 }, "name": "stray_1" });
    let refused = site.command(&["apply", "plan.json"]).run();
    refused.code(Exit::Refused).stderr_has("the plan is stale: things.stray_1 has changed since it was made");
    site.run(mongodb::bson::doc! { "dropIndexes": "things", "index": "stray_1" });
    site.command(&["apply", "plan.json"]).run().code(Exit::Done);
    assert_eq!(site.names(), ["at_1", "author_1"]);
    site.is_done();
}

#[test]
fn a_server_that_is_killed_inside_a_build_costs_only_time() {
    let mut server = MongoServer::start_with(&["--sync-on-commit"]);
    let proxy = MongoProxy::start(&server);
    let site = Site::through(&proxy, &server);
    let case = side_by_side();
    site.lay(&case, 100_000);
    let watch = Watch::over(&site, &case);
    let before = proxy.count("createIndexes");
    let running = site.apply(&[]).spawn();
    wait_until("the build", SOON, || proxy.count("createIndexes") > before);
    server.crash_and_restart();
    running.wait(SOON).code(Exit::Done);
    site.is_done();
    let seen = watch.end();
    let whole = seen.iter().flatten().all(|name| name == "_id_" || name.starts_with("author_1_at_-1"));
    assert!(whole, "{seen:?}");
}
