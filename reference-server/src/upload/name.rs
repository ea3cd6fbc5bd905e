//! Names of files. They are for display only, and told to browsers in a way that no name can break.

use std::fmt::Write as _;

use crate::domain::FileType;

/// Longest name, in characters.
const LONGEST: usize = 100;

/// What is shown of the name that a client claims: its last component without control characters, ending in
/// what the content is. A file that says it is a page is not opened as one.
pub fn display_name(claimed: &str, r#type: FileType) -> String {
    let last = claimed.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown = |c: &char| !c.is_control() && !is_directional(*c);
    let stem: String = last.chars().filter(shown).take(LONGEST).collect();
    let stem = stem.trim().trim_start_matches('.');
    let stem = if stem.is_empty() { "file" } else { stem };
    let lower = stem.to_lowercase();
    let endings = endings(r#type);
    if endings.iter().any(|ending| lower.ends_with(ending)) {
        return stem.to_owned();
    }
    format!("{stem}{}", endings[0])
}

/// Characters that turn the direction of writing, which would hide the real ending.
fn is_directional(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn endings(r#type: FileType) -> &'static [&'static str] {
    match r#type {
        FileType::Png => &[".png"],
        FileType::Jpeg => &[".jpg", ".jpeg"],
        FileType::Gif => &[".gif"],
        FileType::Webp => &[".webp"],
        FileType::Pdf => &[".pdf"],
    }
}

/// The value of `Content-Disposition` that makes a browser save a file under this name (RFC 6266).
pub fn attachment(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') { c } else { '_' };
    let fallback: String = name.chars().map(plain).collect();
    let mut value = format!("attachment; filename=\"{fallback}\"; filename*=UTF-8''");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_') {
            value.push(char::from(byte));
        } else {
            let _ = write!(value, "%{byte:02X}");
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_lose_their_way_and_keep_their_sense() {
        let shown = |claimed| display_name(claimed, FileType::Png);
        assert_eq!(shown("Ferien 🐈.PNG"), "Ferien 🐈.PNG");
        assert_eq!(shown("../../etc/passwd"), "passwd.png");
        assert_eq!(shown(r"C:\boot.ini"), "boot.ini.png");
        assert_eq!(shown("a\r\nb\0.png"), "ab.png");
        assert_eq!(shown("page.html"), "page.html.png");
        assert_eq!(shown("cat\u{202e}gnp.exe"), "catgnp.exe.png");
        for nothing in ["", "..", "/", "\n", "  "] {
            assert_eq!(shown(nothing), "file.png", "{nothing:?}");
        }
        assert_eq!(display_name("photo.jpeg", FileType::Jpeg), "photo.jpeg");
    }

    #[test]
    fn attachments_are_escaped() {
        assert_eq!(
            attachment("a\"b é.png"),
            "attachment; filename=\"a_b__.png\"; filename*=UTF-8''a%22b%20%C3%A9.png"
        );
    }

    proptest! {
        #[test]
        fn no_name_breaks_the_header_or_leaves_the_folder(claimed in ".{0,200}|[./\\\\\"\r\n%;]{0,40}") {
            let name = display_name(&claimed, FileType::Pdf);
            prop_assert!(!name.contains(['/', '\\', '\r', '\n']) && !name.starts_with('.'));
            prop_assert!(name.to_lowercase().ends_with(".pdf") && name.chars().count() <= LONGEST + 4);
            let value = attachment(&name);
            prop_assert!(HeaderValue::from_str(&value).is_ok());
            prop_assert_eq!(value.matches('"').count(), 2);
        }
    }
}
