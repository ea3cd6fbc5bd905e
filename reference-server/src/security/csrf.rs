//! What a page must say besides its cookies, which a browser sends along with requests of other sites too: a
//! value that only the session's own pages can read.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, Tag, sign, verify};

use crate::domain::{SessionId, hex};

/// Makes and checks the values. They follow from the session: nothing is kept.
pub struct CsrfTokens {
    key: Key,
}

impl CsrfTokens {
    /// Values that follow from this secret, whatever else it is used for.
    pub fn new(secret: &[u8]) -> Self {
        let derived = sign(&Key::new(HMAC_SHA256, secret), b"cross-site request forgery");
        Self { key: Key::new(HMAC_SHA256, derived.as_ref()) }
    }

    /// The value of a session.
    pub fn of(&self, session: SessionId) -> String {
        let tag: Tag = sign(&self.key, session.as_bytes());
        hex::encode(tag.as_ref())
    }

    /// Whether this is the value of the session, in a time that does not depend on it.
    pub fn is_of(&self, session: SessionId, value: &str) -> bool {
        hex::decode::<32>(value).is_some_and(|tag| verify(&self.key, session.as_bytes(), &tag).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_holds_for_its_session_and_its_server_only() {
        let (here, elsewhere) = (CsrfTokens::new(b"one"), CsrfTokens::new(b"other"));
        let session = SessionId::new();
        let value = here.of(session);
        assert!(here.is_of(session, &value));
        assert!(!here.is_of(SessionId::new(), &value));
        assert!(!elsewhere.is_of(session, &value));
        for bad in ["", "00", &value[..62], &value.to_uppercase()] {
            assert!(!here.is_of(session, bad), "{bad}");
        }
    }
}
