//! What goes wrong in a run, and how it is healed.

use std::time::Duration;

use rand::RngExt;

use super::fleet::PREFIX;
use super::ledger::value_of;
use super::stage::Stage;
use super::store::Server;
use super::weather::Weather;
use crate::phase::Phase;
use crate::wire::key::Key;

/// Which kinds of trouble a run has.
#[derive(Debug, Clone, Copy)]
pub struct Troubles {
    /// The longest time between two of them.
    pub pause_ms: u64,
    pub pauses: bool,
    pub crashes: bool,
    pub cuts: bool,
    pub outages: bool,
    pub failovers: bool,
    pub moves: bool,
}

impl Troubles {
    pub fn any(stage: &Stage) -> Self {
        let rng = &mut stage.network().rng;
        let mut odds = |per_cent: u32| rng.random_range(0..100) < per_cent;
        Self {
            pause_ms: 1_500,
            pauses: odds(50),
            crashes: odds(40),
            cuts: odds(30),
            outages: odds(30),
            failovers: odds(35),
            moves: odds(70),
        }
    }
}

/// Makes trouble until this time.
pub async fn make_trouble(stage: Stage, troubles: Troubles, until_us: u64) {
    loop {
        let pause = 50 + stage.below(troubles.pause_ms);
        stage.wait_ms(pause).await;
        if stage.now_us() >= until_us {
            return;
        }
        let number = stage.below(stage.fleet().len() as u64) as usize;
        match stage.below(8) {
            0 if troubles.pauses => {
                let most = [60, 800, 4_000][stage.below(3) as usize];
                let time = Duration::from_millis(stage.below(most));
                stage.fleet().pause(number, time);
            }
            1 if troubles.crashes => {
                let stage = stage.clone();
                crash_and_return(&stage, number).await;
            }
            2 if troubles.cuts => cut(&stage, number),
            3 if troubles.outages => outage(&stage),
            4 if troubles.failovers => {
                let servers: Vec<Server> = stage.network().store.servers().collect();
                let server = servers[stage.below(servers.len() as u64) as usize];
                if stage.below(2) == 0 {
                    // Its replica has stood still before it takes over.
                    let time = 20 + stage.below(500);
                    let until = stage.now_us() + time * 1_000;
                    stage.network().alone_until.insert(server, until);
                    stage.wait_ms(time - 1).await;
                }
                fail_over(&stage, server);
            }
            5..8 if troubles.moves => move_a_key(&stage),
            _ => {}
        }
    }
}

async fn crash_and_return(stage: &Stage, number: usize) {
    let homes = stage.balancer().homes();
    let is_leaving_dual = stage.balancer().is_frozen;
    stage.fleet().crash(number, &homes);
    if is_leaving_dual {
        // What it had was to be in memory only from now on.
        for (key, _) in homes.iter().filter(|(_, home)| *home == number) {
            stage.ledger().forgive_from_now(key, None);
        }
    }
    let away = [5, 400, 3_000][stage.below(3) as usize];
    let away = stage.below(away);
    let stage = stage.clone();
    let network = stage.network.clone();
    crate::sync::lock(&network).spawn(super::executor::WORLD, async move {
        stage.wait_ms(away).await;
        stage.fleet().start(number);
    });
}

fn cut(stage: &Stage, number: usize) {
    let time = stage.below(3_000) * 1_000;
    let Some(line) = stage.fleet().get(number).map(|instance| instance.line) else { return };
    let mut network = stage.network();
    let until = network.now_us + time;
    network.lines[line].cut_until = until;
    network.note(|| format!("line {line} is cut for {} ms", time / 1_000));
}

fn outage(stage: &Stage) {
    let (dice, time) = (stage.below(2), stage.below(2_500) * 1_000);
    let mut network = stage.network();
    let servers: Vec<Server> = network.store.servers().collect();
    let server = servers[network.rng.random_range(0..servers.len())];
    let until = network.now_us + time;
    network.note(|| {
        format!("{server:?}: {} for {} ms", ["down", "without replica"][dice as usize], time / 1_000)
    });
    let kind = if dice == 0 { &mut network.down_until } else { &mut network.alone_until };
    kind.insert(server, until);
}

/// The replica of a server takes over, with a prefix of the writes.
pub fn fail_over(stage: &Stage, server: Server) {
    let keys: Vec<Key> = stage.balancer().homes().into_iter().map(|(key, _)| key).collect();
    let mut network = stage.network();
    let lag = network.store.lag(server);
    let mut lost = network.rng.random_range(0..=lag);
    // Without a record nothing tells of a fail-over: a run that begins then does not wait for whom it has forgotten.
    while server == Server::Control && lost > 0 && network.store.loses_record(lost) {
        lost -= 1;
    }
    let (now_ms, record) = (network.redis_ms(), network.store.control().record.clone());
    // Also on the way back: memory was dropped, so what was read in Redis before is nowhere else.
    let was_read = record.phase >= Phase::ReadNew
        || network.store.control().members.values().any(|member| member.report.dropped_epoch > 0);
    network.note(|| format!("{server:?} fails over and loses {lost} of {lag} writes"));
    let before: Vec<_> = keys.iter().map(|key| network.store.versions(key, lost)).collect();
    network.store.fail_over(server, lost);
    network.notice_soon(server);
    let mut ledger = stage.ledger();
    for (key, versions) in keys.iter().zip(before) {
        if server != network.store.server_of(key) {
            continue;
        }
        let values = versions
            .iter()
            // What has expired since may have been read before.
            .map(|cell| value_of(cell.record(record.run, 0).unwrap_or_default().version.value.as_ref()));
        let values = if was_read { values.collect() } else { Vec::new() };
        ledger.failed_over(key, values, &network.store, now_ms);
    }
}

/// The load balancer sends a key elsewhere: only where everybody has left `off`.
fn move_a_key(stage: &Stage) {
    if !have_left_off(stage) {
        return;
    }
    let homes = stage.balancer().homes();
    let (key, _) = &homes[stage.below(homes.len() as u64) as usize];
    let home = stage.below(stage.fleet().len() as u64) as usize;
    stage.network().note(|| format!("{key} moves to {}", super::fleet::Fleet::name(home)));
    stage.balancer().move_to(key, home);
}

/// Whether every process has acknowledged a phase of this run, and the record has not gone back to `off`.
pub fn have_left_off(stage: &Stage) -> bool {
    let fleet = stage.fleet();
    let record = stage.network().store.control().record.clone();
    let mut running = fleet.running().peekable();
    let is_in = |instance: &super::fleet::Instance| {
        let status = instance.node.status();
        status.registered
            && status.phase != Phase::Off
            && !status.acknowledged.nonce.is_none()
            && (status.waiting_for.is_empty() || status.phase > Phase::Dual)
    };
    let all = running.peek().is_some() && running.all(|(_, instance)| is_in(instance));
    all && fleet.running().count() == fleet.len() && record.phase != Phase::Off
}

/// Everything is well again.
pub fn heal(stage: &Stage) {
    let mut network = stage.network();
    network.note(|| "all is healed".to_owned());
    network.weather = Weather::CALM;
    network.down_until.clear();
    network.alone_until.clear();
    network.paused.clear();
    network.lines.iter_mut().for_each(|line| line.cut_until = 0);
    drop(network);
    restart_retired(stage);
    let mut fleet = stage.fleet();
    (0..fleet.len()).for_each(|number| fleet.start(number));
}

/// A process that was told that another has its name is started anew, as it asks for.
pub fn restart_retired(stage: &Stage) {
    let homes = stage.balancer().homes();
    let mut fleet = stage.fleet();
    let retired: Vec<usize> = fleet
        .running()
        .filter(|(_, instance)| instance.node.status().retired)
        .map(|(number, _)| number)
        .collect();
    for number in retired {
        fleet.crash(number, &homes);
        fleet.start(number);
    }
}

/// A key of the run.
pub fn key(number: usize) -> Key {
    Key::new(PREFIX, &number.to_string())
}
