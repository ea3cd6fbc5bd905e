//! Pages of other sites: which of them may call the API, and which may use a session's cookies.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};
use url::Url;

use crate::error::StartError;

/// Time that a browser may remember the answer to a preflight request.
const PREFLIGHT_AGE: Duration = Duration::from_secs(600);

/// Origins whose pages may call the API.
#[derive(Clone)]
pub struct Origins {
    allowed: Vec<HeaderValue>,
}

impl Origins {
    /// The origins of the settings. Anything that no browser would send as an `Origin` is refused, so that a
    /// misspelt one is noticed at the start.
    pub fn new(settings: &[String]) -> Result<Self, StartError> {
        let read = |origin: &String| {
            let url = Url::parse(origin).ok().filter(|url| url.origin().ascii_serialization() == *origin);
            url.and_then(|_| HeaderValue::try_from(origin).ok()).ok_or_else(|| StartError::Setting {
                setting: "allowed_origins",
                value: origin.clone(),
                expected: "an origin such as https://app.example:8443, without a path",
            })
        };
        Ok(Self { allowed: settings.iter().map(read).collect::<Result<_, _>>()? })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.allowed.is_empty()
    }

    /// Whether the request comes from a page of one of them.
    pub fn include(&self, headers: &HeaderMap) -> bool {
        headers.get(header::ORIGIN).is_some_and(|origin| self.allowed.contains(origin))
    }

    /// What their pages may send, cookies included.
    pub fn layer(&self) -> CorsLayer {
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(self.allowed.clone()))
            .allow_credentials(true)
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            .allow_headers([
                header::AUTHORIZATION,
                header::CONTENT_TYPE,
                header::IF_NONE_MATCH,
                HeaderName::from_static("x-csrf-token"),
                HeaderName::from_static("x-request-id"),
            ])
            .expose_headers([header::ETAG, header::RETRY_AFTER, HeaderName::from_static("x-request-id")])
            .max_age(PREFLIGHT_AGE)
    }

    /// Whether the page that sends this may use the session's cookies: it says no origin, or its origin is this
    /// host, or an allowed one. Browsers always say it when they open a WebSocket, and no CORS protects those.
    pub fn may_use_cookies(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
        let page = text(origin).and_then(|origin| origin.split_once("://").map(|(_, at)| at.to_owned()));
        let here = headers.get(header::HOST).and_then(text);
        self.include(headers) || page.zip(here).is_some_and(|(page, here)| page.eq_ignore_ascii_case(&here))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_for_pages_of_this_host_and_of_allowed_origins() {
        let origins = Origins::new(&["https://app.example".to_owned()]).unwrap();
        let may = |origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("api.example:8080"));
            origin.map(|origin| headers.insert(header::ORIGIN, HeaderValue::from_static(origin)));
            origins.may_use_cookies(&headers)
        };
        for good in [None, Some("https://app.example"), Some("http://API.example:8080")] {
            assert!(may(good), "{good:?}");
        }
        for bad in ["null", "https://app.example.evil", "https://evil/app.example", "http://api.example", ""]
        {
            assert!(!may(Some(bad)), "{bad}");
        }
    }

    #[test]
    fn what_no_browser_sends_is_no_origin() {
        for bad in ["*", "null", "app.example", "https://app.example/", "https://APP.example", "https://a/b"]
        {
            assert!(Origins::new(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
