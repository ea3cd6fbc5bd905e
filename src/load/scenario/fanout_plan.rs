//! The `fanout` step, worked out.

use std::time::Duration;

use super::plan::{Join, JsonPath, MetricId, Times};
use super::template::{JsonTemplate, Template};

/// A fan-out of the report.
#[derive(Debug, Clone, Copy)]
pub struct FanoutRow {
    /// Its row.
    pub metric: MetricId,
    /// How long listeners go on when their time is over.
    pub linger: Duration,
}

/// Publishing into a room, listening in it, or both.
#[derive(Debug)]
pub struct FanoutStep {
    /// The row of delivery times.
    pub metric: MetricId,
    /// Its namespace, to be joined should it be the first to need it.
    pub join: Join,
    /// The name of the room.
    pub room: Template,
    /// What is listened to.
    pub listen: Option<Listening>,
    /// What is published.
    pub publish: Option<Publishing>,
}

/// What is listened to.
#[derive(Debug)]
pub struct Listening {
    /// The event.
    pub event: String,
    /// Where in its arguments the stamp is; anywhere when there is none.
    pub stamp_at: Option<JsonPath>,
    /// How long to go on when the user's time is over.
    pub linger: Duration,
}

/// What is published.
#[derive(Debug)]
pub struct Publishing {
    /// The row of what is sent.
    pub metric: MetricId,
    /// `[name, argument, …]`.
    pub payload: JsonTemplate,
    /// Where in the arguments the stamp goes.
    pub stamp: JsonPath,
    /// How many messages.
    pub times: Times,
    /// From one to the next.
    pub every: Duration,
}
