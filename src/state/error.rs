//! Why a command on state could not be done, each with the way out.

use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerErrorKind};

use state_map::operator::Stopped;

use super::Target;
use super::lock::Holder;
use crate::clients::redis::client_error;
use crate::clients::{ClientError, SecretUrl};
use crate::config::duration::humanize;
use crate::text::excerpt;

/// Why a command on state could not be done.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Redis does not answer.
    #[error("{who}: could not {doing}: {source}")]
    Unreachable {
        /// The address, without its password.
        who: String,
        /// What was tried.
        doing: String,
        /// Why.
        source: ClientError,
    },
    /// The account may not do what is needed.
    #[error(
        "{who}: not allowed to {doing}: {message}; docs/migrate-state.md lists the commands that the account needs"
    )]
    Privilege {
        /// The address.
        who: String,
        /// What was tried.
        doing: String,
        /// The server's words.
        message: String,
    },
    /// Redis refused a command.
    #[error("{who}: could not {doing}: {message}")]
    Server {
        /// The address.
        who: String,
        /// What was tried.
        doing: String,
        /// The server's words.
        message: String,
    },
    /// The URL is not one of a Redis.
    #[error(
        "{url}: expected redis://host:port, rediss://, redis+sentinel://host:port,…/name or redis+cluster://host:port,…"
    )]
    Url {
        /// The URL, without its password.
        url: String,
    },
    /// Something has to be settled first; nothing was changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A step was not taken, or is not known to have been.
    #[error("{0}")]
    Stopped(Box<Stopped>),
    /// Changes were made; the same command goes on from there.
    #[error("stopped half-way: {reason}\ndone: {done}\nto go on: {resume}")]
    HalfWay {
        /// Why.
        reason: String,
        /// The steps that were taken.
        done: String,
        /// The command that goes on.
        resume: String,
    },
    /// The operator stopped it; what was changed stays, and the next command goes on from there.
    #[error("interrupted; `scalectl migrate state status` shows where the migration is")]
    Interrupted,
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
    #[error("{namespace}: {}; the lock ends by itself {} after its holder has ended", at_work(.holder.as_deref()), humanize(*.lease))]
    Locked {
        /// The migration.
        namespace: String,
        /// Who holds the lock.
        holder: Option<Box<Holder>>,
        /// How long it outlives its holder.
        lease: Duration,
    },
    /// The journal is not as it was written.
    #[error(
        "{place} is not as it was written: {flaws}. Nothing is decided on it: {repair}, and the other copy is gone on \
         with. `scalectl migrate state journal` shows both"
    )]
    Journal {
        /// Which copy.
        place: String,
        /// What is wrong with it.
        flaws: String,
        /// What to do about it.
        repair: String,
    },
    /// Keys would be gone.
    #[error(
        "{keys} keys or more are in Redis and in no instance's memory, and in off only memory counts: nothing was \
         changed. An instance that is not heard of may own them: start it, or stop it for good and `scalectl migrate \
         state evict NAME --stopped`; then try again. To leave them behind: --abandon"
    )]
    Unheld {
        /// How many, at least.
        keys: u64,
    },
    /// There is no such conflict.
    #[error("{0}")]
    NoConflict(String),
    /// Something has to be confirmed.
    #[error("{0}")]
    Unconfirmed(String),
}

fn at_work(holder: Option<&Holder>) -> String {
    match holder {
        Some(Holder { owner, since, command }) => {
            let since = since.get(..19).unwrap_or(since);
            format!("{owner} is at work since {since} ({command})")
        }
        None => "somebody is at work".to_owned(),
    }
}

/// What Redis did not allow, out of a failure that may tell of many commands.
fn denied(cause: &str) -> Option<&str> {
    let at = cause.find("no permissions")?;
    let start = cause[..at].rfind(['(', ':', ',']).map_or(0, |before| before + 1);
    let end = cause[at..].find([')', ';', ',']).map_or(cause.len(), |after| at + after);
    Some(cause[start..end].trim())
}

impl StateError {
    /// What stopped a step at this target: what Redis did not allow is told as such.
    pub fn stopped(target: &Target, stopped: Stopped) -> Self {
        let denied = if let Stopped::Redis(cause) = &stopped { denied(cause) } else { None };
        match denied {
            Some(denied) => Self::Privilege {
                who: target.url.to_string(),
                doing: "carry out a script of the migration".to_owned(),
                message: excerpt(&target.url.scrub(denied)),
            },
            None => Self::Stopped(Box::new(stopped)),
        }
    }

    /// A driver's error while `doing` something.
    pub fn driver(url: &SecretUrl, limit: Duration, doing: &str, error: &RedisError) -> Self {
        let (who, doing) = (url.to_string(), doing.to_owned());
        let message = excerpt(&url.scrub(&error.to_string()));
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::NoPerm) | ErrorKind::AuthenticationFailed => {
                Self::Privilege { who, doing, message }
            }
            ErrorKind::InvalidClientConfig => Self::Url { url: who },
            ErrorKind::Io => Self::Unreachable { who, doing, source: client_error(url, limit, error) },
            _ => Self::Server { who, doing, message },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::denied;

    #[test]
    fn what_is_not_allowed_is_told_once() {
        let all = "Redis did not carry it out: Pipeline failures: [(Index 2, error: NoPerm: this user has no permissions \
                   to run the 'script|load' command), (Index 3, error: NoPerm: this user has no permissions to run)]";
        assert_eq!(denied(all), Some("this user has no permissions to run the 'script|load' command"));
        assert_eq!(denied("Redis did not carry it out: OOM"), None);
    }
}
