//! Short-lived access tokens: JSON Web Tokens signed with HMAC-SHA-256.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use crate::domain::{Person, UserId};

/// A token that proves nothing: malformed, signed by somebody else, or expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the access token is missing, malformed or expired: log in again")]
pub struct BadToken;

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: UserId,
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
        }
    }

    /// Life of a token in seconds.
    pub fn expires_in(&self) -> u64 {
        self.ttl.as_secs()
    }

    /// A token for this person.
    pub fn issue(&self, person: &Person) -> Result<String, jsonwebtoken::errors::Error> {
        let iat = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let claims = Claims {
            sub: person.id,
            username: person.username.to_string(),
            name: person.name.to_string(),
            iat,
            exp: iat + self.ttl.as_secs(),
        };
        encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
    }

    /// The person that the token was issued for.
    pub fn check(&self, token: &str) -> Result<Person, BadToken> {
        let decoded = decode::<Claims>(token, &self.decoding, &self.validation).map_err(|_| BadToken)?;
        let Claims { sub, username, name, .. } = decoded.claims;
        Ok(Person { id: sub, username: username.into(), name: name.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> Person {
        Person { id: UserId::new(), username: "ada".into(), name: "Ada".into() }
    }

    #[test]
    fn a_token_names_its_person() {
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
        let Person { id, username, name } = ada();
        let claims =
            Claims { sub: id, username: username.to_string(), name: name.to_string(), iat: 1, exp: 2 };
        encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret)).unwrap()
    }
}
