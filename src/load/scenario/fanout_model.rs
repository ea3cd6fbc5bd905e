//! The `fanout` step as it is written.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::model::Count;
use crate::config::duration::Span;

/// Publishes into a room, listens in it, or both; what was published and what arrived is held against each other over all
/// users of the run.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Fanout {
    /// The event as which messages arrive at those who listen.
    pub event: String,
    /// The room that it is about, for the report and for telling rooms apart; one for all when left out. Joining it is the
    /// business of the steps before.
    pub room: Option<String>,
    /// What the user does; both where there is a `channel`, else it listens.
    pub role: Option<FanoutRole>,
    /// The event that publishes a message.
    pub channel: Option<String>,
    /// Its only argument; the stamp is put into it.
    pub data: Option<Value>,
    /// Its arguments, when it has several.
    pub args: Option<Vec<Value>>,
    /// How many messages to publish: a number, an expression, -1 for as long as the user's time lasts; 1 when left out.
    pub count: Option<Count>,
    /// From one message to the next; 1 s when left out.
    pub every: Option<Span>,
    /// Where in the arguments the stamp is put: a JSON path, `$._stamp` when left out. Where there is text already, it
    /// goes after that.
    pub stamp: Option<String>,
    /// Where it is in the event that arrives; looked for in all of it when left out.
    pub stamp_at: Option<String>,
    /// How long those who listen go on doing so when their time is over, for what is still under way; 2 s when left out.
    pub linger: Option<Span>,
    /// `/` when left out.
    pub namespace: Option<String>,
    /// Row in the report; `fanout` and the event when left out. Publishers and listeners belong together by it.
    pub name: Option<String>,
}

/// What a user does in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FanoutRole {
    /// Publishes only.
    Publisher,
    /// Listens only.
    Subscriber,
    /// Publishes, and listens to the others.
    Both,
}
