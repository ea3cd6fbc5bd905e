//! The id that follows a request through response, error and log.

use std::future::Future;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// Name of the header, in requests and responses.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

const LONGEST: usize = 64;

tokio::task_local! {
    static CURRENT: RequestId;
}

/// The id that the client sent, or a new one.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// Takes over the client's id when it is short and printable.
    pub fn of(headers: &HeaderMap) -> Self {
        headers.get(HEADER).filter(|value| is_harmless(value)).cloned().map_or_else(Self::new, Self)
    }

    /// An id that no other request of this process has, and hardly one of another.
    pub fn new() -> Self {
        static PROCESS: LazyLock<u32> = LazyLock::new(rand::random);
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let text = format!("{:08x}-{number:x}", *PROCESS);
        Self(HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("none")))
    }

    /// The id of the request that this task answers.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Does the work of this request.
    pub fn scope<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        CURRENT.scope(self.clone(), work)
    }

    /// The same for work that does not wait.
    pub fn scope_sync<T>(&self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self.clone(), work)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// The id as a header.
    pub fn into_header(self) -> HeaderValue {
        self.0
    }
}

fn is_harmless(value: &HeaderValue) -> bool {
    (1..=LONGEST).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &'static str) -> String {
        let headers = HeaderMap::from_iter([(HEADER, HeaderValue::from_static(text))]);
        RequestId::of(&headers).as_str().to_owned()
    }

    #[test]
    fn a_clients_id_is_kept_unless_it_could_harm_the_log() {
        assert_eq!(of("abc-123"), "abc-123");
        assert_ne!(of("with space"), "with space");
        assert_ne!(of(""), "");
        assert_ne!(
            of(concat!("0123456789012345678901234567890123456789", "0123456789012345678901234567890")).len(),
            71
        );
    }

    #[test]
    fn no_two_are_alike() {
        assert_ne!(RequestId::new().as_str(), RequestId::new().as_str());
    }
}
