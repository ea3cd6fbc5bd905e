//! What the protocol needs of the world: calls, time, chance. Redis is behind it in production, a simulation with
//! virtual time, lost, late and doubled messages in the tests; everything above is the same code.

use std::future::Future;
use std::time::Duration;

use crate::control::Id;
use crate::wire::call::{Call, Failure, Reply};
use crate::wire::message::Message;

/// What happens outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Another instance has sent something.
    Message(Message),
    /// The control record may have changed.
    Steered,
    /// A server is another one than before, or has restarted: it may have forgotten writes (C14).
    Forgot,
}

/// The world of one instance or tool.
pub trait Port: Send + Sync + 'static {
    /// Makes a call. `replicas` must have it before it succeeds, if it is durable. Gives up by itself within a time
    /// that the port was made with.
    fn call(&self, call: Call, replicas: u32) -> impl Future<Output = Result<Reply, Failure>> + Send;

    /// Monotonic time since some beginning.
    fn now(&self) -> Duration;

    /// Wall clock in milliseconds of the epoch: compared with Redis' in reports, never used for decisions.
    fn wall_ms(&self) -> u64;

    /// Waits.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;

    /// Random bits, never zero.
    fn random(&self) -> Id;

    /// The next event for this incarnation. Events may be lost, but not by dropping the future before it is ready.
    fn event(&self, incarnation: Id) -> impl Future<Output = Event> + Send;
}
