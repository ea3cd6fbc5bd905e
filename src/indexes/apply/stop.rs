//! Why a step was not done.

use crate::indexes::IndexError;

/// Why a step was not done.
#[derive(Debug)]
pub enum Stop {
    /// The operator wants it so.
    Interrupted,
    /// The server refused.
    Refused {
        /// Its number for it.
        code: Option<i32>,
        /// Its whole answer.
        answer: bson::Document,
        /// The same in this crate's terms.
        cause: IndexError,
    },
    /// Documents have the same key: their identifiers, a group each.
    Duplicates(Vec<String>),
    /// What must hold does not.
    Failed(String),
    /// Anything else.
    Error(IndexError),
}

impl From<IndexError> for Stop {
    fn from(error: IndexError) -> Self {
        Self::Error(error)
    }
}

impl Stop {
    /// In words.
    pub fn reason(&self) -> String {
        match self {
            Self::Interrupted => "interrupted".to_owned(),
            Self::Refused { cause, .. } | Self::Error(cause) => cause.to_string(),
            Self::Duplicates(groups) => {
                let groups = groups.iter().map(|ids| format!("\n  _id {ids}")).collect::<String>();
                format!("documents have the same key; mend them first:{groups}")
            }
            Self::Failed(reason) => reason.clone(),
        }
    }
}
