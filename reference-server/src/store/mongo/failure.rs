//! What the driver's errors mean to this store.

use mongodb::error::{
    Error, ErrorKind, RETRYABLE_WRITE_ERROR, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT,
    WriteFailure,
};

use crate::store::StoreError;

/// A unique index refused a value.
pub const DUPLICATE_KEY: i32 = 11_000;

impl From<Error> for StoreError {
    fn from(failure: Error) -> Self {
        Self::Mongo(Box::new(failure))
    }
}

/// Elections, shutdowns, and a query that took too long, as the server names them.
const FOR_NOW: [i32; 8] = [50, 91, 189, 10_107, 11_600, 11_602, 13_435, 13_436];

/// Whether the same call may succeed later: the database cannot be reached, no member takes the call for now,
/// or too many others changed the same documents.
pub fn is_away(failure: &Error) -> bool {
    match failure.kind.as_ref() {
        ErrorKind::ServerSelection { .. } | ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } => {
            true
        }
        _ => {
            // The driver tried again once where it may.
            failure.contains_label(RETRYABLE_WRITE_ERROR)
                || failure.contains_label(TRANSIENT_TRANSACTION_ERROR)
                || code(failure).is_some_and(|code| FOR_NOW.contains(&code))
        }
    }
}

/// Whether the whole transaction may be run again: it lost against another one, or its member went away.
/// A duplicate key is such a loss as well: the winner's document is there next time.
pub fn is_worth_another_run(failure: &StoreError) -> bool {
    let StoreError::Mongo(error) = failure else { return false };
    error.contains_label(TRANSIENT_TRANSACTION_ERROR) || code(error) == Some(DUPLICATE_KEY)
}

/// Whether it is unknown if the commit held: then it may be sent again.
pub fn is_commit_unknown(error: &Error) -> bool {
    error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT)
}

/// Which of these unique indexes refused, when one did.
pub fn duplicate_of<'n>(failure: &StoreError, names: &[&'n str]) -> Option<&'n str> {
    let StoreError::Mongo(error) = failure else { return None };
    let message = match error.kind.as_ref() {
        ErrorKind::Write(WriteFailure::WriteError(write)) if write.code == DUPLICATE_KEY => &write.message,
        ErrorKind::Command(command) if command.code == DUPLICATE_KEY => &command.message,
        _ => return None,
    };
    names.iter().find(|name| message.contains(**name)).copied()
}

/// The server's code of an error.
pub fn code(error: &Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
        _ => None,
    }
}
