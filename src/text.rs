//! Text from elsewhere, made fit to be shown: of bounded length, without secrets, without control characters.

use serde_json::Value;

/// The longest piece of foreign text that a message quotes.
const QUOTED_CHARS: usize = 200;
/// Keys whose values are nobody's business in a report.
const SECRET_KEYS: [&str; 5] = ["token", "password", "secret", "authorization", "cookie"];

/// A number with a comma between thousands.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The start of a text, marked when there is more.
pub fn excerpt(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The start of a body; of JSON, without the values of keys that sound secret.
pub fn body_excerpt(body: &[u8]) -> String {
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => json_excerpt(&value),
        Err(_) => excerpt(&String::from_utf8_lossy(&body[..body.len().min(4 * QUOTED_CHARS)])),
    }
}

/// The start of a JSON value, without the values of keys that sound secret.
pub fn json_excerpt(value: &Value) -> String {
    let mut masked = value.clone();
    mask(&mut masked);
    excerpt(&masked.to_string())
}

fn mask(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Object(map) => {
            for (key, value) in map {
                let key = key.to_ascii_lowercase();
                if SECRET_KEYS.iter().any(|secret| key.contains(secret)) && !value.is_boolean() {
                    *value = Value::from("***");
                } else {
                    mask(value);
                }
            }
        }
        _ => {}
    }
}

/// Text that a terminal shows and does not obey: control characters other than line ends are made visible.
pub fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() && c != '\n' { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// The same on one line.
pub fn one_line(text: &str) -> String {
    printable(text).replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{body_excerpt, excerpt, json_excerpt, one_line};

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(excerpt("é"), "é");
        assert_eq!(excerpt(&"é".repeat(300)).chars().count(), 201);
        assert_eq!(body_excerpt(&[0xff, b'a']), "\u{fffd}a");
    }

    #[test]
    fn secrets_are_masked_at_any_depth() {
        let answer =
            json!({"user": {"accessToken": "eyJ", "name": "ada"}, "Password": 1, "tokenValid": true});
        assert_eq!(
            json_excerpt(&answer),
            r#"{"user":{"accessToken":"***","name":"ada"},"Password":"***","tokenValid":true}"#
        );
        assert_eq!(body_excerpt(br#"{"token":"eyJ"}"#), r#"{"token":"***"}"#);
    }

    #[test]
    fn a_terminal_is_not_made_to_obey() {
        assert_eq!(one_line("a\x1b[2Jb\nc"), "a\u{fffd}[2Jb c");
    }
}
