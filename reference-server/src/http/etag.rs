//! Validators: what has not changed since the client last saw it is not sent again.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::ApiError;
use crate::app::App;
use crate::domain::hex;

/// Larger bodies are sent as they are: files, not records.
const LARGEST_BODY: u64 = 1024 * 1024;

/// Gives every answer to GET and HEAD a tag of its body, and answers 304 when the client has this body.
///
/// The tag is of the body before compression. Where responses may be compressed it is a weak one: the same tag
/// stands for the plain, the gzip and the Brotli form, which a strong one must not (RFC 9110, 8.8.1).
pub async fn etag(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    // The handler runs for HEAD too; its body, which the router drops later, must be seen here first.
    *request.method_mut() = Method::GET;
    let known = Known::of(request.headers());
    let response = next.run(request).await;
    let size = response.body().size_hint().exact();
    let is_ours = response.status() == StatusCode::OK && !response.headers().contains_key(header::ETAG);
    if !is_ours || size.is_none_or(|size| size > LARGEST_BODY) {
        return response;
    }
    let answer = validated(response, &known, app.config.http.compression.enabled).await;
    answer.unwrap_or_else(|failure| ApiError::Internal(failure.to_string()).into_response())
}

async fn validated(response: Response, known: &Known, is_weak: bool) -> Result<Response, axum::Error> {
    let (mut head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await?;
    let tag = opaque_tag(&body);
    let value = if is_weak { format!("W/\"{tag}\"") } else { format!("\"{tag}\"") };
    head.headers.extend(HeaderValue::try_from(value).ok().map(|value| (header::ETAG, value)));
    let control = head.headers.entry(header::CACHE_CONTROL);
    control.or_insert(HeaderValue::from_static("private, no-cache"));
    if is_weak {
        head.headers.append(header::VARY, header::ACCEPT_ENCODING.into());
    }
    if !known.include(&tag) {
        return Ok(Response::from_parts(head, Body::from(body)));
    }
    head.status = StatusCode::NOT_MODIFIED;
    head.headers.remove(header::CONTENT_TYPE);
    head.headers.remove(header::CONTENT_LENGTH);
    Ok(Response::from_parts(head, Body::empty()))
}

/// Half of a SHA-256, in hexadecimal.
fn opaque_tag(body: &[u8]) -> String {
    hex::encode(&digest(&SHA256, body).as_ref()[..16])
}

/// What `If-None-Match` lists.
#[derive(Debug, PartialEq, Eq)]
enum Known {
    /// `*`: whatever there is.
    Any,
    /// These, compared without regard to their being weak.
    Tags(Vec<String>),
}

impl Known {
    fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
        let mut tags = Vec::new();
        for line in lines {
            if line.trim() == "*" {
                return Self::Any;
            }
            // Every other piece between quotes is a tag: a tag may hold a comma, but no quote.
            tags.extend(line.split('"').skip(1).step_by(2).map(str::to_owned));
        }
        Self::Tags(tags)
    }

    fn include(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|known| known == tag),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(lines: &[&'static str]) -> Known {
        let lines = lines.iter().map(|line| (header::IF_NONE_MATCH, HeaderValue::from_static(line)));
        let mut headers = HeaderMap::new();
        lines.for_each(|(name, line)| {
            headers.append(name, line);
        });
        Known::of(&headers)
    }

    #[test]
    fn tags_are_found_in_lists_weak_or_not() {
        let list = known(&["\"a\", W/\"b\",\"with, comma\"", "W/\"c\""]);
        for tag in ["a", "b", "with, comma", "c"] {
            assert!(list.include(tag), "{tag}");
        }
        for tag in ["", " ", "W/", "with"] {
            assert!(!list.include(tag), "{tag}");
        }
        assert_eq!(known(&["*"]), Known::Any);
        assert!(!known(&[]).include("a"));
        assert!(!known(&["\"*\""]).include("a"));
    }

    #[test]
    fn a_tag_has_128_bits_of_the_body() {
        assert_eq!(opaque_tag(b""), "e3b0c44298fc1c149afbf4c8996fb924");
        assert_ne!(opaque_tag(b"a"), opaque_tag(b"b"));
    }
}
