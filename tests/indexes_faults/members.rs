//! Members that lag, lack an index or are gone; progress of a build on each.

use std::time::Duration;

use scalectl::Exit;

use super::site::{SOON, Site, side_by_side};
use crate::support::MongoSet;

#[test]
fn an_index_that_one_member_lacks_is_waited_for_and_then_named_with_the_member() {
    let set = MongoSet::start();
    let site = Site::on_set(&set);
    site.lay(&side_by_side(), 100);
    set.stop_replication(2);
    set.set_lag(2, Duration::from_secs(30));
    let failed = site.apply(&["--member-timeout", "1s"]).run();
    let address = set.member(2).address();
    let missing = format!("{address}: author_1_at_-1_r");
    failed.code(Exit::Resumable).stderr_has(&missing).stderr_has("is not listed, it is 30 s behind, after 1");
    failed.stderr_has("to go on: scalectl migrate indexes apply (the same arguments)");
    assert!(site.names().contains(&"author_1_at_-1".to_owned()), "the old one stays");
    // The member catches up.
    set.start_replication(2);
    let missed = set.run_on(0, mongodb::bson::doc! { "listIndexes": "things" });
    let listed = missed.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
    let new = listed.last().unwrap().as_document().unwrap().clone();
    set.run_on(2, mongodb::bson::doc! { "createIndexes": "things", "indexes": [new] });
    site.finishes(&[]);
}

#[test]
fn a_member_that_is_gone_is_named_before_anything_is_changed() {
    let set = MongoSet::start();
    let site = Site::on_set(&set);
    site.lay(&side_by_side(), 100);
    set.kill(2);
    set.primary().forget();
    let refused = site.apply(&[]).run();
    refused.code(Exit::Refused).stderr_has(&format!("{} is not well", set.member(2).address()));
    assert_eq!(set.primary().writes(), []);
    assert_eq!(site.names(), ["author_1_at_-1"]);
    set.revive(2);
    site.finishes(&[]);
}

#[test]
fn a_log_tells_how_far_the_build_is_on_each_member() {
    let set = MongoSet::start();
    let site = Site::on_set(&set);
    site.lay(&side_by_side(), 100);
    let held = set.primary().hold("createIndexes");
    held.progress(7_000, 10_000);
    held.progress_on(1, 3_000, 10_000);
    let running = site.apply(&[]).spawn();
    for (member, done) in [(0, "7,000"), (1, "3,000"), (2, "7,000")] {
        let line = format!("{}: {done} of 10,000", set.member(member).address());
        running.wait_for_line(SOON, |text| text.contains(&line));
    }
    held.release();
    running.wait(SOON).code(Exit::Done);
}
