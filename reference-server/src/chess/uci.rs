//! A move as it is written: small, because a room keeps all of its game's.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Squares, and the piece of a promotion.
const LONGEST: usize = 5;

/// A move in UCI notation: `e2e4`, `e1g1`, `e7e8q`. Only its length and its letters are known to be right.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Uci([u8; LONGEST]);

/// A text that is no move on any board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a move has four or five letters and digits")]
pub struct NotUci;

impl Uci {
    /// The move as text.
    pub fn as_str(&self) -> &str {
        let length = if self.0[LONGEST - 1] == 0 { LONGEST - 1 } else { LONGEST };
        std::str::from_utf8(&self.0[..length]).unwrap_or_default()
    }
}

impl TryFrom<&str> for Uci {
    type Error = NotUci;

    fn try_from(text: &str) -> Result<Self, NotUci> {
        let fits = matches!(text.len(), 4 | LONGEST) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let mut bytes = [0; LONGEST];
        bytes.get_mut(..text.len()).filter(|_| fits).ok_or(NotUci)?.copy_from_slice(text.as_bytes());
        Ok(Self(bytes))
    }
}

impl fmt::Debug for Uci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Uci {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Uci {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::try_from(text.as_ref()).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for text in ["e2e4", "e7e8q"] {
            assert_eq!(Uci::try_from(text).unwrap().as_str(), text);
        }
        for bad in ["", "e2e", "e7e8qq", "e2 4", "e2e\0", "é2e4"] {
            assert_eq!(Uci::try_from(bad), Err(NotUci), "{bad}");
        }
    }
}
