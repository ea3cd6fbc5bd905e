//! What a process can only tell at the end of its load, because it is about all of it. Accounts add up.

use serde::{Deserialize, Serialize};

use super::{disconnect, fanout, storm};

/// The accounts of one process, or of several.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Accounts {
    /// What was published and heard.
    pub fanout: fanout::Account,
    /// What became of connections that were cut, storm by storm.
    pub storms: Vec<storm::Tally>,
    /// What became of connections that were lost otherwise.
    pub disconnects: disconnect::Tally,
}

impl Accounts {
    /// Adds others to these.
    pub fn absorb(&mut self, other: &Self) {
        let Self { fanout, storms, disconnects } = other;
        self.fanout.absorb(fanout);
        storm::absorb(&mut self.storms, storms);
        self.disconnects.absorb(disconnects);
    }
}
