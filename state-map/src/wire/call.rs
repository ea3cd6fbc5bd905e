//! Calls to Redis and what they answer. Each is one script, run where the key lives (or the control record).
//!
//! Times are milliseconds of Redis' clock. A call whose `deadline_ms` has passed when it arrives does nothing: so
//! no message outlives the collection of tombstones (C19).

use bytes_of::Shown;

use super::key::Key;
use crate::control::{ControlRecord, Id, Member, Report, Stamp};

/// Bytes of a value, shared.
pub type Bytes = std::sync::Arc<[u8]>;

mod bytes_of {
    //! Values in debug output: their length only. They may be secrets of the application.

    /// A value that is not to be seen.
    pub struct Shown(pub usize);

    impl std::fmt::Debug for Shown {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{} bytes", self.0)
        }
    }
}

/// One version of a key's content: a value or a tombstone.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Version {
    /// Its place in the order of this key's versions. 0: nothing was ever written.
    pub seq: u64,
    /// The operation that wrote it.
    pub op: Id,
    /// The value; none for a tombstone.
    pub value: Option<Bytes>,
    /// When the value expires. 0: never.
    pub expires_ms: u64,
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.value.as_ref().map(|value| Shown(value.len()));
        f.debug_struct("Version")
            .field("seq", &self.seq)
            .field("op", &self.op)
            .field("value", &value)
            .field("expires_ms", &self.expires_ms)
            .finish()
    }
}

/// A key's record: its version, who owns it, and since which epoch. One of another run counts as absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// Highest epoch that claimed or opened the key.
    pub claim_epoch: u64,
    /// Counts owners.
    pub generation: u64,
    /// The owner's incarnation; none when the key is open.
    pub owner: Id,
    /// What was written. `value` is none too when the value has expired, or was taken away by somebody else: then
    /// `deleted` is false.
    pub version: Version,
    /// Whether the version is a tombstone.
    pub deleted: bool,
}

impl Record {
    /// Whether anything was ever written in this run.
    pub fn is_written(&self) -> bool {
        self.version.seq > 0
    }

    /// Whether the value is gone without a tombstone, and not because its time was up.
    pub fn has_vanished(&self, now_ms: u64) -> bool {
        let Version { value, expires_ms, .. } = &self.version;
        let expired = *expires_ms != 0 && *expires_ms <= now_ms;
        self.is_written() && !self.deleted && value.is_none() && !expired
    }
}

/// Who calls, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Caller {
    /// The run.
    pub run: Id,
    /// Epoch of the phase that the caller serves in.
    pub epoch: u64,
    /// The caller.
    pub incarnation: Id,
    /// After this time the call does nothing. It counts from when memory was read.
    pub deadline_ms: u64,
}

/// C3: take over a key before its first read or write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The key.
    pub key: Key,
    /// Who claims.
    pub caller: Caller,
    /// An owner and its generation whose ownership is no obstacle: proven gone, or the caller's own, of which it has
    /// nothing in memory. Without it the caller's own ownership refuses a claim as anybody's does (nobody is told
    /// then): a late copy of a claim must not end the generation that the caller serves.
    pub in_place_of: Option<(Id, u64)>,
    /// Whether the key is taken from a living owner (presence: the last connection wins).
    pub by_force: bool,
}

/// C4: an owner's write, repair or backfill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The key.
    pub key: Key,
    /// Who writes.
    pub caller: Caller,
    /// The generation that its claim was given.
    pub generation: u64,
    /// What is written.
    pub version: Version,
    /// Whether replicas must have it before the call succeeds.
    pub durable: bool,
}

/// C10: give a key back, its newest version with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The key.
    pub key: Key,
    /// Who gives it back.
    pub caller: Caller,
    /// The generation that its claim was given.
    pub generation: u64,
    /// What memory has; none when nothing was ever written.
    pub version: Option<Version>,
    /// Who is told.
    pub to: Id,
}

/// What is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The key.
    pub key: Key,
    /// The run: a record of another counts as absent.
    pub run: Id,
}

/// C5: a write in `primary-new` and later, of whoever has read `base`. A record of another run with a lower epoch than
/// the caller's counts as absent; its generation goes on counting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The key.
    pub key: Key,
    /// Who writes.
    pub caller: Caller,
    /// The sequence that was read.
    pub base: u64,
    /// The operation that had written what was read: a fail-over may have taken that back, and the sequence is given
    /// out again. None: it is not compared.
    pub base_op: Id,
    /// What is written. Its `seq` is not looked at: the script issues `base + 1`.
    pub version: Version,
    /// Whether the sidecar expires with the value (in `done`).
    pub expiring_sidecar: bool,
}

/// C13: register or renew, and learn the control record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    /// Name of the instance.
    pub name: String,
    /// Its incarnation.
    pub incarnation: Id,
    /// The run that it takes part in.
    pub run: Id,
    /// What it has acknowledged.
    pub ack: Stamp,
    /// The replication history when it acknowledged.
    pub replid: String,
    /// How long the lease is to run.
    pub lease_ms: u64,
    /// What it tells.
    pub report: Report,
    /// Whether this is the first heartbeat of an incarnation: replicas must have it. It acknowledges nothing (`ack` is
    /// zero), so that it holds every gate shut until the next one; a late copy of it can do no more.
    pub registering: bool,
    /// When registering: the incarnation that was found under the name, or none. It is dead from then on. Where
    /// another one is found the call changes nothing: a late registration must not kill a living process.
    pub replaces: Id,
}

/// Asks whether an owner is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquire {
    /// The owner.
    pub incarnation: Id,
}

/// Compare-and-set of the control record (C12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steer {
    /// The record that the decision was taken on.
    pub expected: Stamp,
    /// The new record. `replid` is filled in by the script.
    pub record: ControlRecord,
    /// Fencing token of the operator's lock; 0: without a lock.
    pub fencing: u64,
}

/// Drops an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evict {
    /// Name of the instance.
    pub name: String,
    /// Its incarnation: another one is not touched.
    pub incarnation: Id,
    /// Why it counts as dead.
    pub proof: crate::control::Proof,
    /// Fencing token of the operator's lock; 0: without a lock.
    pub fencing: u64,
}

/// Leaves a part of an answer to a verifier (see [`verify`](crate::verify)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The inquiry.
    pub inquiry: Id,
    /// The field.
    pub field: String,
    /// What it holds.
    pub body: Bytes,
    /// How long all answers to this inquiry are kept from now on.
    pub life_ms: u64,
}

/// A call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// See [`Claim`].
    Claim(Claim),
    /// See [`Put`].
    Put(Put),
    /// See [`Release`].
    Release(Release),
    /// See [`Read`].
    Read(Read),
    /// See [`Write`].
    Write(Write),
    /// See [`Beat`].
    Beat(Box<Beat>),
    /// See [`Inquire`].
    Inquire(Inquire),
    /// Reports a key with two values, or its decision; absent: takes the report back.
    Conflict {
        /// The key.
        key: Key,
        /// The report.
        report: Option<Box<super::message::Conflict>>,
    },
    /// Reads the report on a key with two values.
    Decision {
        /// The key.
        key: Key,
    },
    /// Waits until the replicas have all that was written before: on each server a write of its own, then `WAIT` on that
    /// connection (replication has one order). Fails while an [`Event::Forgot`](crate::port::Event::Forgot) has not
    /// been taken: what was written before may be gone.
    Barrier,
    /// The control record, the instances, the dead, the number of conflicts.
    Survey,
    /// See [`Steer`].
    Steer(Box<Steer>),
    /// See [`Evict`].
    Evict(Evict),
    /// What verifiers ask: all fields of [`Space::inquiry`](super::key::Space::inquiry).
    Inquiries,
    /// See [`Answer`].
    Answer(Answer),
}

impl Call {
    /// Whether replicas must have it before it counts ("Durability" in the protocol).
    pub fn is_durable(&self) -> bool {
        match self {
            Self::Claim(_) | Self::Release(_) | Self::Write(_) | Self::Barrier => true,
            Self::Steer(_) | Self::Evict(_) | Self::Conflict { .. } => true,
            Self::Put(put) => put.durable,
            Self::Beat(beat) => beat.registering,
            Self::Read(_) | Self::Inquire(_) | Self::Survey | Self::Decision { .. } => false,
            Self::Inquiries | Self::Answer(_) => false,
        }
    }

    /// The key whose slot it goes to; none for the control record's.
    pub fn key(&self) -> Option<&Key> {
        match self {
            Self::Claim(Claim { key, .. })
            | Self::Put(Put { key, .. })
            | Self::Release(Release { key, .. })
            | Self::Read(Read { key, .. })
            | Self::Write(Write { key, .. }) => Some(key),
            _ => None,
        }
    }
}

/// Answer to a [`Claim`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// The caller owns the key: the record as it is now, its generation the caller's.
    Yours(Record),
    /// Somebody else does, and was told that the caller wants it.
    Owned {
        /// Who.
        owner: Id,
        /// Which generation.
        generation: u64,
    },
    /// The caller's epoch is below the record's or the fence's: it has missed a change of phase.
    Stale,
    /// The deadline had passed.
    Late,
}

/// Answer to a [`Put`] or a [`Release`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Applied.
    Applied,
    /// The same operation was there already.
    Same,
    /// A newer version of the same owner was there already: done, not an error.
    Older,
    /// The same sequence with another operation: must not happen.
    Conflict,
    /// Somebody else owns the key, or has owned it since.
    Superseded,
    /// Redis does not know of the caller's ownership any more: it has lost the claim.
    Forgotten,
    /// The caller's epoch is below the record's.
    Stale,
    /// The deadline had passed.
    Late,
}

/// Answer to a [`Write`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// Applied, under this sequence.
    Applied(u64),
    /// The same operation was there already, under this sequence.
    Same(u64),
    /// Another sequence is there: the record as it is now.
    Retry(Record),
    /// The record has a higher epoch than the caller (of whichever run), or there is none and the fence has.
    Stale,
    /// The deadline had passed.
    Late,
}

/// Answer to a [`Beat`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beaten {
    /// The control record.
    pub record: ControlRecord,
    /// Identity of the server's replication history, and of its process.
    pub replid: String,
    /// Redis' clock.
    pub now_ms: u64,
    /// Set when the caller's incarnation is dead, or another one is under its name: why. Then nothing was changed.
    pub dead: Option<crate::control::Proof>,
}

/// Answer to an [`Inquire`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Proven gone.
    Gone,
    /// Its lease has lapsed, and everybody has acknowledged `strict` or later, itself included (the phase it last told
    /// that it serves in): then it acknowledges nothing without Redis, and that is enough (C10).
    Lapsed,
    /// Neither.
    Alive,
}

/// Answer to a [`Call::Survey`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surveyed {
    /// The control record.
    pub record: ControlRecord,
    /// Identity of the server's replication history.
    pub replid: String,
    /// Redis' clock.
    pub now_ms: u64,
    /// Instances by name.
    pub members: std::collections::BTreeMap<String, Member>,
    /// Dead incarnations.
    pub dead: std::collections::BTreeMap<Id, crate::control::Evicted>,
    /// Keys with two values of which nobody has decided.
    pub conflicts: u64,
}

/// Answer to a [`Steer`] or an [`Evict`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Steered {
    /// Done.
    Done,
    /// The record, or the instance, is not the expected one.
    Changed,
    /// Somebody else has the operator's lock.
    Fenced,
}

/// What a call answers. The variant is the call's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// To a [`Claim`].
    Claimed(Claimed),
    /// To a [`Put`] or [`Release`].
    Verdict(Verdict),
    /// To a [`Read`], with Redis' clock.
    Record(Record, u64),
    /// To a [`Write`].
    Written(Written),
    /// To a [`Beat`].
    Beaten(Box<Beaten>),
    /// To an [`Inquire`].
    Standing(Standing),
    /// To [`Call::Decision`].
    Conflict(Option<Box<super::message::Conflict>>),
    /// To [`Call::Survey`].
    Surveyed(Box<Surveyed>),
    /// To a [`Steer`] or [`Evict`].
    Steered(Steered),
    /// To [`Call::Inquiries`]: each as JSON, with Redis' clock.
    Inquiries(Vec<String>, u64),
    /// To [`Call::Barrier`], [`Call::Conflict`] and [`Call::Answer`].
    Done,
}

/// A call without an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No answer in time, a connection lost, or fewer replicas than wanted: it may have been carried out, or
    /// may still be.
    #[error("the outcome is not known: {0}")]
    Unknown(String),
    /// It was certainly not carried out.
    #[error("Redis did not carry it out: {0}")]
    Refused(String),
}
