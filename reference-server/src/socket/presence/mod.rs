//! `userSocketMap`: which sockets each user has, in this process and (`shared`, `migrating`) in all.

mod index;
mod migrating;
mod shared;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Mutex;

pub use migrating::{MigratingPresence, UserSockets, keep_current};
pub use shared::{SharedPresence, keep_told};
use socketioxide::socket::Sid;

use super::live::lock;
use crate::domain::{Page, PageRequest, UserId};

/// Where it is known who is online.
pub enum Presence {
    /// Here, of this process alone.
    Here,
    /// In Redis, of all instances.
    Redis(SharedPresence),
    /// Wherever the operator's migration has brought it.
    Migrating(MigratingPresence),
}

/// Sockets by user, in the order of the users' ids, so that a page of them needs no sorting. A user may have
/// several: tabs, devices.
#[derive(Default)]
pub struct UserSocketMap {
    sockets: Mutex<BTreeMap<UserId, Vec<Sid>>>,
}

/// What became of a socket that was to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is the user's first.
    First,
    /// It is one more.
    Further,
    /// It is one too many, and was not added.
    TooMany,
}

impl UserSocketMap {
    /// Adds a socket, unless the user has so many already.
    pub fn add(&self, user: UserId, socket: Sid, most: usize) -> Added {
        let mut sockets = lock(&self.sockets);
        let own = sockets.entry(user).or_insert_with(|| Vec::with_capacity(1));
        if own.len() >= most {
            return Added::TooMany;
        }
        own.push(socket);
        if own.len() == 1 { Added::First } else { Added::Further }
    }

    /// Removes a socket; tells whether it was there and the user's last.
    pub fn remove(&self, user: UserId, socket: Sid) -> bool {
        let mut sockets = lock(&self.sockets);
        let Some(own) = sockets.get_mut(&user) else { return false };
        own.retain(|other| *other != socket);
        let gone = own.is_empty();
        if gone {
            sockets.remove(&user);
        }
        gone
    }

    /// Whether a user has this socket here.
    pub fn has(&self, user: UserId, socket: Sid) -> bool {
        lock(&self.sockets).get(&user).is_some_and(|own| own.contains(&socket))
    }

    /// Everybody who is here.
    pub fn all(&self) -> Vec<(UserId, Sid)> {
        let sockets = lock(&self.sockets);
        sockets.iter().flat_map(|(user, own)| own.iter().map(|socket| (*user, *socket))).collect()
    }

    /// All who are here.
    pub fn everybody(&self) -> Vec<UserId> {
        lock(&self.sockets).keys().copied().collect()
    }

    /// The sockets of a user.
    pub fn of(&self, user: UserId) -> Vec<Sid> {
        lock(&self.sockets).get(&user).cloned().unwrap_or_default()
    }

    /// Whether a user has a socket.
    pub fn contains(&self, user: UserId) -> bool {
        lock(&self.sockets).contains_key(&user)
    }

    /// Users with a socket, the youngest account first.
    pub fn users(&self, page: PageRequest) -> Page<UserId> {
        let before = page.after.map(|cursor| UserId::from_bytes(*cursor.item()));
        let range = (Bound::Unbounded, before.map_or(Bound::Unbounded, Bound::Excluded));
        let sockets = lock(&self.sockets);
        let found = sockets.range(range).rev().map(|(user, _)| *user).take(page.limit.saturating_add(1));
        Page::from_overfull(found.collect(), page.limit, |user| *user.as_bytes())
    }

    /// All sockets.
    pub fn sockets(&self) -> usize {
        lock(&self.sockets).values().map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_there_while_one_socket_is() {
        let (map, user) = (UserSocketMap::default(), UserId::new());
        let (tab, phone) = (Sid::new(), Sid::new());
        assert_eq!(map.add(user, tab, 2), Added::First);
        assert_eq!(map.add(user, phone, 2), Added::Further);
        assert_eq!(map.add(user, Sid::new(), 2), Added::TooMany);
        assert!(!map.remove(user, tab));
        assert!(!map.remove(user, tab));
        assert_eq!((map.of(user), map.sockets(), map.contains(user)), (vec![phone], 1, true));
        assert!(map.remove(user, phone));
        assert!(!map.remove(user, phone));
        assert_eq!((map.of(user), map.sockets(), map.contains(user)), (vec![], 0, false));
    }

    #[test]
    fn users_are_paged_by_age() {
        let map = UserSocketMap::default();
        let mut users: Vec<_> = (0..5).map(|_| UserId::new()).collect();
        for user in &users {
            map.add(*user, Sid::new(), 1);
        }
        users.reverse();
        let page = map.users(PageRequest { after: None, limit: 3 });
        assert_eq!(page.items, users[..3]);
        let rest = map.users(PageRequest { after: page.next_cursor, limit: 3 });
        assert_eq!((rest.items.as_slice(), rest.next_cursor), (&users[3..], None));
    }
}
