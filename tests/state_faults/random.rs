//! Chance decides what goes wrong, in each phase, under live writes. A seed gives the same choices again, though not
//! the same timing: `STATE_FAULTS_SEED=n` runs one seed, `STATE_FAULTS_ROUNDS=n` as many rounds (`make soak`).

use std::env;
use std::thread;
use std::time::Duration;

use state_map::Phase;

use super::chance::Chance;
use super::instance::LEASE;
use super::site::{MOMENT, Site};
use super::store::Store;
use super::workload::Workload;
use crate::support::{Act, Which};

/// Rounds on each store when nothing is said.
const ROUNDS: u64 = 2;

const INSTANCES: usize = 4;
const KEYS: usize = 10;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mishap {
    /// kill -9 of an instance, which is started again.
    Crash,
    /// SIGSTOP of an instance for longer than its lease.
    Hang,
    /// Redis is killed and started again, with its data.
    Restart,
    /// The master is killed, and a replica takes over that had heard nothing for a while.
    FailOver,
    /// An instance is parted from Redis; its connections stay.
    Partition,
    /// An instance loses its connections, again and again.
    Cuts,
    /// Commands of an instance arrive late, twice, or without an answer.
    Mischief,
    /// Keys go to other instances.
    Moves,
    /// A step back, and forward again.
    Undo,
}

const EVERYWHERE: [Mishap; 7] = [
    Mishap::Crash,
    Mishap::Hang,
    Mishap::Partition,
    Mishap::Cuts,
    Mishap::Mischief,
    Mishap::Moves,
    Mishap::Undo,
];

/// One migration with a mishap in each phase.
fn a_round(seed: u64, own: Mishap, store: fn() -> Store) {
    eprintln!("seed {seed}, {own:?}");
    let mut chance = Chance::new(seed);
    let mut site = Site::start(INSTANCES, store);
    let workload = Workload::start(&site, 6, KEYS, chance.next());
    workload.go_on(&site, 60);
    let mut told = Vec::new();
    for phase in Phase::ALL.into_iter().filter(|phase| (Phase::Dual..=Phase::StopOld).contains(phase)) {
        site.steering.go_to(phase);
        workload.go_on(&site, 40);
        let mishap = if chance.below(3) == 0 { own } else { chance.pick(&EVERYWHERE) };
        told.push(format!("{phase}: {mishap:?}"));
        happen(&mut site, &workload, &mut chance, mishap, phase);
        workload.go_on(&site, 40);
    }
    workload.stop();
    site.finish(&format!("seed {seed}: {}", told.join(", ")));
}

fn happen(site: &mut Site, workload: &Workload, chance: &mut Chance, mishap: Mishap, phase: Phase) {
    let at = chance.below(INSTANCES);
    match mishap {
        Mishap::Crash => {
            site.kill(at);
            site.restart(at);
        }
        Mishap::Hang => {
            site.instances[at].stop();
            thread::sleep(LEASE + MOMENT);
            site.instances[at].cont();
        }
        Mishap::Restart => {
            let Store::Alone(server) = &mut site.store else { return };
            server.restart();
        }
        Mishap::FailOver => {
            site.store.lag();
            thread::sleep(MOMENT);
            site.fail_over();
        }
        Mishap::Partition => {
            site.proxies[at].go_dark();
            thread::sleep(LEASE);
            site.proxies[at].light_up();
        }
        Mishap::Cuts => (0..5).for_each(|_| {
            site.proxies[at].go_away();
            thread::sleep(MOMENT / 6);
            site.proxies[at].come_back();
            thread::sleep(MOMENT / 6);
        }),
        Mishap::Mischief => play_tricks(site, workload, chance, at),
        Mishap::Moves => (0..KEYS).for_each(|key| workload.router.move_to(key, chance.below(INSTANCES))),
        Mishap::Undo => {
            if let Some(back) = phase.back().filter(|back| *back >= Phase::Dual) {
                site.steering.go_to(back);
                workload.go_on(site, 20);
                site.steering.go_to(phase);
            }
        }
    }
    site.wait_until_settled();
}

/// One in eight commands of an instance is treated badly for a while; some arrive at the very end.
fn play_tricks(site: &Site, workload: &Workload, chance: &mut Chance, at: usize) {
    let proxy = &site.proxies[at];
    let one_in_eight = |mut dice: Chance| {
        Which::every(move |words| words[0].starts_with("EVAL") && dice.next().is_multiple_of(8))
    };
    let late: Vec<_> = (0..6)
        .map(|_| {
            let dice = one_in_eight(Chance::new(chance.next()));
            if chance.below(2) == 0 { proxy.gated(dice, Act::Late) } else { proxy.gated(dice, Act::Again) }
        })
        .collect();
    for act in [Act::Twice, Act::CloseAfter, Act::CloseBefore, Act::Delay(Duration::from_millis(50))] {
        proxy.act(one_in_eight(Chance::new(chance.next())), act);
    }
    workload.go_on(site, 60);
    proxy.forgive();
    drop(late);
}

/// So many rounds from this seed on, or as the environment says.
fn rounds(first: u64, own: Mishap, store: fn() -> Store) {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("STATE_FAULTS_SEED") {
        return a_round(seed, own, store);
    }
    let rounds = number("STATE_FAULTS_ROUNDS").unwrap_or(ROUNDS);
    (first..first + rounds).for_each(|seed| a_round(seed, own, store));
}

#[test]
fn chance_decides_what_goes_wrong_with_one_server_that_restarts() {
    rounds(1_000, Mishap::Restart, Store::lasting);
}

#[test]
fn chance_decides_what_goes_wrong_with_a_pair_that_fails_over() {
    rounds(2_000, Mishap::FailOver, Store::pair);
}
