//! One command to the server, or one wait, with what undoes it.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::duration::humanize;
use crate::indexes::capability::OptionClass;
use crate::indexes::index::Index;

/// One step of a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "step", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Step {
    /// `createIndexes`.
    Build {
        /// What is built.
        index: Index,
    },
    /// Every member that holds data lists the index, with every option.
    Verify {
        /// What must be listed.
        index: Index,
    },
    /// The planner no longer sees the index; its uniqueness and its TTL go on.
    Hide {
        /// Which.
        name: String,
    },
    /// The planner sees the index again.
    Unhide {
        /// Which.
        name: String,
    },
    /// The index stays hidden for a while: whoever misses it has time to say so.
    Soak {
        /// Which.
        name: String,
        /// For how long, counted from when it was hidden.
        seconds: u64,
    },
    /// `dropIndexes`.
    Drop {
        /// What is dropped; whole, so that it can be built again.
        index: Index,
    },
    /// `collMod` with `expireAfterSeconds`.
    Expire {
        /// Which.
        name: String,
        /// Seconds before; none when nothing expired.
        from: Option<i64>,
        /// Seconds from now on.
        to: i64,
        /// Documents that are older already, at the time of the plan; none when they were not counted.
        expired: Option<u64>,
    },
    /// `collMod` with `prepareUnique`: new duplicates are refused, old ones tolerated.
    PrepareUnique {
        /// Which.
        name: String,
        /// Begun, or taken back.
        on: bool,
    },
    /// `collMod` with `unique` as a dry run: the server names what stands in the way.
    CheckUnique {
        /// Which.
        name: String,
    },
    /// `collMod` with `unique`.
    MakeUnique {
        /// Which.
        name: String,
    },
}

impl Step {
    /// What undoes it; none when nothing has to be undone, or no single command can.
    pub fn inverse(&self) -> Option<Self> {
        match self.clone() {
            Self::Build { index } => Some(Self::Drop { index }),
            Self::Drop { index } => Some(Self::Build { index }),
            Self::Hide { name } => Some(Self::Unhide { name }),
            Self::Unhide { name } => Some(Self::Hide { name }),
            Self::Expire { name, from: Some(from), to, expired: _ } => {
                Some(Self::Expire { name, from: Some(to), to: from, expired: None })
            }
            Self::PrepareUnique { name, on } => Some(Self::PrepareUnique { name, on: !on }),
            Self::Expire { from: None, .. }
            | Self::Verify { .. }
            | Self::Soak { .. }
            | Self::CheckUnique { .. }
            | Self::MakeUnique { .. } => None,
        }
    }

    /// What it asks of a server.
    pub fn classes(&self) -> Vec<OptionClass> {
        match self {
            Self::Build { index } => OptionClass::of(index),
            Self::Hide { .. } | Self::Unhide { .. } => vec![OptionClass::ChangeHidden],
            Self::Expire { .. } => vec![OptionClass::ChangeTtl],
            Self::PrepareUnique { .. } => vec![OptionClass::PrepareUnique],
            Self::CheckUnique { .. } | Self::MakeUnique { .. } => vec![OptionClass::ConvertUnique],
            Self::Verify { .. } | Self::Soak { .. } | Self::Drop { .. } => Vec::new(),
        }
    }

    /// The index it is about.
    pub fn index_name(&self) -> &str {
        match self {
            Self::Build { index } | Self::Verify { index } | Self::Drop { index } => &index.name,
            Self::Hide { name }
            | Self::Unhide { name }
            | Self::Soak { name, .. }
            | Self::Expire { name, .. }
            | Self::PrepareUnique { name, .. }
            | Self::CheckUnique { name }
            | Self::MakeUnique { name } => name,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build { index } => write!(f, "build {} {}", index.name, index.shown_keys()),
            Self::Verify { index } => write!(f, "verify {} on every member", index.name),
            Self::Hide { name } => write!(f, "hide {name}"),
            Self::Unhide { name } => write!(f, "unhide {name}"),
            Self::Soak { name, seconds } => {
                write!(f, "leave {name} hidden for {}", humanize(Duration::from_secs(*seconds)))
            }
            Self::Drop { index } => write!(f, "drop {}", index.name),
            Self::Expire { name, from: Some(from), to, .. } => {
                write!(f, "let documents expire by {name} after {to} s instead of {from} s")
            }
            Self::Expire { name, to, .. } => write!(f, "let documents expire by {name} after {to} s"),
            Self::PrepareUnique { name, on: true } => write!(f, "refuse new duplicates in {name}"),
            Self::PrepareUnique { name, on: false } => write!(f, "tolerate new duplicates in {name}"),
            Self::CheckUnique { name } => write!(f, "check {name} for duplicates"),
            Self::MakeUnique { name } => write!(f, "make {name} unique"),
        }
    }
}
