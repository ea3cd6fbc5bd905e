//! What passes by itself is waited for: an election, a lost connection, a server on its way down or up.

use std::time::Duration;

use mongodb::error::{Error, ErrorKind, Result};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::indexes::error::code;

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(250);
/// What passes by itself: an election, a server on its way down or up, a build that another session began.
const PASSING: [i32; 14] = [6, 7, 89, 91, 112, 114, 117, 189, 276, 9001, 10107, 11600, 11602, 13435];

/// How long a deployment may be without a primary, or a member behind, before a run is given up.
#[derive(Debug, Clone)]
pub struct Patience {
    /// So long.
    pub limit: Duration,
    /// Ends all waiting.
    pub interrupt: CancellationToken,
}

impl Patience {
    /// Asks again after what passes by itself. What is asked must come to the same when it is done twice: a lost
    /// answer does not tell whether it was done.
    pub async fn persist<T>(&self, ask: impl AsyncFn() -> Result<T>) -> Result<T> {
        let end = Instant::now() + self.limit;
        loop {
            match ask().await {
                Err(error) if passes(&error) && Instant::now() < end && self.pause().await => {}
                outcome => return outcome,
            }
        }
    }

    /// Waits a moment; false when there is to be no more waiting.
    pub async fn pause(&self) -> bool {
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => true,
            () = self.interrupt.cancelled() => false,
        }
    }
}

fn passes(error: &Error) -> bool {
    match error.kind.as_ref() {
        ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } | ErrorKind::ServerSelection { .. } => {
            true
        }
        _ => code(error).is_some_and(|code| PASSING.contains(&code)),
    }
}
