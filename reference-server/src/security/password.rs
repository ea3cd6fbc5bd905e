//! argon2id on threads of its own (`hashers`), as many as there are cores.

use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

use super::hashers::Hashers;
use crate::config::PasswordCost;
use crate::error::StartError;

/// A request that waits longer than this is better tried again.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Why a password was neither hashed nor checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// More passwords wait than the cores can hash.
    #[error("too many passwords are being checked")]
    Busy,
    /// argon2 failed.
    #[error("argon2: {0}")]
    Hash(String),
}

/// Hashes and checks passwords.
pub struct Passwords {
    hashers: Hashers,
    /// Checked when there is no account, so that both cases take the same time.
    decoy: String,
}

impl Passwords {
    /// Takes one hash to start.
    pub fn new(cost: PasswordCost) -> Result<Self, StartError> {
        let argon2 = hasher(cost)?;
        let decoy = hash(&argon2, "decoy").map_err(|failure| refuse(cost, &failure))?;
        Ok(Self { hashers: Hashers::start(&argon2)?, decoy })
    }

    /// The hash of a new password in PHC notation.
    pub async fn hash(&self, password: String) -> Result<String, PasswordError> {
        self.on_a_core(move |argon2| hash(argon2, &password)).await?
    }

    /// Whether the password is the one of this hash. Without a hash, the same work ends in "no".
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, PasswordError> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.clone());
        let matches = self.on_a_core(move |argon2| verify(argon2, &password, &stored)).await??;
        Ok(known && matches)
    }

    async fn on_a_core<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>) -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let done = tokio::time::timeout(LONGEST_WAIT, self.hashers.run(work)).await;
        done.ok().flatten().ok_or(PasswordError::Busy)
    }
}

fn hasher(cost: PasswordCost) -> Result<Argon2<'static>, StartError> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None);
    let params = params.map_err(|failure| refuse(cost, &failure))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn refuse(cost: PasswordCost, reason: &dyn std::fmt::Display) -> StartError {
    StartError::Setting {
        setting: "password",
        value: format!("{cost:?} ({reason})"),
        expected: "a cost that argon2 accepts: at least 8 KiB for each lane, one pass and one lane",
    }
}

/// The hash of a password that everybody may know. It is the same every time: its salt protects nothing.
pub fn hash_published(cost: PasswordCost, password: &str) -> Result<String, StartError> {
    let argon2 = hasher(cost)?;
    let hashed = argon2.hash_password_with_salt(password.as_bytes(), b"published-salt");
    hashed.map(|hash| hash.to_string()).map_err(|failure| refuse(cost, &failure))
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<String, PasswordError> {
    let hashed = argon2.hash_password(password.as_bytes());
    hashed.map(|hash| hash.to_string()).map_err(|failure| PasswordError::Hash(failure.to_string()))
}

fn verify(argon2: &Argon2<'_>, password: &str, stored: &str) -> Result<bool, PasswordError> {
    let stored = PasswordHash::new(stored).map_err(|failure| PasswordError::Hash(failure.to_string()))?;
    Ok(argon2.verify_password(password.as_bytes(), &stored).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cheap() -> Passwords {
        Passwords::new(PasswordCost { memory_kib: 64, passes: 1, lanes: 1 }).unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_matches() {
        let passwords = cheap();
        let stored = passwords.hash("correct horse".into()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{stored}");
        assert!(passwords.verify("correct horse".into(), Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify("wrong".into(), Some(stored)).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_has_no_password_not_even_the_decoys() {
        assert!(!cheap().verify("decoy".into(), None).await.unwrap());
    }

    #[test]
    fn an_impossible_cost_is_refused_at_start() {
        let refused = Passwords::new(PasswordCost { memory_kib: 1, passes: 1, lanes: 1 });
        assert!(matches!(refused, Err(StartError::Setting { setting: "password", .. })));
    }
}
