//! Operators: they walk the migration forward, back and forward again, through the code that the tool uses.

use history_check::Action;

use super::executor::WORLD;
use super::fleet::Fleet;
use super::port::SimPort;
use super::scenario::Script;
use super::stage::Stage;
use super::trouble::have_left_off;
use crate::control::Proof;
use crate::operator::{Blocker, Operator, Outcome, Remembered, Stopped, Terms, Verification};
use crate::phase::Phase;
use crate::plant::{Bug, planted};

/// The tool as it is used here.
pub type Tool = Operator<SimPort, Remembered>;

/// An operator at a line of its own.
pub fn tool(stage: &Stage) -> Tool {
    let line = stage.network().open_line(WORLD, 0);
    let terms = Terms { clean_rounds: 1, lease_ms: 2_000, replicas: 1, fencing: 0 };
    Operator::new(SimPort::new(&stage.network, line), Remembered::default(), terms)
}

/// One attempt at a step towards a phase. Whether the record is there.
pub async fn step_towards(stage: &Stage, tool: &mut Tool, goal: Phase, replicas: u32) -> bool {
    let Ok(view) = tool.survey().await else { return false };
    let phase = view.record.phase;
    // There is no way back from beyond `primary-new`.
    if phase == goal || phase > goal.max(Phase::PrimaryNew) {
        return true;
    }
    let result = if phase < goal {
        forward(stage, tool, phase, replicas).await
    } else {
        back(stage, tool, phase).await
    };
    match result {
        Ok(()) => {}
        Err(stopped) => {
            stage.network().note(|| format!("operator: {stopped}"));
            repair(stage, tool, &stopped).await;
        }
    }
    false
}

async fn forward(stage: &Stage, tool: &mut Tool, phase: Phase, replicas: u32) -> Result<(), Stopped> {
    if phase == Phase::Off {
        return tool.start(replicas).await.map(drop);
    }
    stage.balancer().is_frozen = false;
    tool.advance().await?;
    if phase == Phase::Backfill && planted(Bug::EarlyCollection) {
        collect_absent(stage);
    }
    // Only when everybody has acknowledged `strict` may requests go anywhere.
    stage.balancer().is_open = phase >= Phase::Strict;
    Ok(())
}

async fn back(stage: &Stage, tool: &mut Tool, phase: Phase) -> Result<(), Stopped> {
    // Stickiness is back before the way back begins.
    stage.balancer().is_open = false;
    // Another operator may be faster: then this step is the one to `off`, perhaps.
    let last = if stage.operators > 1 { Phase::ReadNew } else { Phase::Dual };
    if phase <= last && !settle_for_off(stage).await {
        return Ok(());
    }
    tool.rollback().await.map(drop)
}

/// Every key is where its requests go, and nobody else wants it, before each process knows only its own.
async fn settle_for_off(stage: &Stage) -> bool {
    let has_settled = || stage.balancer().has_settled() && !stage.network().is_wanting();
    {
        let mut balancer = stage.balancer();
        balancer.is_frozen = true;
        balancer.turn_over();
    }
    for _ in 0..100 {
        if has_settled() {
            break;
        }
        stage.wait_ms(50).await;
    }
    let mut all = has_settled() && have_left_off(stage);
    let homes = stage.balancer().homes();
    for (key, home) in homes {
        all = all && stage.request("operator", &key, home, Action::Get).await;
    }
    stage.balancer().is_frozen = all;
    all
}

async fn repair(stage: &Stage, tool: &mut Tool, stopped: &Stopped) {
    let Stopped::Blocked { blockers, .. } = stopped else { return };
    for blocker in blockers {
        match blocker {
            Blocker::FellBack { .. } => drop(tool.reassert().await),
            Blocker::Unverified(_) => verify(tool).await,
            Blocker::Uncollected => collect(stage, tool).await,
            _ => {}
        }
        if let Some(name) = blocker.instance() {
            evict(stage, tool, name, blocker).await;
        }
    }
}

/// Says that memory and Redis agree: the histories judge that here.
async fn verify(tool: &mut Tool) {
    let Ok(view) = tool.survey().await else { return };
    let (stamp, at_ms) = (view.record.stamp, view.now_ms);
    let verification = Verification { outcome: Outcome::Pass, stamp, at_ms, summary: String::new() };
    drop(tool.verified(verification).await);
}

/// An instance is dropped with the proof that there is: stopped when it is, or its lease in `strict` and later.
async fn evict(stage: &Stage, tool: &mut Tool, name: &str, blocker: &Blocker) {
    let is_stopped = {
        let fleet = stage.fleet();
        let number = (0..fleet.len()).find(|number| Fleet::name(*number) == name);
        number.is_some_and(|number| fleet.get(number).is_none())
    };
    let is_silent = matches!(
        blocker,
        Blocker::Silent { .. }
            | Blocker::OldHistory { silent_ms: Some(_), .. }
            | Blocker::Unacknowledged { silent_ms: Some(_), .. }
    );
    if is_stopped && stage.below(2) == 0 {
        drop(tool.evict(name, Proof::Stopped).await);
    } else if is_silent && stage.below(4) == 0 {
        drop(tool.evict(name, Proof::Lapsed).await);
    }
}

/// C19: tombstones and sidecars of absent keys go, once no call can be under way that was made before.
async fn collect(stage: &Stage, tool: &mut Tool) {
    let Ok(view) = tool.survey().await else { return };
    if view.record.phase != Phase::StopOld {
        return;
    }
    stage.wait_ms(3_000).await;
    let stamp = view.record.stamp;
    collect_absent(stage);
    drop(tool.collected(stamp, 0).await);
}

fn collect_absent(stage: &Stage) {
    let keys: Vec<_> = stage.balancer().homes().into_iter().map(|(key, _)| key).collect();
    let mut network = stage.network();
    let (now_ms, record) = (network.redis_ms(), network.store.control().record.clone());
    for key in &keys {
        let found = network.store.shard(key).cell(key).record(record.run, now_ms).unwrap_or_default();
        if found.version.value.is_none() {
            network.store.tamper(key).collect(key, record.stamp.epoch);
        }
    }
    let servers: Vec<_> = network.store.servers().collect();
    servers.into_iter().for_each(|server| network.store.replicate(server));
}

/// Walks from goal to goal until the troubles end.
pub async fn be_operator(stage: Stage, goals: Vec<Phase>, script: Script) {
    let mut tool = tool(&stage);
    for goal in goals {
        while stage.now_us() < script.troubled_us
            && !step_towards(&stage, &mut tool, goal, script.replicas).await
        {
            let pause = 5 + stage.below(script.pause_ms);
            stage.wait_ms(pause).await;
        }
    }
}
