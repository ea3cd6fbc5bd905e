//! One thread writes. Changes that queue up while a commit waits for the disk share the next commit, so that
//! many small writes cost one fsync; each has its own savepoint, so that a failed one harms no other.

use std::thread::JoinHandle;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use crate::store::StoreError;

/// Changes that wait before the submitting task does.
const QUEUE: usize = 4_096;

/// Changes in one transaction at most: bounds how long the first one waits, and how long other processes do.
const GROUP: usize = 256;

/// Runs a change inside the open transaction, if one could be opened, and gives back what tells its submitter.
type Change = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Told + Send>;
/// Called once it is known whether the commit held.
type Told = Box<dyn FnOnce(Result<(), StoreError>)>;

/// The handle to the writing thread, which ends when this is dropped, all queued changes done.
pub struct Writer {
    changes: Option<mpsc::Sender<Change>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub fn start(connection: Connection) -> Result<Self, StoreError> {
        let (changes, queue) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || write_until_closed(connection, queue))?;
        Ok(Self { changes: Some(changes), thread: Some(thread) })
    }

    /// Queues a change; resolves when it is committed, or has failed.
    pub async fn submit<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let change: Change = Box::new(move |db| {
            let outcome = db.and_then(|db| in_savepoint(db, change));
            Box::new(move |committed| {
                let _ = answer.send(committed.and(outcome));
            })
        });
        let changes = self.changes.as_ref().ok_or(StoreError::Closed)?;
        changes.send(change).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.changes = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn in_savepoint<T>(
    db: &Connection,
    change: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    db.prepare_cached("SAVEPOINT change")?.execute([])?;
    let outcome = change(db);
    if outcome.is_err() {
        db.prepare_cached("ROLLBACK TO change")?.execute([])?;
    }
    db.prepare_cached("RELEASE change")?.execute([])?;
    outcome
}

fn write_until_closed(mut connection: Connection, mut queue: mpsc::Receiver<Change>) {
    let mut group = Vec::with_capacity(GROUP);
    while queue.blocking_recv_many(&mut group, GROUP) > 0 {
        commit(&mut connection, &mut group);
    }
}

fn commit(connection: &mut Connection, group: &mut Vec<Change>) {
    let transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(failure) => return refuse(group, &failure),
    };
    let told: Vec<Told> = group.drain(..).map(|change| change(Ok(&transaction))).collect();
    let committed = transaction.commit();
    for tell in told {
        tell(committed.as_ref().map_err(as_store_error).copied());
    }
}

fn refuse(group: &mut Vec<Change>, failure: &rusqlite::Error) {
    tracing::error!(%failure, changes = group.len(), "cannot begin a write transaction");
    for change in group.drain(..) {
        change(Err(as_store_error(failure)))(Ok(()));
    }
}

/// One failure for several submitters: database errors cannot be cloned.
fn as_store_error(failure: &rusqlite::Error) -> StoreError {
    match failure {
        rusqlite::Error::SqliteFailure(code, text) => {
            rusqlite::Error::SqliteFailure(*code, text.clone()).into()
        }
        _ => StoreError::Closed,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::config::Durability;
    use crate::store::sqlite::connection;

    fn counter(dir: &std::path::Path) -> Writer {
        let db = connection::open(&dir.join("w.db"), Durability::Full).unwrap();
        db.execute_batch("CREATE TABLE n (n INTEGER PRIMARY KEY)").unwrap();
        Writer::start(db).unwrap()
    }

    fn insert(n: i64) -> impl FnOnce(&Connection) -> Result<(), StoreError> {
        move |db| {
            db.prepare_cached("INSERT INTO n VALUES (?1)")?.execute([n])?;
            if n < 0 { Err(StoreError::Missing("sign")) } else { Ok(()) }
        }
    }

    fn count(db: &Connection) -> Result<i64, StoreError> {
        Ok(db.query_row("SELECT count(*) FROM n", [], |row| row.get(0))?)
    }

    #[tokio::test]
    async fn a_failed_change_is_undone_and_its_neighbours_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let writer = counter(dir.path());
        let changes = [1, -2, 3, 1, 4].map(|n| writer.submit(insert(n)));
        let outcomes = futures_util::future::join_all(changes).await;
        let held: Vec<_> = outcomes.iter().map(Result::is_ok).collect();
        assert_eq!(held, [true, false, true, false, true]);
        assert_eq!(writer.submit(count).await.unwrap(), 3);
    }

    /// Changes that arrive together must cost far fewer commits than there are changes.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn changes_that_arrive_together_share_commits() {
        let dir = tempfile::tempdir().unwrap();
        let writer = Arc::new(counter(dir.path()));
        let alone = time_of_one(&writer).await;
        let started = Instant::now();
        let changes = (0..1_000).map(|n| {
            let writer = writer.clone();
            async move { writer.submit(insert(n)).await }
        });
        let outcomes = futures_util::future::join_all(changes).await;
        let together = started.elapsed();
        assert!(outcomes.iter().all(Result::is_ok));
        assert!(together < alone * 250, "1,000 together took {together:?}, one alone {alone:?}");
    }

    async fn time_of_one(writer: &Writer) -> Duration {
        let started = Instant::now();
        for n in 2_000..2_020 {
            writer.submit(insert(n)).await.unwrap();
        }
        started.elapsed() / 20
    }
}
