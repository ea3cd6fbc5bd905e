//! Invalidations that Redis has not heard. Until it has, this instance does not trust it with those entities.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::cache::Entity;

/// More are not remembered one by one.
const MOST: usize = 100_000;

/// An entity, and when it was last invalidated.
pub type Debt = (Entity, Instant);

/// The set of them.
pub struct Debts {
    owed: Mutex<Owed>,
    added: Notify,
    longest_life: Duration,
}

#[derive(Default)]
struct Owed {
    since: HashMap<Entity, Instant>,
    distrust_until: Option<Instant>,
}

impl Debts {
    /// None. Copies in Redis live so long at most.
    pub fn new(longest_life: Duration) -> Self {
        Self { owed: Mutex::default(), added: Notify::new(), longest_life }
    }

    /// Remembers an invalidation. With too many, Redis is not trusted at all until its copies have expired.
    pub fn add(&self, entity: &Entity) {
        let (mut owed, now) = (self.owed(), Instant::now());
        if owed.since.len() >= MOST {
            owed.since = HashMap::new();
            owed.distrust_until = Some(now + self.longest_life);
        }
        owed.since.insert(entity.clone(), now);
        drop(owed);
        self.added.notify_one();
    }

    /// Whether Redis may have a stale copy of this entity.
    pub fn include(&self, entity: &Entity) -> bool {
        let owed = self.owed();
        owed.distrust_until.is_some_and(|until| Instant::now() < until) || owed.since.contains_key(entity)
    }

    /// All of them.
    pub fn list(&self) -> Vec<Debt> {
        self.owed().since.iter().map(|(entity, since)| (entity.clone(), *since)).collect()
    }

    /// Forgets a debt that was paid, unless it was made again meanwhile.
    pub fn settle(&self, (entity, since): &Debt) {
        let mut owed = self.owed();
        if owed.since.get(entity) == Some(since) {
            owed.since.remove(entity);
        }
    }

    /// Returns when there are any.
    pub async fn wait_for_one(&self) {
        while self.owed().since.is_empty() {
            self.added.notified().await;
        }
    }

    fn owed(&self) -> MutexGuard<'_, Owed> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::UserId;

    #[test]
    fn a_debt_made_again_while_it_is_paid_is_still_owed() {
        let (debts, entity) = (Debts::new(Duration::ZERO), Entity::Profile(UserId::new()));
        debts.add(&entity);
        let listed = debts.list();
        std::thread::sleep(Duration::from_millis(1));
        debts.add(&entity);
        debts.settle(&listed[0]);
        assert!(debts.include(&entity));
        debts.settle(&debts.list()[0]);
        assert!(!debts.include(&entity));
    }

    #[test]
    fn more_than_can_be_remembered_is_no_copy_trusted() {
        let (debts, entity) = (Debts::new(Duration::from_secs(60)), Entity::Lawyers);
        for _ in 0..=MOST {
            debts.add(&Entity::Feed(UserId::new()));
        }
        assert!(debts.include(&entity));
        assert!(debts.list().len() <= MOST);
    }
}
