//! What is limited, and for whom.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use crate::domain::UserId;

/// Something that is limited, each with its own bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Any request of the API.
    General,
    /// Registering, logging in, refreshing.
    Auth,
    /// A new post.
    Post,
    /// Following and unfollowing.
    Follow,
    /// A new comment.
    Comment,
    /// A new message, over HTTP or Socket.IO.
    Message,
    /// A new chess room.
    Room,
    /// A chess move.
    Move,
    /// A new socket.
    Connection,
}

impl Action {
    /// All of them, each at the place that its number names.
    pub const ALL: [Self; 9] = [
        Self::General,
        Self::Auth,
        Self::Post,
        Self::Follow,
        Self::Comment,
        Self::Message,
        Self::Room,
        Self::Move,
        Self::Connection,
    ];

    /// Name of its setting, also in headers, metrics and Redis keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Auth => "auth",
            Self::Post => "posts",
            Self::Follow => "follow",
            Self::Comment => "comments",
            Self::Message => "messages",
            Self::Room => "rooms",
            Self::Move => "moves",
            Self::Connection => "connections",
        }
    }
}

/// Whose bucket it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Somebody who is logged in.
    User(UserId),
    /// Somebody who is not.
    Address(IpAddr),
}

impl Subject {
    /// Whoever is at this address. In IPv6 one client owns a whole /64, so that is what counts.
    pub fn at(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                Self::Address(Ipv6Addr::from_bits(network).into())
            }
            v4 => Self::Address(v4),
        }
    }
}

impl From<UserId> for Subject {
    fn from(user: UserId) -> Self {
        Self::User(user)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => user.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_found_at_its_number() {
        for (place, action) in Action::ALL.into_iter().enumerate() {
            assert_eq!(action as usize, place);
        }
    }

    #[test]
    fn a_network_of_one_client_is_one_subject() {
        let at = |text: &str| Subject::at(text.parse().unwrap());
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
        assert_ne!(at("10.0.0.1"), at("10.0.0.2"));
    }
}
