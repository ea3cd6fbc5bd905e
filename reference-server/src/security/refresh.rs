//! Refresh tokens: opaque, random, each good for one use. The server keeps their hashes only.

use aws_lc_rs::digest::{SHA256, digest};

use super::BadToken;
use crate::domain::{SessionId, TokenHash, hex};

const RANDOM_BYTES: usize = 32;
const BYTES: usize = 16 + RANDOM_BYTES;

/// Which session, and 256 bits that nobody can guess.
pub struct RefreshToken {
    session: SessionId,
    random: [u8; RANDOM_BYTES],
}

impl RefreshToken {
    /// The next token of a session.
    pub fn of(session: SessionId) -> Self {
        Self { session, random: rand::random() }
    }

    /// The token of a text that [`RefreshToken::text`] made.
    pub fn parse(text: &str) -> Result<Self, BadToken> {
        let bytes = hex::decode::<BYTES>(text).ok_or(BadToken)?;
        let (session, random) = bytes.split_first_chunk::<16>().ok_or(BadToken)?;
        let random = random.try_into().map_err(|_| BadToken)?;
        Ok(Self { session: SessionId::from_bytes(*session), random })
    }

    /// What the client keeps.
    pub fn text(&self) -> String {
        let mut bytes = [0; BYTES];
        let (session, random) = bytes.split_at_mut(16);
        session.copy_from_slice(self.session.as_bytes());
        random.copy_from_slice(&self.random);
        hex::encode(&bytes)
    }

    /// The session that it belongs to.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// What the store keeps.
    pub fn hash(&self) -> TokenHash {
        let mut hash = TokenHash::default();
        hash.copy_from_slice(digest(&SHA256, &self.random).as_ref());
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_again_and_its_hash_does_not_give_it_away() {
        let token = RefreshToken::of(SessionId::new());
        let text = token.text();
        let again = RefreshToken::parse(&text).unwrap();
        assert_eq!((again.session(), again.hash()), (token.session(), token.hash()));
        assert!(!text.contains(&hex::encode(&token.hash())));
        assert_ne!(RefreshToken::of(token.session()).hash(), token.hash());
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let text = RefreshToken::of(SessionId::new()).text();
        for bad in ["", "x", &text[1..], &text.to_uppercase(), &format!("{text}00")] {
            assert!(RefreshToken::parse(bad).is_err(), "{bad}");
        }
    }
}
