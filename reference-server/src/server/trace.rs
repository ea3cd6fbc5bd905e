//! The span around everything that happens in a request, so that each line of the log leads to the request that
//! caused it, and the request to the trace of its client (W3C Trace Context).

use std::future::Future;

use axum::http::{HeaderMap, Request};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::request_id::RequestId;

/// The client's trace and the span in it that sent the request.
#[derive(Debug, PartialEq, Eq)]
struct TraceParent<'a> {
    trace_id: &'a str,
    parent_id: &'a str,
}

impl<'a> TraceParent<'a> {
    fn of(headers: &'a HeaderMap) -> Option<Self> {
        let mut all = headers.get_all("traceparent").into_iter();
        let (value, None) = (all.next()?.to_str().ok()?, all.next()) else { return None };
        let mut parts = value.split('-');
        let (version, trace_id, parent_id, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        // Later versions may add parts, version 00 may not; ff is no version.
        let is_whole = version != "ff" && (version != "00" || parts.next().is_none());
        let is_sound = is_hex(version, 2) && is_hex(flags, 2) && is_id(trace_id, 32) && is_id(parent_id, 16);
        (is_whole && is_sound).then_some(Self { trace_id, parent_id })
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_id(text: &str, length: usize) -> bool {
    is_hex(text, length) && text.bytes().any(|b| b != b'0')
}

/// The span of a request, for logs and traces of level info and finer: below, where it costs nothing, warnings
/// and errors name the request themselves.
pub fn span_of<B>(request: &Request<B>, id: &RequestId) -> Span {
    let span = tracing::info_span!(
        "request",
        request_id = id.as_str(),
        http.request.method = %request.method(),
        http.route = Empty,
        http.response.status_code = Empty,
        trace_id = Empty,
        parent_id = Empty,
        otel.kind = "server",
    );
    if let Some(parent) = TraceParent::of(request.headers()) {
        span.record("trace_id", parent.trace_id).record("parent_id", parent.parent_id);
    }
    span
}

/// Does the work inside the span.
pub fn within<F: Future>(span: Span, work: F) -> impl Future<Output = F::Output> {
    work.instrument(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(values: &[&'static str]) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("traceparent", value.parse().unwrap());
        }
        let parent = TraceParent::of(&headers)?;
        Some((parent.trace_id.to_owned(), parent.parent_id.to_owned()))
    }

    #[test]
    fn a_sound_parent_is_taken_over() {
        let known = Some(("4bf92f3577b34da6a3ce929d0e0e4736".into(), "00f067aa0ba902b7".into()));
        assert_eq!(parse(&["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]), known);
        assert_eq!(parse(&["01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"]), known);
    }

    #[test]
    fn any_other_is_ignored() {
        let sound = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for bad in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert_eq!(parse(&[bad]), None, "{bad}");
        }
        assert_eq!(parse(&[sound, sound]), None, "which of the two?");
    }
}
