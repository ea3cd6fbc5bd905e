//! The sums of a run over all processes that make its load, second by second.
//!
//! Processes beat on the same clock but their beats arrive in any order: a second is closed when everybody has
//! told of it, and only what is closed is shown and judged.

use std::collections::BTreeMap;
use std::time::Duration;

use super::accounts::Accounts;
use super::beat::{BEAT, Beat};
use super::tally::Tally;
use super::vitals::{Effort, Vitals};

/// What the processes of a run told so far.
#[derive(Debug)]
pub struct Ledger {
    rows: usize,
    warm_up_seconds: u32,
    parts: Vec<Part>,
    open: BTreeMap<u32, Open>,
    totals: Tally,
    user_seconds: f64,
    spent: Option<String>,
    accounts: Accounts,
}

/// A second that somebody has told of and others may still tell of.
#[derive(Debug)]
struct Open {
    tally: Tally,
    effort: Option<Effort>,
}

/// One process.
#[derive(Debug, Clone, Default)]
struct Part {
    /// The seconds that it has told of.
    told: u32,
    active: u32,
    begun: u64,
    /// Iterations that it had begun when the warm-up was over.
    begun_before: u64,
    broken_users: u32,
    first: Option<Vitals>,
    last: Vitals,
    measured: Option<Duration>,
}

/// How a process was over the time of the load.
#[derive(Debug)]
pub struct Span {
    /// At its first beat.
    pub first: Vitals,
    /// At its last one.
    pub last: Vitals,
}

/// A second that everybody has told of.
#[derive(Debug)]
pub struct Second {
    /// Which one, from 0.
    pub number: u32,
    /// What was done in it.
    pub tally: Tally,
    /// Users within an iteration at its end.
    pub active: u32,
    /// What the processes used in it; nothing is known of their first one.
    pub effort: Option<Effort>,
}

impl Ledger {
    /// An empty one for this many processes and rows; the first seconds are not summed up.
    pub fn new(parts: usize, rows: usize, warm_up_seconds: u32) -> Self {
        Self {
            rows,
            warm_up_seconds,
            parts: vec![Part::default(); parts],
            open: BTreeMap::new(),
            totals: Tally::new(rows),
            user_seconds: 0.0,
            spent: None,
            accounts: Accounts::default(),
        }
    }

    /// Takes a process' beat in; returns the seconds that are complete now, in order.
    pub fn take(&mut self, part: usize, beat: Beat) -> Vec<Second> {
        let Beat { second, tally, active, begun, broken_users, spent, vitals, accounts, measured } = beat;
        accounts.iter().for_each(|accounts| self.accounts.absorb(accounts));
        self.spent = self.spent.take().or(spent);
        let state = &mut self.parts[part];
        let effort = state.first.map(|_| Effort::between(&state.last, &vitals));
        // The last words of a process may belong to a second that others have closed long ago.
        let second = second.max(state.told);
        let is_warm = second >= self.warm_up_seconds;
        *state = Part {
            told: if measured.is_some() { u32::MAX } else { second + 1 },
            active,
            begun,
            begun_before: if is_warm { state.begun_before } else { begun },
            broken_users,
            first: state.first.or(Some(vitals)),
            last: vitals,
            measured: measured.or(state.measured),
        };
        if is_warm {
            self.user_seconds += f64::from(active) * BEAT.as_secs_f64();
            self.totals.absorb(&tally);
        }
        let open = || Open { tally: Tally::new(self.rows), effort: None };
        self.open.entry(second).or_insert_with(open).absorb(&tally, effort);
        self.close()
    }

    /// A process will not tell anything any more; returns the seconds that only waited for it.
    pub fn lose(&mut self, part: usize) -> Vec<Second> {
        let state = &mut self.parts[part];
        state.measured = state.measured.or(Some(BEAT * state.told));
        state.told = u32::MAX;
        state.active = 0;
        self.close()
    }

    fn close(&mut self) -> Vec<Second> {
        let told = self.parts.iter().map(|part| part.told).min().unwrap_or(u32::MAX);
        let still_open = self.open.split_off(&told);
        let closed = std::mem::replace(&mut self.open, still_open);
        let active = self.active();
        closed
            .into_iter()
            .map(|(number, Open { tally, effort })| Second { number, tally, active, effort })
            .collect()
    }

    /// Adds what was done once, outside of the load.
    pub fn add(&mut self, tally: &Tally) {
        // It is not the load that lasted longer.
        self.totals.absorb(&Tally { last: None, ..tally.clone() });
    }

    /// The payload that had no row left for somebody.
    pub fn spent(&self) -> Option<&str> {
        self.spent.as_deref()
    }

    /// What the processes told at their ends.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Whether everybody has told of the whole warm-up.
    pub fn is_warm(&self) -> bool {
        self.parts.iter().all(|part| part.told >= self.warm_up_seconds)
    }

    /// Everything so far, without the warm-up.
    pub fn totals(&self) -> &Tally {
        &self.totals
    }

    /// Users within an iteration.
    pub fn active(&self) -> u32 {
        self.parts.iter().map(|part| part.active).sum()
    }

    /// Iterations begun, without those of the warm-up.
    pub fn begun(&self) -> u64 {
        self.parts.iter().map(|part| part.begun).sum::<u64>() - self.begun_before()
    }

    /// Iterations begun in the warm-up.
    pub fn begun_before(&self) -> u64 {
        self.parts.iter().map(|part| part.begun_before).sum()
    }

    /// Users that a mistake of the generator ended.
    pub fn broken_users(&self) -> u32 {
        self.parts.iter().map(|part| part.broken_users).sum()
    }

    /// How long load lasted, without the warm-up: as long as anybody made it.
    pub fn measured(&self) -> Duration {
        let longest = self.parts.iter().filter_map(|part| part.measured).max().unwrap_or_default();
        longest.saturating_sub(self.warm_up())
    }

    /// What is not summed up.
    pub fn warm_up(&self) -> Duration {
        BEAT * self.warm_up_seconds
    }

    /// How each process was at its first and at its last beat.
    pub fn vitals(&self) -> impl Iterator<Item = Span> {
        self.parts.iter().filter_map(|part| Some(Span { first: part.first?, last: part.last }))
    }

    /// How long users were within an iteration, all together, in seconds.
    pub fn user_seconds(&self) -> f64 {
        self.user_seconds
    }
}

impl Open {
    fn absorb(&mut self, tally: &Tally, effort: Option<Effort>) {
        self.tally.absorb(tally);
        if let Some(effort) = effort {
            self.effort.get_or_insert_default().absorb(effort);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Ledger, Second};
    use crate::load::beat::Beat;
    use crate::load::tally::Tally;
    use crate::load::vitals::Vitals;

    fn beat(second: u32, count: u64, is_last: bool) -> Beat {
        let mut tally = Tally::new(1);
        (0..count).for_each(|_| tally.rows[0].add(Duration::from_millis(1), Duration::from_millis(1)));
        Beat {
            second,
            tally,
            active: 1,
            begun: count,
            broken_users: 0,
            spent: None,
            vitals: Vitals::default(),
            accounts: None,
            measured: is_last.then(|| Duration::from_secs(u64::from(second))),
        }
    }

    fn counts(seconds: &[Second]) -> Vec<(u32, u64)> {
        seconds.iter().map(|second| (second.number, second.tally.rows[0].count)).collect()
    }

    #[test]
    fn a_second_is_closed_when_everybody_has_told_of_it() {
        let mut ledger = Ledger::new(2, 1, 0);
        assert_eq!(counts(&ledger.take(0, beat(0, 5, false))), []);
        assert_eq!(counts(&ledger.take(0, beat(1, 5, false))), []);
        assert_eq!(counts(&ledger.take(1, beat(0, 2, false))), [(0, 7)]);
        assert_eq!(counts(&ledger.take(1, beat(2, 3, true))), [(1, 5)]);
        assert_eq!(counts(&ledger.take(0, beat(3, 1, true))), [(2, 3), (3, 1)]);
        assert_eq!((ledger.totals().rows[0].count, ledger.measured()), (16, Duration::from_secs(3)));
    }

    #[test]
    fn nobody_waits_for_a_process_that_was_lost() {
        let mut ledger = Ledger::new(2, 1, 0);
        ledger.take(0, beat(0, 5, false));
        ledger.take(0, beat(1, 5, false));
        ledger.take(1, beat(0, 2, false));
        assert_eq!(counts(&ledger.lose(1)), [(1, 5)]);
        assert_eq!(counts(&ledger.take(0, beat(2, 1, true))), [(2, 1)]);
    }

    #[test]
    fn the_warm_up_is_told_of_and_not_summed_up() {
        let mut ledger = Ledger::new(1, 1, 2);
        assert_eq!(counts(&ledger.take(0, beat(0, 5, false))), [(0, 5)]);
        ledger.take(0, Beat { begun: 12, ..beat(1, 7, false) });
        assert_eq!((ledger.totals().rows[0].count, ledger.is_warm(), ledger.begun()), (0, true, 0));
        ledger.take(0, Beat { begun: 15, ..beat(3, 3, true) });
        assert_eq!((ledger.totals().rows[0].count, ledger.begun(), ledger.begun_before()), (3, 3, 12));
        assert_eq!(ledger.measured(), Duration::from_secs(1));
    }

    /// A process that was held up tells of two seconds at once: nothing of it is lost, and no second comes twice.
    #[test]
    fn a_late_beat_is_counted_in_a_second_that_is_still_open() {
        let mut ledger = Ledger::new(1, 1, 0);
        assert_eq!(counts(&ledger.take(0, beat(3, 4, false))), [(3, 4)]);
        assert_eq!(counts(&ledger.take(0, beat(2, 1, false))), [(4, 1)]);
        assert_eq!(ledger.totals().rows[0].count, 5);
    }
}
