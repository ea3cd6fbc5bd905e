//! Counts and times every call of a store, whichever store it is.

use std::sync::Arc;
use std::time::Instant;

use tracing::Instrument;

use super::Answer;
use crate::telemetry::Telemetry;

/// A store whose calls are measured.
pub struct Observed<S> {
    store: S,
    telemetry: Arc<Telemetry>,
}

impl<S: Send + Sync> Observed<S> {
    /// Measures this store.
    pub fn new(store: S, telemetry: Arc<Telemetry>) -> Self {
        Self { store, telemetry }
    }

    /// The store itself.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The same answer, measured.
    pub fn timed<'a, T: Send + 'a>(
        &'a self,
        operation: &'static str,
        answer: Answer<'a, T>,
    ) -> Answer<'a, T> {
        let started = Instant::now();
        let span = tracing::info_span!("store", db.operation.name = operation, otel.kind = "client");
        let answer = async move {
            let outcome = answer.await;
            self.telemetry.store_call(operation, outcome.is_ok(), started.elapsed());
            outcome
        };
        Box::pin(answer.instrument(span))
    }
}
