//! Compression of responses, by the client's preference.

use axum::http::{Extensions, HeaderMap, StatusCode, Version, header};
use tower_http::compression::predicate::{And, Predicate, SizeAbove};
use tower_http::compression::{CompressionLayer, CompressionLevel};

use crate::config::Compression;

/// Whether a response is of a type that compression makes smaller.
type IsText = fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool;

/// Brotli and gzip for text of at least the threshold. Images and documents that users sent are compressed
/// already; sockets are not behind this layer at all.
pub fn layer(settings: Compression) -> CompressionLayer<And<SizeAbove, IsText>> {
    let level = CompressionLevel::Precise(settings.level.into());
    let large = SizeAbove::new(settings.threshold_bytes.into());
    CompressionLayer::new().quality(level).compress_when(large.and(is_text as IsText))
}

fn is_text(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.starts_with("application/json")
        || kind.starts_with("application/problem+json")
        || kind.starts_with("text/")
}
