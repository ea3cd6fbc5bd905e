//! The whole way from memory to Redis, on every server and topology, while clients write.

use redis_fixture::Version;
use state_map::Phase;

use super::site::Site;
use super::store::{Store, list_key};
use super::workload::Workload;

/// From `off` to `stop-old` under live writes; in each phase something may happen to Redis, and keys move.
fn the_whole_way(what: &str, store: impl FnOnce() -> Store, mut happens: impl FnMut(&mut Site, Phase)) {
    let mut site = Site::start(4, store);
    let workload = Workload::start(&site, 6, 12, 1);
    workload.go_on(&site, 100);
    for phase in Phase::ALL.into_iter().filter(|phase| (Phase::Dual..=Phase::StopOld).contains(phase)) {
        site.steering.go_to(phase);
        workload.router.move_to(phase as usize, (phase as usize + 1) % 4);
        happens(&mut site, phase);
        workload.go_on(&site, 100);
    }
    workload.stop();
    site.finish(what);
}

#[test]
fn the_whole_way_to_the_installed_redis() {
    the_whole_way("the installed Redis", || Store::alone(Version::Installed), |_, _| {});
}

#[test]
fn the_whole_way_to_redis_8() {
    the_whole_way("Redis 8", || Store::alone(Version::Redis8), |_, _| {});
}

#[test]
fn the_whole_way_to_valkey_8() {
    the_whole_way("Valkey 8", || Store::alone(Version::Valkey8), |_, _| {});
}

#[test]
fn the_whole_way_behind_sentinels_with_a_fail_over() {
    the_whole_way("Sentinels", Store::sentinels, |site, phase| {
        if phase == Phase::Shadow {
            site.forgive_at_death(Store::fail_over_behind_sentinels);
        }
    });
}

#[test]
fn the_whole_way_to_a_cluster_with_a_slot_that_moves() {
    the_whole_way("a Cluster", Store::cluster, |site, phase| {
        site.store.move_slot(&list_key(&format!("room-{}", phase as usize)));
    });
}
