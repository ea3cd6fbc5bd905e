//! Whether a migration may begin: each check with what was found, and how to repair what is refused.
//!
//! The checks of one server ([`server`]) and of the instances ([`instance`]) are pure; [`privilege`] and
//! [`occupied`] ask Redis. Nothing is written but what is refused or undone at once.

mod instance;
mod occupied;
pub mod phases;
mod privilege;
pub mod report;
mod server;

use std::time::{Duration, SystemTime};

use redis::cmd;
use state_map::verify::{Question, Told};
use state_map::{Id, Phase};

pub use report::PreflightReport;
use report::{Check, Standing};

use super::verify::evidence::survey;
use super::verify::inquire::Asking;
use super::verify::maps::{MapName, Maps};
use super::verify::servers::{Servers, clock};
use super::{StateError, Target};

/// How the target is looked at.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Replicas that will have to have a write before it counts.
    pub replicas: u32,
    /// Maps that the operator names.
    pub maps: Vec<MapName>,
    /// Whether keys that are there already may be replaced.
    pub replace: bool,
    /// How long an instance may take to answer.
    pub patience: Duration,
}

/// Looks at everything.
pub async fn preflight(target: &Target, terms: &Terms) -> Result<PreflightReport, StateError> {
    let servers = Servers::connect(target.clone()).await?;
    let mut checks = privilege::check(&servers).await?;
    // Without the privileges the other checks would only say so again.
    if checks.iter().any(|check| check.standing == Standing::Refused) {
        return Ok(PreflightReport::new(target, checks));
    }
    let surveyed = survey(&servers, &*target.port()?).await?;
    let asking =
        Asking { of: surveyed.members.values().map(|m| m.incarnation).collect(), patience: terms.patience };
    let answers = asking.ask(&servers, Question::Maps, 0).await?;
    let told: Vec<_> = answers.of.values().map(|answer| answer.told.clone()).collect();
    let maps = Maps::new(&terms.maps, &told);
    checks.extend(cluster(&servers).await?);
    checks.extend(each_server(&servers, terms, &told).await?);
    checks.extend(instance::check(&surveyed));
    checks.push(instance::maps(&maps, &surveyed, &answers.silent));
    let lacking = privilege::check_maps(&servers, &maps).await?;
    if !lacking.is_empty() {
        checks.extend(lacking);
        return Ok(PreflightReport::new(target, checks));
    }
    let run = if surveyed.record.phase == Phase::Off { Id::NONE } else { surveyed.record.run };
    checks.extend(occupied::check(&servers, &maps, run, terms.replace).await?);
    Ok(PreflightReport::new(target, checks))
}

/// The checks of each server, and of their clocks against one another.
async fn each_server(servers: &Servers, terms: &Terms, told: &[Told]) -> Result<Vec<Check>, StateError> {
    let (mut checks, mut ahead_ms) = (Vec::new(), Vec::new());
    let held: u64 = told.iter().flat_map(|told| &told.maps).map(|map| map.bytes).sum();
    // Keys are spread over all masters.
    let needed = held.div_ceil(servers.masters.len().max(1) as u64);
    for server in &servers.masters {
        let info = servers.info(server).await?;
        checks.extend(server::check(&server.name, &info, terms.replicas, needed));
        let redis_ms = clock(server).await.map_err(|error| servers.target.fault("read its clock", &error))?;
        let here_ms = this_machine_ms();
        checks.push(instance::clock(&server.name, redis_ms, here_ms));
        ahead_ms.push((server.name.as_str(), i128::from(redis_ms) - i128::from(here_ms)));
    }
    checks.extend(server::clocks(&ahead_ms));
    Ok(checks)
}

fn this_machine_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Whether every slot has a master, and none is on its way to another.
async fn cluster(servers: &Servers) -> Result<Option<Check>, StateError> {
    let Some(first) = servers.masters.first() else { return Ok(None) };
    let info = servers.info(first).await?;
    if info.get("cluster_enabled").map(String::as_str) != Some("1") {
        return Ok(None);
    }
    let mut connection = first.connection.clone();
    let fault = |error| servers.target.fault("look at the slots", &error);
    let told: String = cmd("CLUSTER").arg("INFO").query_async(&mut connection).await.map_err(fault)?;
    let nodes: String = cmd("CLUSTER").arg("NODES").query_async(&mut connection).await.map_err(fault)?;
    Ok(Some(server::slots(&told, &nodes)))
}
