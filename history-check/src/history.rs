//! What was done to a key, and when.

use std::fmt;

use crate::report::{self, Unexplained};
use crate::search;

/// What a key has: a list of numbers, or nothing.
pub type Value = Option<Vec<u64>>;

/// A value as reports show it.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a>(pub &'a Value);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(list) => write!(f, "{list:?}"),
            None => f.write_str("absent"),
        }
    }
}

/// What an operation does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing but looking.
    Get,
    /// Sets the key.
    Set(Vec<u64>),
    /// Adds a number to the end of the list; an absent key gets a list of one.
    Append(u64),
    /// Deletes the key.
    Delete,
    /// Deletes the key if exactly this is its value. Also how a value's expiry is written down.
    DeleteIf(Vec<u64>),
    /// Memory was lost: the key falls back to an older value. Only ever as an operation of unknown outcome.
    Revert(Value),
}

impl Action {
    /// What the key has afterwards.
    pub fn apply(&self, before: &Value) -> Value {
        match self {
            Self::Get => before.clone(),
            Self::Set(list) => Some(list.clone()),
            Self::Append(number) => {
                let mut list = before.clone().unwrap_or_default();
                list.push(*number);
                Some(list)
            }
            Self::Delete => None,
            Self::DeleteIf(list) => before.clone().filter(|value| value != list),
            Self::Revert(value) => value.clone(),
        }
    }

    /// Numbers that it brings into the value.
    pub fn brings(&self) -> &[u64] {
        match self {
            Self::Set(list) => list,
            Self::Append(number) => std::slice::from_ref(number),
            Self::Get | Self::Delete | Self::DeleteIf(_) | Self::Revert(_) => &[],
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Get => f.write_str("get"),
            Self::Set(list) => write!(f, "set {list:?}"),
            Self::Append(number) => write!(f, "append {number}"),
            Self::Delete => f.write_str("delete"),
            Self::DeleteIf(list) => write!(f, "delete if {list:?}"),
            Self::Revert(value) => write!(f, "loss back to {}", Shown(value)),
        }
    }
}

/// What became of an operation. Times are of one clock, in any unit; equal times count as concurrent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It has happened by this time.
    Done {
        /// When its caller was told.
        at: u64,
        /// The value that it found, if it has told.
        saw: Option<Value>,
    },
    /// It may have happened, or may still happen until this time (none: for ever), or never.
    Unknown {
        /// The last moment.
        until: Option<u64>,
    },
    /// It has certainly not happened.
    Failed,
}

/// One operation on the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Who did it; for reports.
    pub client: String,
    /// What.
    pub action: Action,
    /// When it began.
    pub invoked: u64,
    /// What became of it.
    pub outcome: Outcome,
}

impl Operation {
    pub(crate) fn ended(&self) -> u64 {
        match self.outcome {
            Outcome::Done { at, .. } => at,
            Outcome::Unknown { until } => until.unwrap_or(u64::MAX),
            Outcome::Failed => self.invoked,
        }
    }

    pub(crate) fn saw(&self) -> Option<&Value> {
        match &self.outcome {
            Outcome::Done { saw, .. } => saw.as_ref(),
            Outcome::Unknown { .. } | Outcome::Failed => None,
        }
    }

    pub(crate) fn is_optional(&self) -> bool {
        matches!(self.outcome, Outcome::Unknown { .. })
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, action, invoked, outcome } = self;
        match outcome {
            Outcome::Done { at, saw: None } => write!(f, "{invoked:>8}..{at:<8} {client}: {action}"),
            Outcome::Done { at, saw: Some(saw) } => {
                write!(f, "{invoked:>8}..{at:<8} {client}: {action} saw {}", Shown(saw))
            }
            Outcome::Unknown { until: Some(until) } => {
                write!(f, "{invoked:>8}..{until:<8} {client}: {action}, perhaps")
            }
            Outcome::Unknown { until: None } => {
                write!(f, "{invoked:>8}..{:<8} {client}: {action}, perhaps", "")
            }
            Outcome::Failed => write!(f, "{invoked:>8}..{:<8} {client}: {action}, failed", ""),
        }
    }
}

/// All that was done to one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Name of the key; for reports.
    pub key: String,
    /// What it may have had in the beginning.
    pub initial: Vec<Value>,
    /// The operations, in any order.
    pub operations: Vec<Operation>,
}

impl History {
    /// A key that has this value.
    pub fn new(key: impl Into<String>, initial: Value) -> Self {
        Self { key: key.into(), initial: vec![initial], operations: Vec::new() }
    }

    /// Writes down the beginning of an operation, whose outcome is unknown until [`Self::end`] is told.
    pub fn begin(&mut self, client: impl Into<String>, action: Action, invoked: u64) -> usize {
        let outcome = Outcome::Unknown { until: None };
        self.operations.push(Operation { client: client.into(), action, invoked, outcome });
        self.operations.len() - 1
    }

    /// Writes down what became of an operation.
    pub fn end(&mut self, operation: usize, outcome: Outcome) {
        if let Some(operation) = self.operations.get_mut(operation) {
            operation.outcome = outcome;
        }
    }

    /// Writes down an operation that has happened.
    pub fn done(
        &mut self,
        client: impl Into<String>,
        action: Action,
        from: u64,
        at: u64,
        saw: Option<Value>,
    ) {
        let operation = self.begin(client, action, from);
        self.end(operation, Outcome::Done { at, saw });
    }

    /// Writes down that the key may have fallen back to this value between these times, or not at all.
    pub fn revert(&mut self, value: Value, at: u64, until: Option<u64>) {
        let operation = self.begin("loss", Action::Revert(value), at);
        self.end(operation, Outcome::Unknown { until });
    }

    /// Whether the history can be explained one operation after another.
    ///
    /// # Errors
    /// The first operation, in the order of their ends, that cannot.
    pub fn check(&self) -> Result<(), Box<Unexplained>> {
        search::explain(self).map_err(|gap| Box::new(report::unexplained(self, &gap)))
    }
}
