//! Paths as routes: what names one thing among many is told from what names the kind.

/// A segment that is longer than this and holds digits is somebody's key.
const LONG: usize = 16;

/// Whether a segment of a path is the name of one thing: a number, a UUID, a hash, a random key.
pub fn is_id(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let is_hex = segment.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let is_word = segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let is_version = segment.len() <= 3 && segment.starts_with('v');
    match segment.len() {
        0 => false,
        length if digits == length => true,
        _ if is_version => false,
        length if is_hex && digits > 0 && length >= 8 => true,
        length => is_word && length >= LONG && digits >= 3 && !segment.contains('-'),
    }
}

/// A file that a page brings along, and that caches answer for.
pub fn is_asset(path: &str) -> bool {
    const ENDINGS: [&str; 22] = [
        "css",
        "js",
        "mjs",
        "map",
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "avif",
        "ico",
        "woff",
        "woff2",
        "ttf",
        "otf",
        "eot",
        "mp4",
        "webm",
        "mp3",
        "wasm",
        "webmanifest",
    ];
    let last = path.split(['?', '#']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    last.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::{is_asset, is_id};

    #[test]
    fn ids_are_told_from_words() {
        for id in ["7", "65f1c0ffee12", "0190b1c2-7e3a-7c11-9c1e-3f2a1b2c3d4e", "dQw4w9WgXcQ12345678"] {
            assert!(is_id(id), "{id}");
        }
        for word in ["users", "v1", "v2", "feed", "a-long-article-title-of-2024", "decade", "", "oauth2"] {
            assert!(!is_id(word), "{word}");
        }
        assert!(is_asset("/a/app.3f2.js?v=1") && !is_asset("/api/users.list") && !is_asset("/"));
    }
}
