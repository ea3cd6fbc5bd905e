//! The cookies of a session. Scripts cannot read the two that hold tokens; they read the third and repeat it in
//! `X-CSRF-Token`.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use cookie::{Cookie, SameSite};

use crate::config::SessionCookies;

const EVERYWHERE: &str = "/";

/// Where refresh tokens are used: nowhere else are they sent.
const AUTH: &str = "/api/auth";

/// How the cookies are called. Browsers accept the prefixed names over TLS only, and `__Host-` from this host
/// only.
pub struct SessionCookieJar {
    access: &'static str,
    refresh: &'static str,
    csrf: &'static str,
    is_secure: bool,
}

/// What the cookies hold.
pub struct SessionSecrets<'a> {
    /// The access token, and how long it lives.
    pub access: (&'a str, Duration),
    /// The refresh token, and how long it lives.
    pub refresh: (&'a str, Duration),
    /// What unsafe requests must repeat.
    pub csrf: &'a str,
}

impl SessionCookieJar {
    /// The cookies of these settings, if there are any.
    pub fn of(settings: SessionCookies) -> Option<Self> {
        let (access, refresh, csrf, is_secure) = match settings {
            SessionCookies::Off => return None,
            SessionCookies::Secure => ("__Host-session", "__Secure-refresh", "__Host-csrf", true),
            SessionCookies::Insecure => ("session", "refresh", "csrf", false),
        };
        Some(Self { access, refresh, csrf, is_secure })
    }

    /// The access token that the client sent.
    pub fn access<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        find(headers, self.access)
    }

    /// The refresh token that the client sent.
    pub fn refresh<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        find(headers, self.refresh)
    }

    /// `Set-Cookie` for all of them.
    pub fn set(&self, secrets: &SessionSecrets<'_>) -> Vec<HeaderValue> {
        let SessionSecrets { access, refresh, csrf } = secrets;
        self.headers([
            (self.access, access.0, EVERYWHERE, true, access.1),
            (self.refresh, refresh.0, AUTH, true, refresh.1),
            (self.csrf, csrf, EVERYWHERE, false, refresh.1),
        ])
    }

    /// `Set-Cookie` that removes them.
    pub fn clear(&self) -> Vec<HeaderValue> {
        self.headers([
            (self.access, "", EVERYWHERE, true, Duration::ZERO),
            (self.refresh, "", AUTH, true, Duration::ZERO),
            (self.csrf, "", EVERYWHERE, false, Duration::ZERO),
        ])
    }

    fn headers(&self, cookies: [(&'static str, &str, &'static str, bool, Duration); 3]) -> Vec<HeaderValue> {
        let encode = |(name, value, path, is_hidden, life): (_, &str, _, _, Duration)| {
            let cookie = Cookie::build((name, value.to_owned()))
                .path(path)
                .secure(self.is_secure)
                .http_only(is_hidden)
                .same_site(SameSite::Lax)
                .max_age(cookie::time::Duration::seconds(i64::try_from(life.as_secs()).unwrap_or(i64::MAX)));
            HeaderValue::try_from(cookie.to_string()).ok()
        };
        cookies.into_iter().filter_map(encode).collect()
    }
}

fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let sent = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut cookies = sent.flat_map(Cookie::split_parse).flatten();
    cookies.find(|cookie| cookie.name() == name)?.value_raw().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_in_any_of_several_headers() {
        let jar = SessionCookieJar::of(SessionCookies::Insecure).unwrap();
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("theme=dark; mysession=no"));
        headers.append(header::COOKIE, HeaderValue::from_static("refresh=r; session=a.b.c; session=later"));
        assert_eq!((jar.access(&headers), jar.refresh(&headers)), (Some("a.b.c"), Some("r")));
        assert_eq!(SessionCookieJar::of(SessionCookies::Secure).unwrap().access(&headers), None);
    }

    #[test]
    fn cookies_over_tls_have_every_protection() {
        let jar = SessionCookieJar::of(SessionCookies::Secure).unwrap();
        let life = (Duration::from_secs(9), Duration::from_secs(99));
        let set = jar.set(&SessionSecrets { access: ("a", life.0), refresh: ("r", life.1), csrf: "c" });
        assert_eq!(
            set,
            [
                "__Host-session=a; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=9",
                "__Secure-refresh=r; HttpOnly; SameSite=Lax; Secure; Path=/api/auth; Max-Age=99",
                "__Host-csrf=c; SameSite=Lax; Secure; Path=/; Max-Age=99",
            ]
        );
        assert!(jar.clear().iter().all(|header| header.to_str().unwrap().contains("Max-Age=0")));
    }
}
