//! Passwords, access tokens, refresh tokens, and what protects the cookies that hold them.

mod administrator;
mod csrf;
mod hashers;
mod password;
mod refresh;
mod token;

pub use administrator::ensure as ensure_administrator;
pub use csrf::CsrfTokens;
pub use password::{PasswordError, Passwords, hash_published};
pub use refresh::RefreshToken;
pub use token::{BadToken, Identity, Tokens};
