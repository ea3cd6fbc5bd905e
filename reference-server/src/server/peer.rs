//! Where a request comes from.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, header};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of a client, and whether somebody passed its request on. In the extensions of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress {
    /// Who sent the request, as far as it is known.
    pub ip: IpAddr,
    is_direct: bool,
}

impl ClientAddress {
    /// The peer, or, behind a proxy that is trusted, whom the proxy names: the last entry of `X-Forwarded-For`
    /// is the one that it wrote itself, the ones before it are the client's word.
    pub fn of(peer: IpAddr, headers: &HeaderMap, trust_forwarded: bool) -> Self {
        let is_direct = !headers.contains_key(FORWARDED_FOR) && !headers.contains_key(header::FORWARDED);
        let named = trust_forwarded.then(|| last_forwarded(headers)).flatten();
        Self { ip: named.unwrap_or(peer).to_canonical(), is_direct }
    }

    /// Whether the client is on this machine. A request that was passed on may come from anywhere.
    pub fn is_this_machine(&self) -> bool {
        self.is_direct && self.ip.is_loopback()
    }
}

fn last_forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let all = headers.get_all(FORWARDED_FOR).iter().next_back()?.to_str().ok()?;
    all.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: &str = "127.0.0.1";

    fn of(peer: &str, headers: &[(&'static str, &'static str)], trust: bool) -> (String, bool) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let client = ClientAddress::of(peer.parse().unwrap(), &map, trust);
        (client.ip.to_string(), client.is_this_machine())
    }

    #[test]
    fn only_a_direct_peer_on_loopback_is_this_machine() {
        assert_eq!(of(LOOPBACK, &[], false), (LOOPBACK.into(), true));
        assert_eq!(of("::1", &[], false), ("::1".into(), true));
        assert_eq!(of("::ffff:127.0.0.1", &[], false), (LOOPBACK.into(), true));
        assert!(!of("10.0.0.1", &[], false).1);
        assert!(!of(LOOPBACK, &[("x-forwarded-for", LOOPBACK)], true).1);
        assert!(!of(LOOPBACK, &[("forwarded", "for=127.0.0.1")], false).1);
    }

    #[test]
    fn a_proxy_is_believed_only_when_it_is_trusted_and_only_for_what_it_wrote() {
        let passed_on = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "6.6.6.6, 10.0.0.7")];
        assert_eq!(of(LOOPBACK, &passed_on, false).0, LOOPBACK);
        assert_eq!(of(LOOPBACK, &passed_on, true).0, "10.0.0.7");
        assert_eq!(of(LOOPBACK, &[("x-forwarded-for", "nonsense")], true).0, LOOPBACK);
    }
}
