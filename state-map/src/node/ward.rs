//! What a process asks of each of its maps, whatever their values are.

use futures_util::future::BoxFuture;

use super::shared::View;
use crate::control::{Counts, Id};
use crate::verify::Holdings;
use crate::wire::key::Key;

/// A map of a process.
pub trait Ward: Holdings {
    /// Its name.
    fn name(&self) -> &'static str;

    /// What it counts.
    fn counts(&self) -> Counts;

    /// Whether a key belongs to it.
    fn has(&self, key: &Key) -> bool;

    /// Requests are served in another phase from now on; none is under way.
    fn turn(&self, from: View, to: View);

    /// The process is not who it was: all that it had is void (C17).
    fn forfeit(&self);

    /// Redis may have forgotten writes: it is told of everything again (C14).
    fn retell(&self);

    /// Expiry times given so far are off by so many milliseconds.
    fn shift(&self, by_ms: i64);

    /// Claims what is held without a claim (C6). Whether nothing is left.
    fn claim_held(&self) -> BoxFuture<'_, bool>;

    /// Tells Redis what it lacks, a batch. Whether all of that succeeded.
    fn repair(&self) -> BoxFuture<'_, bool>;

    /// Waits until there is something to repair.
    fn indebted(&self) -> BoxFuture<'_, ()>;

    /// Whether Redis has everything, as far as is known.
    fn is_flushed(&self) -> bool;

    /// Owes all that Redis lacks.
    fn owe_dirty(&self);

    /// Another process wants a key: gives it back, if it is owned.
    fn give(&self, key: Key, to: Id) -> BoxFuture<'_, ()>;

    /// Takes a key that nobody has in memory.
    fn adopt(&self, key: Key) -> BoxFuture<'_, ()>;

    /// Whether a key is being given.
    fn is_giving(&self) -> bool;

    /// A key that this process wanted is free.
    fn freed(&self, key: &Key);

    /// Rounds of compares without a difference, in a row.
    fn clean_rounds(&self) -> u64;

    /// Compares a sample of what is owned with Redis.
    fn compare(&self) -> BoxFuture<'_, ()>;

    /// Forgets what has expired and gives back what is not used.
    fn tidy(&self) -> BoxFuture<'_, ()>;

    /// Reports conflicts, and does what the operator has decided on them.
    fn settle_conflicts(&self) -> BoxFuture<'_, ()>;

    /// Gives all keys back. Whether all were.
    fn give_all(&self) -> BoxFuture<'_, bool>;
}
