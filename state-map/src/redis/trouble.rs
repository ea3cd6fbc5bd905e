//! What went wrong with a command, and whether it may have been carried out all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redis::{RedisError, ServerError};

use crate::wire::call::Failure;

/// A command without an answer of its script.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// It was not sent.
    NotSent(String),
    /// It was sent, and nobody knows what became of it.
    Unknown(String),
    /// The server answered with an error.
    Server(ServerError),
}

/// Errors that servers give instead of running a script.
const BEFORE: [&str; 17] = [
    "ASK",
    "BUSY",
    "CLUSTERDOWN",
    "CROSSSLOT",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "MOVED",
    "NOAUTH",
    "NOPERM",
    "NOREPLICAS",
    "NOSCRIPT",
    "OOM",
    "READONLY",
    "TRYAGAIN",
    "WRONGPASS",
    "DENIED",
];

/// How servers mark an error from inside a script, which may have written before.
const INSIDE: &str = "script: ";

impl Trouble {
    /// What the caller is told.
    pub fn into_failure(self) -> Failure {
        match self {
            Self::NotSent(cause) => Failure::Refused(cause),
            Self::Unknown(cause) => Failure::Unknown(cause),
            Self::Server(error) => {
                let cause = in_words(&error);
                if is_before(&error) { Failure::Refused(cause) } else { Failure::Unknown(cause) }
            }
        }
    }
}

/// A server's error in words.
pub fn in_words(error: &ServerError) -> String {
    format!("{} {}", error.code(), error.details().unwrap_or_default())
}

fn is_before(error: &ServerError) -> bool {
    BEFORE.contains(&error.code()) && !error.details().is_some_and(|details| details.contains(INSIDE))
}

/// The cause in words: errors of this kind do not repeat what was sent.
pub fn cause(error: &RedisError) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.category()),
        None => error.to_string(),
    }
}

/// Whether a command is on its way. Set before it is sent, so that whoever gives up knows.
#[derive(Debug, Clone, Default)]
pub struct Sent(Arc<AtomicBool>);

impl Sent {
    /// It is about to be sent.
    pub fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// It was certainly not carried out.
    pub fn reset(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    /// Whether it may be carried out.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
