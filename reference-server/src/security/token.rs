//! Short-lived access tokens: JSON Web Tokens signed with HMAC-SHA-256.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use super::CsrfTokens;
use crate::domain::{Person, Role, SessionId, UserId};

/// A token that proves nothing: malformed, signed by somebody else, or expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is missing, malformed or expired: log in again")]
pub struct BadToken;

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who it is.
    pub person: Person,
    /// What the account might do when the token was issued.
    pub role: Role,
    /// The login that led to it.
    pub session: SessionId,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: UserId,
    sid: SessionId,
    role: Role,
    username: String,
    name: String,
    iat: u64,
    exp: u64,
}

/// Issues and checks tokens.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    ttl: Duration,
    /// What requests with cookies must say besides.
    pub csrf: CsrfTokens,
}

impl Tokens {
    /// Tokens signed with this secret.
    pub fn new(secret: &[u8], ttl: Duration) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
            ttl,
            csrf: CsrfTokens::new(secret),
        }
    }

    /// Life of a token.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// A token that says this.
    pub fn issue(&self, identity: &Identity) -> Result<String, jsonwebtoken::errors::Error> {
        let iat = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let claims = Claims {
            sub: identity.person.id,
            sid: identity.session,
            role: identity.role,
            username: identity.person.username.to_string(),
            name: identity.person.name.to_string(),
            iat,
            exp: iat + self.ttl.as_secs(),
        };
        encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
    }

    /// What the token says, if it was issued here and has not expired.
    pub fn check(&self, token: &str) -> Result<Identity, BadToken> {
        let decoded = decode::<Claims>(token, &self.decoding, &self.validation).map_err(|_| BadToken)?;
        let Claims { sub, sid, role, username, name, .. } = decoded.claims;
        let person = Person { id: sub, username: username.into(), name: name.into() };
        Ok(Identity { person, role, session: sid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> Identity {
        let person = Person { id: UserId::new(), username: "ada".into(), name: "Ada".into() };
        Identity { person, role: Role::Lawyer, session: SessionId::new() }
    }

    #[test]
    fn a_token_says_who_what_and_since_which_login() {
        let (tokens, ada) = (Tokens::new(b"secret", Duration::from_secs(900)), ada());
        assert_eq!(tokens.check(&tokens.issue(&ada).unwrap()), Ok(ada));
    }

    #[test]
    fn foreign_expired_and_broken_tokens_prove_nothing() {
        let tokens = Tokens::new(b"secret", Duration::from_secs(900));
        let foreign = Tokens::new(b"other", Duration::from_secs(900)).issue(&ada()).unwrap();
        let expired = expired_token(b"secret");
        for bad in [foreign.as_str(), expired.as_str(), "", "a.b.c"] {
            assert_eq!(tokens.check(bad), Err(BadToken));
        }
    }

    fn expired_token(secret: &[u8]) -> String {
        let Identity { person, role, session } = ada();
        let (username, name) = (person.username.to_string(), person.name.to_string());
        let claims = Claims { sub: person.id, sid: session, role, username, name, iat: 1, exp: 2 };
        encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret)).unwrap()
    }
}
