//! Sessions: what a login leaves behind, so that the next access token needs no password.

use super::{Account, SessionId, Timestamp, UserId};

/// What is kept of a refresh token: its SHA-256.
pub type TokenHash = [u8; 32];

/// A session about to begin.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Which one it will be.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// Its first token.
    pub token: TokenHash,
    /// When it ends, unless a token is used before.
    pub expires_at: Timestamp,
}

/// A refresh token that is used, and the one that takes its place.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The session that the token belongs to.
    pub session: SessionId,
    /// The token that was sent.
    pub used: TokenHash,
    /// The next one.
    pub next: TokenHash,
    /// When it was sent.
    pub now: Timestamp,
    /// When the next one expires.
    pub expires_at: Timestamp,
}

/// What became of a rotation.
#[derive(Debug, Clone)]
pub enum Rotated {
    /// The session goes on: whose it is now.
    Renewed(Account),
    /// The token was used before: somebody has a copy, and the session has been ended.
    Replayed,
    /// There is no such session, or no longer.
    Unknown,
}
