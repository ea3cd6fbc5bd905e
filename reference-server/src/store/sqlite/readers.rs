//! A small pool of reading connections. WAL lets them read beside the writer.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::Semaphore;

use super::connection;
use crate::config::Durability;
use crate::store::StoreError;
use crate::telemetry::{PoolState, Telemetry};

const MOST_READERS: usize = 8;

/// Connections, lent out one at a time to blocking tasks.
pub struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
    pool: Option<PoolState>,
}

impl Readers {
    /// Opens two connections per core, eight at most.
    pub fn open(file: &Path, durability: Durability) -> Result<Self, StoreError> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let count = (cores * 2).min(MOST_READERS);
        let idle = (0..count).map(|_| connection::open(file, durability)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { idle: Arc::new(Mutex::new(idle)), permits: Arc::new(Semaphore::new(count)), pool: None })
    }

    /// Measures from now on how many are in use.
    pub fn measure(&mut self, telemetry: &Telemetry) {
        self.pool = Some(PoolState::of(telemetry, self.permits.available_permits()));
    }

    /// Runs a query, or several that must agree, in one read transaction off the runtime's threads.
    ///
    /// The permit stays with the connection: a caller that gives up does not free what is still in use.
    pub async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permits = Arc::clone(&self.permits);
        let permit = permits.acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let lent = self.pool.as_ref().map(PoolState::lend);
        let idle = Arc::clone(&self.idle);
        let answer = tokio::task::spawn_blocking(move || {
            let mut connection = pop(&idle)?;
            let outcome = in_transaction(&mut connection, query);
            push(&idle, connection);
            drop((lent, permit));
            outcome
        });
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

fn pop(idle: &Mutex<Vec<Connection>>) -> Result<Connection, StoreError> {
    idle.lock().unwrap_or_else(PoisonError::into_inner).pop().ok_or(StoreError::Closed)
}

fn push(idle: &Mutex<Vec<Connection>>, connection: Connection) {
    idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
}

fn in_transaction<T>(
    connection: &mut Connection,
    query: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
    query(&transaction)
}
