//! Changes that happen together or not at all, and what happens when two of them meet.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use mongodb::{Client, ClientSession};
use tokio::sync::Mutex;

use super::database::Database;
use super::failure::{is_commit_unknown, is_worth_another_run};
use crate::store::StoreError;

/// Runs of one change at most. With the pauses between them they take about two seconds.
const RUNS: u32 = 20;

/// Attempts to learn whether a commit held.
const COMMITS: u32 = 5;

const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Runs changes on one database.
#[derive(Clone)]
pub struct Runner {
    pub client: Client,
    pub database: mongodb::Database,
    /// Whether the server has transactions, and they are wanted.
    pub transactions: bool,
    pub limit: Duration,
    /// Where changes of this process that have lost wait for each other.
    pub line: Arc<Mutex<()>>,
}

impl Runner {
    /// Runs the change until it holds, or fails for another reason than losing against another change.
    ///
    /// The first run is in nobody's way. Whoever loses it runs again only as the first in line: of a crowd that
    /// changes one document, all but one would lose each time, and the last would have given up long before.
    pub async fn run<T>(
        &self,
        change: impl for<'q> Fn(&'q mut Database) -> BoxFuture<'q, Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let (mut run, mut first_in_line) = (1, None);
        loop {
            match self.run_once(&change).await {
                Err(failure) if run < RUNS && is_worth_another_run(&failure) => {
                    if first_in_line.is_none() {
                        first_in_line = Some(self.line.lock().await);
                    }
                    tokio::time::sleep(pause(run)).await;
                    run += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn run_once<T>(
        &self,
        change: &impl for<'q> Fn(&'q mut Database) -> BoxFuture<'q, Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if !self.transactions {
            return change(&mut Database::new(self.database.clone(), self.limit)).await;
        }
        let mut session = self.client.start_session().await?;
        session.start_transaction().await?;
        let mut database = Database::within(self.database.clone(), session, self.limit);
        let outcome = change(&mut database).await;
        let Some(session) = database.session() else { return outcome };
        match outcome {
            Ok(value) => commit(session).await.map(|()| value),
            Err(failure) => {
                // What failed first is what matters; the server forgets the transaction in any case.
                let _ = session.abort_transaction().await;
                Err(failure)
            }
        }
    }
}

async fn commit(session: &mut ClientSession) -> Result<(), StoreError> {
    let mut attempt = 1;
    loop {
        match session.commit_transaction().await {
            Err(failure) if attempt < COMMITS && is_commit_unknown(&failure) => attempt += 1,
            outcome => return Ok(outcome?),
        }
    }
}

/// A random part of a time that doubles: changes that met once must not meet again.
fn pause(run: u32) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1 << run.min(16)).min(LONGEST_PAUSE);
    longest.mul_f64(rand::random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound() {
        for run in 1..=RUNS {
            assert!(pause(run) <= LONGEST_PAUSE.min(FIRST_PAUSE * (1 << run.min(16))));
        }
    }
}
