//! What keeps a run from beginning, and what does not.

use scalectl::Exit;
use state_map::Phase;

use super::site::Site;
use crate::support::Output;

/// What `plan` says on the terms that [`Site::steer`] starts on.
fn plan(site: &Site) -> Output {
    site.command(&["plan", "--map", "games=game:", "--instance-timeout", "50ms"]).run()
}

/// A report without its numbers: of some, such as clocks, no two are equal.
fn lasting(report: &str) -> String {
    report.split(|c: char| c.is_ascii_digit()).filter(|part| !part.is_empty()).collect()
}

#[test]
fn a_start_refuses_what_a_plan_refuses_with_the_same_report() {
    let site = Site::start();
    let _a = site.instance("a");
    site.run::<()>(redis::cmd("SET").arg("game:1").arg("of others"));
    site.run::<()>(redis::cmd("CONFIG").arg("SET").arg("maxmemory-policy").arg("allkeys-lru"));
    let planned = plan(&site);
    let planned = planned.code(Exit::Refused).stdout_has("game:1").stdout_has("allkeys-lru");
    for start in [&["start"][..], &["start", "--auto", "--yes"]] {
        let refused = site.steer(start);
        refused.code(Exit::Refused);
        assert_eq!(lasting(&refused.stdout), lasting(&planned.stdout));
    }
    assert_eq!(site.at(), (Phase::Off, 0));
    assert!(!site.dir.join(".scalectl/state-stateMigration.jsonl").exists(), "nothing was decided");
    site.run::<()>(redis::cmd("CONFIG").arg("SET").arg("maxmemory-policy").arg("noeviction"));
    site.steer(&["start", "--replace"])
        .code(Exit::Done)
        .stderr_has("mind: keys of game:: --replace: they are deleted when an instance claims their names");
    let journal = site.command(&["journal", "--output", "json"]).run().json();
    let checks = journal["entries"][0]["entry"]["evidence"]["checks"].as_array().unwrap().clone();
    let found = "told: keys of game:: 1 keys that this run did not write, such as game:1";
    assert!(checks.iter().any(|check| check == found), "{checks:?}");
}

#[test]
fn what_an_earlier_run_has_left_is_told_and_keeps_nobody_from_starting() {
    let site = Site::start();
    let _a = site.instance("a");
    site.store("game:left", &"1".repeat(32), Some("{}"));
    plan(&site).code(Exit::Done).stdout_has("1 keys of an earlier run, such as game:left");
    site.steer(&["start"]).code(Exit::Done).stderr_has(
        "mind: keys of game:: no instance looks at them: those of the run before go when the next begins, those of earlier ones when it ends",
    );
}
