//! The cookies of one user and one origin: kept, sent back, forgotten when the server says so.

use hyper::HeaderMap;
use hyper::header::{HeaderValue, SET_COOKIE};

/// Cookies by name, in the order of their first appearance.
#[derive(Debug, Default)]
pub struct CookieJar {
    cookies: Vec<(String, String)>,
}

impl CookieJar {
    /// Takes in the `Set-Cookie` headers of an answer.
    pub fn store(&mut self, headers: &HeaderMap) {
        for header in headers.get_all(SET_COOKIE) {
            let Ok(text) = header.to_str() else { continue };
            let mut parts = text.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            let is_expired = parts.any(|attribute| attribute.eq_ignore_ascii_case("max-age=0"));
            self.cookies.retain(|(known, _)| known != name);
            if !is_expired {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    /// The `Cookie` header, if there is anything to send.
    pub fn header(&self) -> Option<HeaderValue> {
        if self.cookies.is_empty() {
            return None;
        }
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        HeaderValue::from_str(&pairs.join("; ")).ok()
    }
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use hyper::header::{HeaderValue, SET_COOKIE};

    use super::CookieJar;

    #[test]
    fn cookies_are_replaced_and_forgotten() {
        let mut jar = CookieJar::default();
        assert_eq!(jar.header(), None);
        let set = |jar: &mut CookieJar, text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.append(SET_COOKIE, HeaderValue::from_static(text));
            jar.store(&headers);
        };
        set(&mut jar, "route=a1; Path=/; HttpOnly");
        set(&mut jar, "sid=x");
        set(&mut jar, "route=b2");
        assert_eq!(jar.header().unwrap(), "sid=x; route=b2");
        set(&mut jar, "sid=; Max-Age=0");
        assert_eq!(jar.header().unwrap(), "route=b2");
    }
}
