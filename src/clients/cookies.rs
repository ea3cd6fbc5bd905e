//! The cookies of one user and one origin: kept, sent back, forgotten when the server says so.

use std::time::SystemTime;

use hyper::HeaderMap;
use hyper::header::{HeaderValue, SET_COOKIE};

/// Cookies by name, in the order of their first appearance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CookieJar {
    cookies: Vec<(String, String)>,
}

impl CookieJar {
    /// Takes in the `Set-Cookie` headers of the answer that opened a connection.
    pub fn store(&mut self, headers: &HeaderMap) {
        self.keep(headers.get_all(SET_COOKIE).into_iter().filter_map(|value| value.to_str().ok()));
    }

    /// Takes in what `Set-Cookie` headers say.
    pub fn keep<'h>(&mut self, set: impl Iterator<Item = &'h str>) {
        for text in set {
            let mut parts = text.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            let is_expired = parts.any(is_over);
            self.forget(name);
            if !is_expired {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    /// Takes in a cookie that the scenario names itself.
    pub fn set(&mut self, name: &str, value: String) {
        self.forget(name);
        self.cookies.push((name.to_owned(), value));
    }

    fn forget(&mut self, name: &str) {
        self.cookies.retain(|(known, _)| known != name);
    }

    /// The `Cookie` header, if there is anything to send; `own` is what the scenario sends itself.
    pub fn header(&self, own: Option<&HeaderValue>) -> Option<HeaderValue> {
        if self.cookies.is_empty() {
            return None;
        }
        let own = own.and_then(|own| own.to_str().ok()).map(str::to_owned);
        let kept = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        let pairs: Vec<String> = own.into_iter().chain(kept).collect();
        HeaderValue::from_str(&pairs.join("; ")).ok()
    }
}

/// Whether an attribute says that the cookie is to be forgotten.
fn is_over(attribute: &str) -> bool {
    let Some((name, value)) = attribute.split_once('=') else { return false };
    match name.trim().to_ascii_lowercase().as_str() {
        "max-age" => value.trim().parse::<i64>().is_ok_and(|seconds| seconds <= 0),
        "expires" => httpdate::parse_http_date(value.trim()).is_ok_and(|date| date <= SystemTime::now()),
        _ => false,
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
        assert_eq!(jar.header(None), None);
        let set = |jar: &mut CookieJar, text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.append(SET_COOKIE, HeaderValue::from_static(text));
            jar.store(&headers);
        };
        set(&mut jar, "route=a1; Path=/; HttpOnly");
        set(&mut jar, "sid=x");
        set(&mut jar, "route=b2");
        assert_eq!(jar.header(None).unwrap(), "sid=x; route=b2");
        set(&mut jar, "sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(jar.header(Some(&HeaderValue::from_static("own=1"))).unwrap(), "own=1; route=b2");
        set(&mut jar, "route=; Max-Age=0");
        assert_eq!(jar.header(None), None);
    }
}
