//! The short code that one player reads out to another.

use std::fmt;
use std::str::FromStr;

use rand::RngExt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Letters and digits that are not mistaken for one another: no 0/O, 1/I/L, U/V.
const ALPHABET: &[u8; 30] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 6;

/// Six characters, in upper case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RoomCode([u8; LENGTH]);

impl RoomCode {
    /// A random code out of 729 million.
    pub fn random() -> Self {
        let mut rng = rand::rng();
        Self(std::array::from_fn(|_| ALPHABET[rng.random_range(0..ALPHABET.len())]))
    }
}

/// A text that cannot be the code of any room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a room code has six letters or digits")]
pub struct BadCode;

impl FromStr for RoomCode {
    type Err = BadCode;

    fn from_str(text: &str) -> Result<Self, BadCode> {
        let bytes: [u8; LENGTH] = text.to_ascii_uppercase().into_bytes().try_into().map_err(|_| BadCode)?;
        if bytes.iter().all(|byte| ALPHABET.contains(byte)) { Ok(Self(bytes)) } else { Err(BadCode) }
    }
}

impl fmt::Display for RoomCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{}", char::from(*byte)))
    }
}

impl Serialize for RoomCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RoomCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_survives_being_typed_in_lower_case() {
        let code = RoomCode::random();
        assert_eq!(code.to_string().to_lowercase().parse(), Ok(code));
    }

    #[test]
    fn what_cannot_be_a_code_is_refused() {
        for bad in ["", "ABCDE", "ABCDEFG", "ABCDE0", "ÄBCDE"] {
            assert_eq!(bad.parse::<RoomCode>(), Err(BadCode), "{bad}");
        }
    }
}
