//! Indexes that no query used on any member, for as long as the members have counted.

use std::time::Duration;

use bson::DateTime;

use super::catalog::Collection;
use super::report::{Spared, UnusedIndex, shown_age};
use super::source::usage::{Count, Usage};
use crate::indexes::index::Index;

/// How use is judged.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'u> {
    /// What was counted.
    pub usage: &'u Usage,
    /// How long it must have been counted.
    pub min_age: Duration,
    /// The server's time.
    pub now: DateTime,
}

impl Judge<'_> {
    /// The unused indexes of a collection, and those of which it cannot be said.
    pub fn find(
        &self,
        database: &str,
        name: &str,
        collection: &Collection,
    ) -> (Vec<UnusedIndex>, Vec<Spared>) {
        let (mut unused, mut spared) = (Vec::new(), Vec::new());
        let candidates = collection
            .live
            .iter()
            .filter(|index| is_for_queries(index) && !collection.absent.contains(&index.name));
        for index in candidates {
            let counts = self.usage.counts(database, name, &index.name);
            match self.judge(database, name, collection, index, counts) {
                Judged::Used => {}
                Judged::Unused(age) => unused.push(UnusedIndex {
                    database: database.to_owned(),
                    collection: name.to_owned(),
                    name: index.name.clone(),
                    keys: index.shown_keys(),
                    statistics_age_seconds: age.as_secs(),
                    members: counts.iter().map(|count| count.member.clone()).collect(),
                    declared_line: collection.declared.get(&index.name).copied(),
                }),
                Judged::Unknown(reason) => spared.push(Spared {
                    database: database.to_owned(),
                    collection: name.to_owned(),
                    name: index.name.clone(),
                    reason,
                }),
            }
        }
        (unused, spared)
    }

    fn judge(
        &self,
        database: &str,
        name: &str,
        collection: &Collection,
        index: &Index,
        counts: &[Count],
    ) -> Judged {
        if counts.iter().any(|count| count.uses > 0) {
            return Judged::Used;
        }
        if let Some(member) = self.usage.unread(database, name) {
            return Judged::Unknown(format!("use not judged: {member} could not be read"));
        }
        let Some(since) = counts.iter().map(|count| count.since).max() else {
            return Judged::Unknown("use not judged: no member counts it".to_owned());
        };
        let age = u64::try_from(self.now.timestamp_millis() - since.timestamp_millis()).unwrap_or_default();
        let age = Duration::from_millis(age);
        if age < self.min_age {
            let (age, needed) = (shown_age(age.as_secs()), shown_age(self.min_age.as_secs()));
            return Judged::Unknown(format!(
                "not used so far; too early to tell: counted for {age} of {needed}"
            ));
        }
        if collection.wanted.contains(&index.name) {
            return Judged::Unknown("not used, and a declared query names it".to_owned());
        }
        Judged::Unused(age)
    }
}

enum Judged {
    Used,
    Unused(Duration),
    Unknown(String),
}

/// Unique and expiring indexes work without queries; hidden ones are not counted.
fn is_for_queries(index: &Index) -> bool {
    let options = &index.options;
    !(index.is_id()
        || options.unique
        || options.prepare_unique
        || options.hidden
        || options.clustered
        || options.expire_after_seconds.is_some())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use bson::DateTime;

    use super::{Collection, Count, Judge, Usage};
    use crate::indexes::index::{Index, Key, Kind, Options};

    const DAY: i64 = 86_400_000;

    fn judged(live: Index, usage: &Usage) -> (usize, Vec<String>) {
        let collection = Collection {
            live: vec![live],
            to_come: Vec::new(),
            absent: Vec::new(),
            wanted: Vec::new(),
            declared: BTreeMap::new(),
            collation: None,
            is_time_series: false,
        };
        let min_age = Duration::from_secs(7 * 86_400);
        let judge = Judge { usage, min_age, now: DateTime::from_millis(100 * DAY) };
        let (unused, spared) = judge.find("d", "c", &collection);
        (unused.len(), spared.into_iter().map(|spared| spared.reason).collect())
    }

    fn plain() -> Index {
        Index::new(vec![Key::new("a", Kind::Ascending)])
    }

    fn usage(counts: &[(i64, i64)]) -> Usage {
        let mut usage = Usage::default();
        for (number, (uses, day)) in counts.iter().enumerate() {
            let since = DateTime::from_millis(day * DAY);
            usage.set("a_1", Count { member: format!("m{number}"), uses: *uses, since });
        }
        usage
    }

    #[test]
    fn unused_means_unused_on_every_member_for_long_enough() {
        assert_eq!(judged(plain(), &usage(&[(0, 10), (0, 20)])), (1, vec![]));
        assert_eq!(judged(plain(), &usage(&[(0, 10), (1, 20)])), (0, vec![]));
        let (unused, spared) = judged(plain(), &usage(&[(0, 10), (0, 99)]));
        assert_eq!((unused, spared.len()), (0, 1));
        assert!(spared[0].contains("too early to tell"), "{spared:?}");
    }

    #[test]
    fn a_member_that_could_not_be_read_leaves_it_open() {
        let mut usage = usage(&[(0, 10)]);
        usage.set_unread("db3:27017");
        assert_eq!(
            judged(plain(), &usage),
            (0, vec!["use not judged: db3:27017 could not be read".to_owned()])
        );
    }

    #[test]
    fn unique_and_expiring_indexes_are_never_unused() {
        for options in [
            Options { unique: true, ..Options::default() },
            Options { expire_after_seconds: Some(5), ..Options::default() },
        ] {
            assert_eq!(judged(Index { options, ..plain() }, &usage(&[(0, 1)])), (0, vec![]));
        }
    }
}
