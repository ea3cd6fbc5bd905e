//! Passwords, tokens, cookies, origins, administrators.

use std::time::Duration;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::Span;
use super::secret::Administrator;

/// Settings of everything that keeps others out.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SecuritySettings {
    /// Cost of a password hash.
    pub password: PasswordCost,
    /// Life of an access token.
    #[serde(with = "Span")]
    pub token_ttl: Duration,
    /// Life of a refresh token. Each is good for one use.
    #[serde(with = "Span")]
    pub refresh_ttl: Duration,
    /// Whether sessions may be kept in cookies, and how.
    pub cookies: SessionCookies,
    /// Origins whose pages may call the API; none by default.
    pub allowed_origins: Vec<String>,
    /// Whether admin routes answer others than this machine.
    pub remote_admin: bool,
    /// An administrator that exists from the start: username and password.
    #[serde(with = "Administrator")]
    pub administrator: Option<(String, SecretString)>,
    /// Whether the address of a client is taken from `X-Forwarded-For`: only behind a proxy that sets it.
    pub trust_forwarded: bool,
}

impl Default for SecuritySettings {
    fn default() -> Self {
        Self {
            password: PasswordCost::default(),
            token_ttl: Duration::from_secs(15 * 60),
            refresh_ttl: Duration::from_secs(30 * 24 * 3_600),
            cookies: SessionCookies::Secure,
            allowed_origins: Vec::new(),
            remote_admin: false,
            administrator: None,
            trust_forwarded: false,
        }
    }
}

/// Cookies of a session, for clients that ask for them at login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SessionCookies {
    /// Never set.
    Off,
    /// `Secure`: sent over TLS, and to this machine, only.
    Secure,
    /// Sent over plain HTTP too: for trials without TLS.
    Insecure,
}

/// Parameters of argon2id. The default is the OWASP minimum: 19 MiB, two passes, one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PasswordCost {
    /// Memory of one hash, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes computed side by side.
    pub lanes: u32,
}

impl Default for PasswordCost {
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1 }
    }
}
