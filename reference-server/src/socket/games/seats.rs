//! Who plays where, and who looks for an opponent.

use socketioxide::socket::Sid;

use super::{Games, Home};
use crate::chess::Occupant;
use crate::domain::{RoomId, UserId};
use crate::socket::live::lock;

impl Games {
    /// Notes where a player is now; tells where the player was before.
    pub async fn enter(&self, user: UserId, room: RoomId) -> Option<RoomId> {
        let here = self.active.enter(user, room);
        let before = match &self.home {
            Home::Here => return here,
            Home::Redis(shared) => shared.enter(user, room).await.unwrap_or(here),
            Home::Migrating(migrating) => migrating.enter(user, room).await.unwrap_or(here),
        };
        before.filter(|before| *before != room)
    }

    /// Where a player of this instance is.
    pub fn of(&self, user: UserId) -> Option<RoomId> {
        self.active.get(user)
    }

    /// Forgets that a player is in this room.
    pub async fn leave(&self, user: UserId, room: RoomId) {
        self.active.leave(user, room);
        match &self.home {
            Home::Here => {}
            // A key that stays is gone after a while, and leads to a room that is over.
            Home::Redis(shared) => drop(shared.leave(user, room).await),
            Home::Migrating(migrating) => migrating.leave(user, room).await,
        }
    }

    /// An opponent who waits, or nobody: then the seeker waits. `is_there` passes over sockets that have gone.
    pub async fn seek(&self, seeker: &Occupant, is_there: impl Fn(Sid) -> bool) -> Option<Occupant> {
        if let Some(meeting) = self.meeting()
            && let Ok(found) = meeting.seek(seeker, &is_there).await
        {
            return found;
        }
        loop {
            let found = lock(&self.matchmaker).seek(seeker)?;
            if is_there(found.socket) {
                return Some(found);
            }
        }
    }

    /// Lets somebody of this instance who was found wait again. One of another instance does so when Redis is back.
    pub fn put_back(&self, waited: Occupant) {
        if self.users.has(waited.person.id, waited.socket) {
            lock(&self.matchmaker).put_back(waited);
        }
    }

    /// Forgets a socket that no longer looks for an opponent.
    pub async fn stop_seeking(&self, seeker: &Occupant) {
        lock(&self.matchmaker).remove(seeker);
        if let Some(meeting) = self.meeting() {
            meeting.stop_seeking(seeker.socket).await;
        }
    }

    /// Those who wait here and not among all.
    pub(super) fn take_waiting(&self) -> Vec<Occupant> {
        lock(&self.matchmaker).take_all()
    }
}
