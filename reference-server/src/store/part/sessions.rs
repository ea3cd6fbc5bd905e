//! Sessions and their refresh tokens.

use super::part;
use crate::domain::{NewAccount, NewSession, Rotated, Rotation, SessionId, Timestamp, UserId};

part! {
    /// Sessions. Each has one token that is good; all that it had before are proof of a copy.
    pub trait SessionStore {
        /// Begins a session.
        fn open_session(&self, session: NewSession) -> ();
        /// Puts the next token in the place of the one used, in one step: of two uses of a token, in whatever
        /// processes, one is a replay. A replay ends the session.
        fn rotate_session(&self, rotation: Rotation) -> Rotated;
        /// Ends a session, if it is there.
        fn close_session(&self, session: SessionId) -> ();
        /// Ends all sessions of an account.
        fn close_sessions(&self, user: UserId) -> ();
        /// Makes this account, or gives the one of this username its role and password, switches it on and ends
        /// its sessions: whoever had it before has not got the new role.
        fn put_administrator(&self, account: NewAccount) -> ();
        /// Forgets the sessions that ended before this: how many.
        fn sweep_sessions(&self, now: Timestamp) -> u64;
    }
}
