//! What one server tells of itself, judged. Pure.

use std::collections::BTreeMap;

use super::report::Check;
use crate::clients::redis::in_sync;
use crate::output::indexes::plan::bytes;

/// What `INFO` tells, by field.
type Info = BTreeMap<String, String>;
/// A value and its sidecar take about this many times the bytes of the value.
const OVERHEAD: u64 = 3;

/// Masters whose clocks are further apart are refused.
const APART_MS: i128 = 1_000;

/// All checks of a server. `needed` is what the instances say to hold, in bytes.
pub fn check(of: &str, info: &Info, replicas: u32, needed: u64) -> Vec<Check> {
    vec![
        version(of, info),
        role(of, info),
        durability(of, info, replicas),
        memory(of, info, needed),
        eviction(of, info),
        persistence(of, info),
    ]
}

fn text<'a>(info: &'a Info, field: &str) -> &'a str {
    info.get(field).map_or("", String::as_str)
}

fn number(info: &Info, field: &str) -> u64 {
    text(info, field).parse().unwrap_or(0)
}

fn version(of: &str, info: &Info) -> Check {
    let name = "version";
    let (server, version) = match text(info, "valkey_version") {
        "" => ("Redis", text(info, "redis_version")),
        valkey => ("Valkey", valkey),
    };
    let found = format!("{server} {version}");
    match text(info, "redis_version").split('.').next().and_then(|major| major.parse::<u32>().ok()) {
        Some(7..) => Check::well(name, of, found),
        _ => Check::refused(
            name,
            of,
            found,
            "Redis 7.0 or newer is needed, or Valkey: upgrade the server first",
        ),
    }
}

fn role(of: &str, info: &Info) -> Check {
    match text(info, "role") {
        "master" => Check::well("role", of, "master"),
        other => Check::refused("role", of, other, "name the master, or the Sentinels that know it"),
    }
}

/// Replicas that may be promoted must all be counted by WAIT: one that is not takes acknowledged writes away.
fn durability(of: &str, info: &Info, wanted: u32) -> Check {
    let name = "replicas";
    let connected = number(info, "connected_slaves");
    let online = u64::from(in_sync(info.iter().map(|(field, value)| (field.as_str(), value.as_str()))));
    let found = format!("{online} of {connected} replicas in sync, {wanted} waited for");
    if u64::from(wanted) > online {
        let repair = format!("bring {wanted} replicas up, or wait for fewer: --replicas {online}");
        return Check::refused(name, of, found, repair);
    }
    if u64::from(wanted) < connected {
        let repair = format!(
            "a replica that is not waited for and is promoted loses acknowledged writes: --replicas {connected}, or \
             set replica-priority 0 on the others"
        );
        return Check::refused(name, of, found, repair);
    }
    if connected == 0 {
        return Check::told(name, of, found, "a server that is lost takes everything with it from strict on");
    }
    Check::well(name, of, found)
}

fn memory(of: &str, info: &Info, needed: u64) -> Check {
    let name = "memory";
    let (used, most) = (number(info, "used_memory"), number(info, "maxmemory"));
    let needed = needed.saturating_mul(OVERHEAD);
    let found = match most {
        0 => format!("{} used, no limit", bytes(used)),
        _ => format!("{} of {} used", bytes(used), bytes(most)),
    };
    if most == 0 {
        return Check::told(
            name,
            of,
            found,
            "set maxmemory: without it the system kills Redis when memory ends",
        );
    }
    if used.saturating_add(needed) > most / 10 * 9 {
        let repair = format!("about {} are needed: raise maxmemory", bytes(needed));
        return Check::refused(name, of, found, repair);
    }
    Check::well(name, of, found)
}

fn eviction(of: &str, info: &Info) -> Check {
    match text(info, "maxmemory_policy") {
        "noeviction" => Check::well("eviction", of, "noeviction"),
        policy => Check::refused(
            "eviction",
            of,
            policy,
            "Redis would throw state away when memory ends: CONFIG SET maxmemory-policy noeviction",
        ),
    }
}

/// A master that comes back empty by itself wipes its replicas.
fn persistence(of: &str, info: &Info) -> Check {
    let name = "persistence";
    if text(info, "aof_enabled") == "1" {
        let mind = "with appendfsync everysec a restart of the server may lose the last second";
        return Check::told(name, of, "append-only file", mind);
    }
    let has_snapshots = number(info, "rdb_last_save_time") > 0 && number(info, "rdb_saves") > 0;
    if number(info, "connected_slaves") > 0 && !has_snapshots {
        let repair = "a master that restarts empty wipes its replicas: CONFIG SET appendonly yes";
        return Check::refused(name, of, "none, with replicas", repair);
    }
    let mind = "a restart of the server loses what came after the last snapshot: CONFIG SET appendonly yes";
    Check::told(name, of, if has_snapshots { "snapshots" } else { "none" }, mind)
}

/// Whether the clocks of the masters agree: every deadline is of the one that has the control record. `ahead_ms`: of
/// each, how far it is ahead of this machine's.
pub fn clocks(ahead_ms: &[(&str, i128)]) -> Option<Check> {
    let (last, behind) = ahead_ms.iter().min_by_key(|(_, ahead)| *ahead)?;
    let (first, ahead) = ahead_ms.iter().max_by_key(|(_, ahead)| *ahead)?;
    let apart = ahead - behind;
    let found = || format!("{first} is {apart} ms ahead of {last}");
    match apart > APART_MS {
        true => Some(Check::refused(
            "clocks",
            "",
            found(),
            "a server whose clock is ahead takes every call for late: set the clocks of the masters by one source (NTP)",
        )),
        false => (ahead_ms.len() > 1).then(|| Check::well("clocks", "", found())),
    }
}

/// Whether all slots of a Cluster are served, and none moves.
pub fn slots(info: &str, nodes: &str) -> Check {
    let is = |line: &str| info.lines().any(|found| found.trim_end() == line);
    let moving = nodes.lines().filter(|line| line.contains("->-") || line.contains("-<-")).count();
    match (is("cluster_state:ok") && is("cluster_slots_ok:16384"), moving) {
        (false, _) => Check::refused("slots", "", "not all are served", "redis-cli --cluster fix"),
        (true, 0) => Check::well("slots", "", "all 16384 served"),
        (true, _) => Check::refused(
            "slots",
            "",
            "a slot is on its way to another master",
            "finish it: redis-cli --cluster fix",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::preflight::report::Standing;

    fn info(changes: &[(&str, &str)]) -> Info {
        let good = [
            ("redis_version", "7.0.15"),
            ("role", "master"),
            ("connected_slaves", "1"),
            ("slave0", "ip=127.0.0.1,port=1,state=online,offset=1,lag=0"),
            ("used_memory", "1000000"),
            ("maxmemory", "100000000"),
            ("maxmemory_policy", "noeviction"),
            ("aof_enabled", "1"),
        ];
        let all = good.iter().chain(changes);
        all.map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect()
    }

    fn refused(changes: &[(&str, &str)], replicas: u32, needed: u64) -> Vec<&'static str> {
        let checks = check("a:1", &info(changes), replicas, needed);
        let refused = checks.into_iter().filter(|check| check.standing == Standing::Refused);
        refused.map(|check| check.name).collect()
    }

    #[test]
    fn each_danger_is_refused_under_its_name() {
        assert!(refused(&[], 1, 1_000).is_empty());
        assert_eq!(refused(&[("redis_version", "6.2.1")], 1, 0), ["version"]);
        assert!(refused(&[("redis_version", "7.2.4"), ("valkey_version", "8.1.1")], 1, 0).is_empty());
        assert_eq!(refused(&[("role", "slave")], 1, 0), ["role"]);
        assert_eq!(refused(&[], 0, 0), ["replicas"], "it could be promoted and is not waited for");
        assert_eq!(refused(&[("slave0", "state=wait_bgsave")], 1, 0), ["replicas"]);
        assert_eq!(refused(&[], 1, 50_000_000), ["memory"]);
        assert_eq!(refused(&[("maxmemory_policy", "allkeys-lru")], 1, 0), ["eviction"]);
        assert_eq!(refused(&[("aof_enabled", "0")], 1, 0), ["persistence"]);
    }

    #[test]
    fn clocks_of_masters_must_agree_with_one_another() {
        let standing = |ahead: &[(&str, i128)]| clocks(ahead).map(|check| check.standing);
        assert_eq!(standing(&[("a", 90_000)]), None, "one server has one clock, whatever it shows");
        assert_eq!(standing(&[("a", 90_000), ("b", 90_900)]), Some(Standing::Well));
        assert_eq!(standing(&[("a", 600), ("b", 0), ("c", -600)]), Some(Standing::Refused));
        assert_eq!(clocks(&[("a", 600), ("b", -600)]).unwrap().found, "a is 1200 ms ahead of b");
    }

    #[test]
    fn slots_must_be_served_and_at_rest() {
        let well = "cluster_state:ok\r\ncluster_slots_ok:16384\r\n";
        let standing = |info, nodes| slots(info, nodes).standing;
        assert_eq!(standing(well, "a 1 myself,master - 0 0 1 connected 0-16383"), Standing::Well);
        assert_eq!(standing(well, "a 1 master - 0 0 1 connected 0-16383 [7->-b]"), Standing::Refused);
        assert_eq!(standing("cluster_state:fail", ""), Standing::Refused);
    }
}
