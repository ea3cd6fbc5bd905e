//! Bytes as text in lower-case hexadecimal.

use std::fmt::Write as _;

/// Two digits for each byte.
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of a text that [`encode`] made, if there are as many of them.
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N * 2 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_encoded_is_decoded() {
        assert_eq!(encode(&[0, 0xab, 7]), "00ab07");
        assert_eq!(decode("00ab07"), Some([0, 0xab, 7]));
        for other in ["00ab0", "00ab0700", "00AB07", "00ab0g", "+1ab07", "éé07"] {
            assert_eq!(decode::<3>(other), None, "{other}");
        }
    }
}
