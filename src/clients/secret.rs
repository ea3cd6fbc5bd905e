//! URLs that may carry a password: shown with the password masked, whole only where a driver needs them.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A connection URL. `Display` and `Debug` mask the password.
#[derive(Clone)]
pub struct SecretUrl {
    whole: SecretString,
    masked: String,
}

impl SecretUrl {
    /// Takes the URL as it was given; it need not be valid.
    pub fn new(url: impl Into<String>) -> Self {
        let url = url.into();
        let masked = mask(&url);
        Self { whole: url.into(), masked }
    }

    /// The URL with its password, for the driver alone.
    pub fn expose(&self) -> &str {
        self.whole.expose_secret()
    }

    /// The hosts that it names, without their ports; works where no parser does.
    pub fn hosts(&self) -> Vec<&str> {
        let rest = self.expose().split_once("://").map_or(self.expose(), |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let listed = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
        listed.split(',').map(without_port).collect()
    }

    /// Whether the URL carries a password.
    pub fn has_password(&self) -> bool {
        self.masked != self.expose()
    }

    /// A driver's message without the password that it may quote.
    pub fn scrub(&self, message: &str) -> String {
        match password_range(self.expose()) {
            Some(range) => message.replace(&self.expose()[range], "***"),
            None => message.to_owned(),
        }
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked)
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretUrl({})", self.masked)
    }
}

/// A text that may quote URLs, with a star for each character of their passwords: columns stay where they are.
pub fn mask_text(text: &str) -> String {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | '}' | ']' | ')');
    text.split_inclusive(is_end)
        .map(|word| match password_range(word.trim_end_matches(is_end)) {
            Some(range) => {
                let stars = "*".repeat(word[range.clone()].chars().count());
                format!("{}{stars}{}", &word[..range.start], &word[range.end..])
            }
            None => word.to_owned(),
        })
        .collect()
}

fn without_port(address: &str) -> &str {
    match address.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => address.split(':').next().unwrap_or_default(),
    }
}

fn mask(url: &str) -> String {
    match password_range(url) {
        Some(range) => format!("{}***{}", &url[..range.start], &url[range.end..]),
        None => url.to_owned(),
    }
}

/// The bytes between `user:` and the last `@` before the path; works on URLs that no parser accepts
/// (several MongoDB hosts, unescaped characters).
fn password_range(url: &str) -> Option<std::ops::Range<usize>> {
    let authority = url.find("://")? + 3;
    let end = url[authority..].find(['/', '?', '#']).map_or(url.len(), |at| authority + at);
    let at = authority + url[authority..end].rfind('@').or_else(|| url[authority..].rfind('@'))?;
    let colon = authority + url[authority..at].find(':')?;
    (colon + 1 < at).then_some(colon + 1..at)
}

#[cfg(test)]
mod tests {
    use super::{SecretUrl, mask_text};

    #[test]
    fn hosts_are_found_behind_users_and_before_ports() {
        for (url, hosts) in [
            ("redis://:p@h:1/0", vec!["h"]),
            ("mongodb://u:p%40ss@a:1,b:2/db?x=1", vec!["a", "b"]),
            ("mongodb+srv://u@cluster.example.org/db", vec!["cluster.example.org"]),
            ("redis+sentinel://[::1]:26379,s2/master", vec!["::1", "s2"]),
            ("localhost:27017", vec!["localhost"]),
        ] {
            assert_eq!(SecretUrl::new(url).hosts(), hosts, "{url}");
        }
    }

    #[test]
    fn passwords_are_masked_everywhere() {
        for (url, shown) in [
            ("redis://:hunter2@h:1/0", "redis://:***@h:1/0"),
            ("mongodb://u:p%40ss@a:1,b:2/db?x=1", "mongodb://u:***@a:1,b:2/db?x=1"),
            ("mongodb://u:pa/ss@a:1/db", "mongodb://u:***@a:1/db"),
            ("http://h/path?a@b", "http://h/path?a@b"),
            ("redis://user@h", "redis://user@h"),
        ] {
            let secret = SecretUrl::new(url);
            assert_eq!(secret.to_string(), shown);
            assert!(!format!("{secret:?}").contains("hunter2"));
            assert_eq!(secret.expose(), url);
        }
        assert_eq!(
            mask_text("a: {redis: 'redis://:hünter2@h', x: 1}\nb: http://h/@x"),
            "a: {redis: 'redis://:*******@h', x: 1}\nb: http://h/@x"
        );
        let secret = SecretUrl::new("redis://:hunter2@h");
        assert_eq!(secret.scrub("bad redis://:hunter2@h"), "bad redis://:***@h");
    }
}
