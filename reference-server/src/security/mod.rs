//! Passwords and access tokens.

mod hashers;
mod password;
mod token;

pub use password::{PasswordError, Passwords};
pub use token::{BadToken, Tokens};
