//! Bugs on purpose, for the tests that must catch them. Nothing of it is left in what users run: outside this
//! crate's own tests [`planted`] is the constant `false`.

/// Declares the bugs, and in tests the list of all.
macro_rules! bugs {
    ($($(#[$about:meta])* $name:ident,)*) => {
        /// A bug that a checker has to find.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[cfg_attr(not(test), expect(dead_code, reason = "some are named by the tests' model of Redis only"))]
        pub enum Bug {
            $($(#[$about])* $name,)*
        }

        #[cfg(test)]
        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

bugs! {
    /// A phase is acknowledged while requests of the one before are under way.
    AckWithoutDrain,
    /// A phase is acknowledged after a time instead of when its requests have ended.
    TimerInsteadOfDrain,
    /// Sequences come from a counter of the process.
    SequenceOfProcess,
    /// A put of an equal sequence is applied.
    EqualSequenceApplied,
    /// A superseded write counts as success.
    SupersededIsSuccess,
    /// An older write counts as failure.
    OlderIsFailure,
    /// Tombstones are collected when the backfill ends.
    EarlyCollection,
    /// The sidecar expires with the value.
    SidecarWithTtl,
    /// A tombstone in Redis falls back to memory.
    TombstoneFallsBack,
    /// Reads in `read-new` do not look at what is owed.
    ReadNewIgnoresOwed,
    /// A claim does not wait for the replicas.
    ClaimWithoutWait,
    /// A lapsed lease is enough for a claim in `shadow`.
    ClaimByLeaseInShadow,
    /// A release does not write what memory has.
    ReleaseWithoutFlush,
    /// Writes in `primary-new` do not compare the sequence.
    BaseIgnored,
    /// A write is sent again under another operation.
    ResendWithNewOperation,
    /// A lower epoch is followed.
    LowerEpochFollowed,
    /// A new epoch is the record's and one.
    EpochFromRecord,
    /// Acknowledgements from before a fail-over count.
    AcksAfterFailover,
    /// Two rollbacks in a row need no acknowledgement.
    UndoTwice,
    /// Ownership survives a rollback.
    OwnershipKept,
    /// An instance serves before it is registered.
    UnregisteredServes,
    /// A key counts as backfilled when its put is sent.
    BackfillDoneAtSend,
    /// Records of other runs count.
    RunIgnored,
    /// Repairs renew the life of a value.
    RelativeTtl,
    /// Presence is deleted whoever registered it.
    UnconditionalPresenceDelete,
    /// The put script writes before its last check.
    WriteBeforeLastCheck,
    /// Verification compares the writer's memory only.
    VerifierOfWriterOnly,
}

/// Whether this bug is planted in the running test.
#[cfg(not(test))]
#[inline(always)]
pub const fn planted(_: Bug) -> bool {
    false
}

#[cfg(test)]
pub use in_tests::{planted, with};

#[cfg(test)]
mod in_tests {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Whether this bug is planted in this thread: a simulation runs in one.
    pub fn planted(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }

    /// Runs with a bug.
    pub fn with<T>(bug: Bug, run: impl FnOnce() -> T) -> T {
        struct Uproot;
        impl Drop for Uproot {
            fn drop(&mut self) {
                PLANTED.set(None);
            }
        }
        PLANTED.set(Some(bug));
        let _uproot = Uproot;
        run()
    }
}
