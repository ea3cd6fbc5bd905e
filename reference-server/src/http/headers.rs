//! Headers that every response carries, so that a browser neither guesses, frames, runs nor passes on what it
//! got. A route that needs something else, a page of HTML for instance, sets its own.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

const FIXED: [(HeaderName, HeaderValue); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("x-permitted-cross-domain-policies"), HeaderValue::from_static("none")),
];

/// One year, as the preload lists ask for.
const OVER_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

/// Adds what is missing. `is_tls` says whether the client came over TLS: to others, the promise to do so always
/// means nothing.
pub fn protect(headers: &mut HeaderMap, is_tls: bool) {
    for (name, value) in FIXED {
        headers.entry(name).or_insert(value);
    }
    if is_tls {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(OVER_TLS);
    }
}
