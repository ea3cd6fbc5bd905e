//! What the instances tell of themselves, judged. Pure.

use std::collections::{BTreeMap, BTreeSet};

use state_map::Id;
use state_map::control::Proof;
use state_map::wire::PROTOCOL;
use state_map::wire::call::Surveyed;

use super::report::Check;
use crate::state::verify::maps::Maps;

/// Clocks that are further apart are told.
const SKEW_MS: u64 = 1_000;
/// Processes that took one name from one another within so long: two of them run at once.
const QUARREL_MS: u64 = 60_000;

/// All checks of the instances.
pub fn check(surveyed: &Surveyed) -> Vec<Check> {
    let mut checks = vec![registered(surveyed)];
    for (name, member) in &surveyed.members {
        if member.report.protocol != PROTOCOL {
            let found = format!("protocol {}, and this tool speaks {PROTOCOL}", member.report.protocol);
            checks.push(Check::refused(
                "protocol",
                name,
                found,
                "bring the instance and the tool to one version",
            ));
        }
        if member.report.wall_skew_ms.unsigned_abs() > SKEW_MS {
            let found = format!("{} ms away from Redis'", member.report.wall_skew_ms);
            checks.push(Check::told("clock", name, found, "told only: no decision is taken by it"));
        }
    }
    checks.extend(quarrels(surveyed));
    checks
}

fn registered(surveyed: &Surveyed) -> Check {
    let name = "instances";
    let all: Vec<&str> = surveyed.members.keys().map(String::as_str).collect();
    let lapsed = surveyed.members.iter().filter(|(_, member)| member.lease_until_ms < surveyed.now_ms);
    let lapsed: Vec<&str> = lapsed.map(|(name, _)| name.as_str()).collect();
    if all.is_empty() {
        let repair = "start the application with the address and the namespace of this migration";
        return Check::refused(name, "", "none is registered", repair);
    }
    if !lapsed.is_empty() {
        let found = format!("not heard of lately: {}", lapsed.join(", "));
        let repair = "wait for them, or stop them and `scalectl migrate state evict NAME --stopped`";
        return Check::refused(name, "", found, repair);
    }
    Check::well(name, "", all.join(", "))
}

/// Names that several processes have taken from one another lately.
fn quarrels(surveyed: &Surveyed) -> Vec<Check> {
    let mut succeeded: BTreeMap<&str, usize> = BTreeMap::new();
    for dead in surveyed.dead.values() {
        let is_recent = dead.at_ms + QUARREL_MS > surveyed.now_ms;
        if dead.proof == Proof::Succeeded && is_recent && surveyed.members.contains_key(&dead.name) {
            *succeeded.entry(&dead.name).or_default() += 1;
        }
    }
    let often = succeeded.into_iter().filter(|(_, times)| *times > 1);
    let quarrel = |(name, times): (&str, usize)| {
        let found = format!("{times} processes gave way to another under this name within a minute");
        Check::refused("name", name, found, "give each instance a name of its own")
    };
    often.map(quarrel).collect()
}

/// Whether the maps are known.
pub fn maps(maps: &Maps, surveyed: &Surveyed, silent: &BTreeSet<Id>) -> Check {
    let named: Vec<String> = maps.iter().map(|map| format!("{} ({}…)", map.name, map.prefix)).collect();
    let members = surveyed.members.iter().filter(|(_, member)| silent.contains(&member.incarnation));
    let silent: Vec<&str> = members.map(|(name, _)| name.as_str()).collect();
    match (named.is_empty(), silent.is_empty()) {
        (true, _) => Check::refused("maps", "", "none is known", "name them: --map NAME=PREFIX"),
        (false, false) => {
            let mind = "what is said of the keys that are there already holds for the known maps only";
            Check::told("maps", "", format!("{}; silent: {}", named.join(", "), silent.join(", ")), mind)
        }
        (false, true) => Check::well("maps", "", named.join(", ")),
    }
}

/// The clocks of a server and of this machine.
pub fn clock(of: &str, redis_ms: u64, here_ms: u64) -> Check {
    let apart = redis_ms.abs_diff(here_ms);
    let found = format!("{apart} ms away from this machine's");
    match apart > SKEW_MS {
        true => Check::told("clock", of, found, "told only: all times of the migration are Redis' own"),
        false => Check::well("clock", of, found),
    }
}

#[cfg(test)]
mod tests {
    use state_map::control::{Evicted, Member, Report};

    use super::*;
    use crate::state::preflight::report::Standing;

    fn surveyed() -> Surveyed {
        let report = Report { protocol: PROTOCOL, ..Report::default() };
        let member = Member { incarnation: Id(1), lease_until_ms: 200_000, report, ..Member::default() };
        let members = [("one".to_owned(), member)].into();
        Surveyed { now_ms: 100_000, members, ..Surveyed::default() }
    }

    fn refused(surveyed: &Surveyed) -> Vec<&'static str> {
        let refused = check(surveyed).into_iter().filter(|check| check.standing == Standing::Refused);
        refused.map(|check| check.name).collect()
    }

    #[test]
    fn instances_must_be_there_speak_the_protocol_and_have_names_of_their_own() {
        assert!(refused(&surveyed()).is_empty());
        assert_eq!(refused(&Surveyed { members: BTreeMap::new(), ..surveyed() }), ["instances"]);
        assert_eq!(refused(&Surveyed { now_ms: 300_000, ..surveyed() }), ["instances"]);
        let mut other = surveyed();
        other.members.get_mut("one").unwrap().report.protocol = PROTOCOL + 1;
        assert_eq!(refused(&other), ["protocol"]);
        let mut quarrel = surveyed();
        let gave_way = |at_ms| Evicted { name: "one".into(), proof: Proof::Succeeded, at_ms };
        quarrel.dead = [(Id(2), gave_way(90_000)), (Id(3), gave_way(30_000))].into();
        assert!(refused(&quarrel).is_empty(), "a restart, and one long ago");
        quarrel.dead.insert(Id(4), gave_way(95_000));
        assert_eq!(refused(&quarrel), ["name"]);
    }
}
