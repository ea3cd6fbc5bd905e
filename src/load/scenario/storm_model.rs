//! Storms, as they are written and worked out.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::duration::Span;

/// A moment at which Socket.IO connections are lost, as when a node is taken out or a network breaks. They come back
/// as `config.socketio` says.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Storm {
    /// When, since the start of the load.
    pub at: Span,
    /// How many of the connections, such as `50%`; all when left out.
    pub drop: Option<String>,
    /// They are cut one after the other over so long, as in a rolling deploy; all at once when left out.
    pub over: Option<Span>,
    /// Whether they say goodbye; cut without a word when left out.
    #[serde(default)]
    pub clean: bool,
}

/// A storm, worked out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StormPlan {
    /// When it begins, since the start of the load.
    pub at: Duration,
    /// Which part of the connections is cut, 1 being all.
    pub drop: f64,
    /// How long it goes on.
    pub over: Duration,
    /// Whether they say goodbye.
    pub is_clean: bool,
}

impl StormPlan {
    /// When a user's connection is cut, since the start of the load: spread evenly over users, the same in every run.
    pub fn cut(&self, user: u32) -> Option<Duration> {
        // Two steps that never fall into a pattern with each other: those of the R2 sequence.
        const WHETHER: f64 = 0.754_877_666_246_692_8;
        const WHEN: f64 = 0.569_840_290_998_053_2;
        let user = f64::from(user);
        ((user * WHETHER).fract() < self.drop).then(|| self.at + self.over.mul_f64((user * WHEN).fract()))
    }
}
