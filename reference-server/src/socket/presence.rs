//! `userSocketMap`: which sockets each user has in this process.

use std::collections::HashMap;
use std::sync::Mutex;

use socketioxide::socket::Sid;

use super::live::lock;
use crate::domain::UserId;

/// Sockets by user. A user may have several: tabs, devices.
#[derive(Default)]
pub struct UserSocketMap {
    sockets: Mutex<HashMap<UserId, Vec<Sid>>>,
}

impl UserSocketMap {
    /// Adds a socket.
    pub fn add(&self, user: UserId, socket: Sid) {
        lock(&self.sockets).entry(user).or_insert_with(|| Vec::with_capacity(1)).push(socket);
    }

    /// Removes a socket, if it is there.
    pub fn remove(&self, user: UserId, socket: Sid) {
        let mut sockets = lock(&self.sockets);
        let Some(own) = sockets.get_mut(&user) else { return };
        own.retain(|other| *other != socket);
        if own.is_empty() {
            sockets.remove(&user);
        }
    }

    /// The sockets of a user.
    pub fn of(&self, user: UserId) -> Vec<Sid> {
        lock(&self.sockets).get(&user).cloned().unwrap_or_default()
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
        map.add(user, tab);
        map.add(user, phone);
        map.remove(user, tab);
        map.remove(user, tab);
        assert_eq!((map.of(user), map.sockets()), (vec![phone], 1));
        map.remove(user, phone);
        assert_eq!((map.of(user), map.sockets()), (vec![], 0));
    }
}
