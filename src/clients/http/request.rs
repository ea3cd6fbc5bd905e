//! Requests as they are written.

use bytes::Bytes;
use hyper::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::{Method, Request};

/// Room for a usual head, before it is known how long it is.
const USUAL_HEAD_BYTES: usize = 1_024;

/// Request line and headers. How long the body is stands here and is nobody else's word.
pub fn head(request: &Request<Bytes>) -> Vec<u8> {
    let mut head = Vec::with_capacity(USUAL_HEAD_BYTES);
    head.extend_from_slice(request.method().as_str().as_bytes());
    head.push(b' ');
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    head.extend_from_slice(target.as_bytes());
    head.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in request.headers() {
        if *name != CONTENT_LENGTH && *name != TRANSFER_ENCODING {
            line(&mut head, name.as_str(), value.as_bytes());
        }
    }
    if !request.body().is_empty() || expects_body(request.method()) {
        line(&mut head, CONTENT_LENGTH.as_str(), request.body().len().to_string().as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Whether a server may refuse a request of which it is not told that its body is empty.
fn expects_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

fn line(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        head.extend_from_slice(part);
    }
}
