//! Why a command on indexes could not be done, each with the way out.

use std::time::Duration;

use mongodb::error::{Error as DriverError, ErrorKind};

use crate::clients::{ClientError, SecretUrl, mongodb::client_error};
use crate::config::duration::humanize;
use crate::text::excerpt;

/// Why a command on indexes could not be done.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A deployment or a member of it does not answer.
    #[error("{who}: {source}")]
    Unreachable {
        /// The deployment or the member.
        who: String,
        /// Why.
        source: ClientError,
    },
    /// The account may not do what is needed.
    #[error(
        "{who}: not allowed to {doing}: {message}; docs/migrate-indexes.md lists the privileges that are needed"
    )]
    Privilege {
        /// The deployment or the member.
        who: String,
        /// What was tried.
        doing: String,
        /// The server's words.
        message: String,
    },
    /// The server refused a command.
    #[error("{who}: could not {doing}: {message}{}", code.map_or_else(String::new, |code| format!(" (code {code})")))]
    Server {
        /// The deployment or the member.
        who: String,
        /// What was tried.
        doing: String,
        /// The server's words.
        message: String,
        /// The server's number for it.
        code: Option<i32>,
    },
    /// Something has to be settled first; nothing was changed.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// Changes have begun; the same command goes on from there.
    #[error("stopped half-way: {reason}\nto go on: scalectl migrate indexes apply (the same arguments)")]
    HalfWay {
        /// Why.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("{what}: {source}")]
    File {
        /// Which file, and what was tried.
        what: String,
        /// The system's word.
        source: std::io::Error,
    },
}

/// What has to be settled before anything is changed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Somebody else is at work.
    #[error(
        "{database}: locked by {owner} since {since}; the lock ends by itself {} after its holder has ended",
        humanize(*.lease)
    )]
    Locked {
        /// The database.
        database: String,
        /// Who holds it: user, host, process.
        owner: String,
        /// Since when.
        since: String,
        /// How long it outlives its holder.
        lease: Duration,
    },
    /// The plan was made for another state of the indexes.
    #[error("the plan is stale: {0}; make a new one with `scalectl migrate indexes plan`")]
    Stale(String),
    /// The plan was made for another deployment.
    #[error("the plan was made for another deployment: for {planned}, and this is {found}")]
    OtherCluster {
        /// What the plan names.
        planned: String,
        /// What is there.
        found: String,
    },
    /// The server lacks what is needed.
    #[error("{who} is too old: version {found}, and {needed}")]
    TooOld {
        /// The member.
        who: String,
        /// Its version.
        found: String,
        /// What is needed, for what.
        needed: String,
    },
    /// A member is not well.
    #[error("{member} is not well: {why}; index builds wait for the members that vote")]
    Unwell {
        /// The member.
        member: String,
        /// Why.
        why: String,
    },
    /// The plan holds what cannot be applied.
    #[error("the plan cannot be applied: {0}")]
    Blocked(String),
    /// Something has to be confirmed.
    #[error("{0}")]
    Unconfirmed(String),
}

impl IndexError {
    /// A driver's error while `doing` something (`list the indexes of db.c`) at `who`.
    pub fn driver(who: &str, uri: &SecretUrl, limit: Duration, doing: &str, error: &DriverError) -> Self {
        let (who, doing) = (who.to_owned(), doing.to_owned());
        match (error.kind.as_ref(), code(error)) {
            (_, Some(13 | 18 | 8000)) | (ErrorKind::Authentication { .. }, _) => {
                Self::Privilege { who, doing, message: words(uri, error) }
            }
            (
                ErrorKind::ServerSelection { .. }
                | ErrorKind::Io(_)
                | ErrorKind::ConnectionPoolCleared { .. },
                _,
            ) => Self::Unreachable { who, source: client_error(uri, limit, error) },
            (_, code) => Self::Server { who, doing, message: words(uri, error), code },
        }
    }

    /// The server's number for what it refused.
    pub fn code(&self) -> Option<i32> {
        match self {
            Self::Server { code, .. } => *code,
            _ => None,
        }
    }
}

/// The server's word for a key that is there already.
pub const DUPLICATE_KEY: i32 = 11000;

/// The server's number for an error.
pub fn code(error: &DriverError) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(refusal) => Some(refusal.code),
        ErrorKind::Write(mongodb::error::WriteFailure::WriteError(failure)) => Some(failure.code),
        ErrorKind::Write(mongodb::error::WriteFailure::WriteConcernError(failure)) => Some(failure.code),
        _ => None,
    }
}

fn words(uri: &SecretUrl, error: &DriverError) -> String {
    match error.kind.as_ref() {
        ErrorKind::Command(refusal) => excerpt(&uri.scrub(&refusal.message)),
        ErrorKind::Authentication { message, .. } => uri.scrub(message),
        kind => excerpt(&uri.scrub(&kind.to_string())),
    }
}
