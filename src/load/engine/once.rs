//! The sections `before` and `after`: one more user that goes through its steps once.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::shared::{Shared, Stop};
use super::user::VirtualUser;
use crate::clients::Connector;
use crate::load::scenario::Plan;
use crate::load::scenario::plan::Section;
use crate::load::share::Share;
use crate::load::tally::Tally;

/// What a section came to.
#[derive(Debug)]
pub struct Once {
    /// Its counts and times.
    pub tally: Tally,
    /// What it set, by slot.
    pub given: Vec<(usize, Value)>,
    /// Whether it got to its end.
    pub is_done: bool,
}

/// Goes through `section`, on counts of its own, for `limit` at most; `given` is what was set before.
pub async fn once(
    plan: &Arc<Plan>,
    connector: &Connector,
    section: &Section,
    limit: Duration,
    given: &[(usize, Value)],
) -> Once {
    let shared = Arc::new(Shared::new(Arc::clone(plan), Share::WHOLE, connector.clone(), Stop::default()));
    shared.given.set(given.to_vec()).ok();
    let mut user = VirtualUser::new(Arc::clone(&shared), 0);
    let start = Instant::now();
    let ended = timeout(limit, user.go_through(section.scenario, Instant::now() + limit)).await;
    if ended.is_err() {
        shared.recorder.script_error("the section took too long");
    }
    let value = |slot: &usize| Some((*slot, user.slots.get(*slot)?.clone()));
    let given = section.gives.iter().filter_map(value).collect();
    Once { tally: shared.recorder.drain(start), given, is_done: matches!(ended, Ok(Ok(()))) }
}

impl Once {
    /// Why it did not get to its end: the row and the first case.
    pub fn reason(&self, plan: &Plan) -> String {
        let failures = self.tally.failures.by_frequency();
        let Some((metric, cause, failure)) = failures.first() else { return "it was cut short".to_owned() };
        let row = plan.metrics.get(*metric).map_or("a step", |metric| metric.name.as_str());
        format!("{row}: {cause}: {}", failure.sample)
    }
}
