//! Which differences are real: those that persist unchanged for a while. A write in between begins the time anew.

use std::collections::BTreeMap;
use std::time::Duration;

use super::class::{Class, Weight};

/// One look at something that differed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// What it comes to now; none: both sides agree.
    pub class: Option<Class>,
    /// Stands for all that was seen: another one when anything has changed.
    pub print: u128,
    /// The sequence that memory has.
    pub memory_seq: u64,
    /// The sequence that Redis has.
    pub redis_seq: u64,
}

/// Something that differs.
#[derive(Debug, Clone, Copy)]
struct Open {
    look: Look,
    class: Class,
    since: Duration,
    /// Whether Redis had, at each look, at least what memory had at the look before.
    follows: bool,
}

/// What became of something that differed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// What it is.
    pub class: Class,
    /// How long it was seen unchanged.
    pub unchanged_for: Duration,
}

/// All that differs, until it settles.
#[derive(Debug)]
pub struct Settling<K> {
    wanted: Duration,
    open: BTreeMap<K, Open>,
    ended: BTreeMap<K, Settled>,
    agreed: u64,
}

impl<K: Ord + Clone> Settling<K> {
    /// Differences count when they persist for this long.
    pub fn new(wanted: Duration) -> Self {
        Self { wanted, open: BTreeMap::new(), ended: BTreeMap::new(), agreed: 0 }
    }

    /// What has to be looked at again.
    pub fn open(&self) -> Vec<K> {
        self.open.keys().cloned().collect()
    }

    /// How much has to be looked at again.
    pub fn left(&self) -> usize {
        self.open.len()
    }

    /// Takes a look in, made at this time.
    pub fn observe(&mut self, what: &K, look: Look, at: Duration) {
        let Some(class) = look.class else {
            self.agreed += u64::from(self.open.remove(what).is_some());
            return;
        };
        if class.weight() == Weight::Told {
            self.open.remove(what);
            self.ended.insert(what.clone(), Settled { class, unchanged_for: Duration::ZERO });
            return;
        }
        let found = Open { look, class, since: at, follows: true };
        let open = self.open.entry(what.clone()).or_insert(found);
        let follows = open.follows && look.redis_seq >= open.look.memory_seq;
        let has_changed = open.look.print != look.print;
        let is_first = open.since == at;
        let since = if has_changed { at } else { open.since };
        *open = Open { look, class, since, follows: is_first || follows };
        if at.saturating_sub(since) >= self.wanted {
            self.open.remove(what);
            let unchanged_for = at.saturating_sub(since);
            self.ended.insert(what.clone(), Settled { class, unchanged_for });
        }
    }

    /// Gives up on what has not settled: a key that is written all the time was never seen still.
    pub fn give_up(&mut self) {
        for (what, open) in std::mem::take(&mut self.open) {
            let class = match open.class.weight() {
                Weight::Open => open.class,
                // Without a memory there is nothing that Redis could be following.
                _ if open.follows && open.look.memory_seq > 0 => Class::Moving,
                _ => Class::Unsettled,
            };
            self.ended.insert(what, Settled { class, unchanged_for: Duration::ZERO });
        }
    }

    /// How many agreed in the end.
    pub fn agreed(&self) -> u64 {
        self.agreed
    }

    /// What did not, and why.
    pub fn ended(&self) -> &BTreeMap<K, Settled> {
        &self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn look(class: Option<Class>, print: u128, memory_seq: u64, redis_seq: u64) -> Look {
        Look { class, print, memory_seq, redis_seq }
    }

    fn settling() -> Settling<&'static str> {
        Settling::new(at(2_000))
    }

    #[test]
    fn a_difference_counts_when_it_persists_unchanged() {
        let mut settling = settling();
        settling.observe(&"a", look(Some(Class::Value), 1, 5, 5), at(100));
        settling.observe(&"a", look(Some(Class::Value), 1, 5, 5), at(2_099));
        assert_eq!((settling.left(), settling.ended().len()), (1, 0));
        settling.observe(&"a", look(Some(Class::Value), 1, 5, 5), at(2_100));
        assert_eq!(settling.ended()[&"a"], Settled { class: Class::Value, unchanged_for: at(2_000) });
    }

    #[test]
    fn a_write_in_between_begins_the_time_anew() {
        let mut settling = settling();
        for (print, millis) in [(1, 0), (2, 1_500), (2, 3_400)] {
            settling.observe(&"a", look(Some(Class::Value), print, 5, 4), at(millis));
        }
        assert_eq!(settling.ended().len(), 0);
        settling.observe(&"a", look(Some(Class::Value), 2, 5, 4), at(3_500));
        assert_eq!(settling.ended().len(), 1);
    }

    #[test]
    fn what_agrees_later_is_no_difference() {
        let mut settling = settling();
        settling.observe(&"a", look(Some(Class::Missing), 1, 1, 0), at(0));
        settling.observe(&"a", look(None, 2, 1, 1), at(50));
        settling.observe(&"b", look(Some(Class::Expiring), 1, 1, 1), at(50));
        assert_eq!((settling.left(), settling.agreed()), (0, 1));
        assert_eq!(settling.ended().keys().collect::<Vec<_>>(), [&"b"]);
    }

    #[test]
    fn a_key_in_motion_is_told_by_whether_redis_follows() {
        let mut settling = settling();
        for step in 0..10_u64 {
            let millis = at(step * 500);
            let print = u128::from(step);
            settling.observe(&"hot", look(Some(Class::Version), print, step * 3, step * 3 + 1), millis);
            settling.observe(&"lagging", look(Some(Class::Version), print, step * 3, step), millis);
            settling.observe(&"owed", look(Some(Class::Owed), print, step * 3, 0), millis);
        }
        settling.give_up();
        let classes: Vec<_> = settling.ended().iter().map(|(key, ended)| (*key, ended.class)).collect();
        let expected = [("hot", Class::Moving), ("lagging", Class::Unsettled), ("owed", Class::Owed)];
        assert_eq!(classes, expected);
    }
}
