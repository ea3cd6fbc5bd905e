//! Socket.IO connections that were lost without a storm of ours: a deploy, a crash, a network that broke. A user whose
//! connection is lost is away until it has one again, whether the old one came back or its user began anew. Each process
//! counts its own users; tallies add up, and [`DisconnectReport`] is made of their sum.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report::{Times, times};
use super::tally::Times as Histogram;
use crate::lock::lock;

/// Of more outages, those that took the most connections are listed.
const MOST_OUTAGES: usize = 20;

/// Who is away, while users work.
#[derive(Debug, Default)]
pub struct Book {
    /// How many are: whoever connects asks this first.
    away: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Since when, by user; since the start of the load.
    away: HashMap<u32, Duration>,
    tally: Tally,
}

/// How a user has a connection again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    /// The connection came back, and the server had kept its session.
    Recovered,
    /// The connection came back.
    Rejoined,
    /// Its user gave it up and opened another one.
    Anew,
}

/// What became of the connections that were lost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    recovered: u64,
    anew: u64,
    took: Histogram,
    missed: u64,
    duplicates: u64,
    /// Seconds of the load in which somebody was lost or was away no more.
    seconds: BTreeMap<u64, Second>,
}

/// One of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Second {
    causes: BTreeMap<String, u64>,
    back: u64,
    ended: u64,
    first_lost: Option<Duration>,
    last_back: Option<Duration>,
}

/// Connections that were lost without a storm.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DisconnectReport {
    /// Connections that were lost.
    pub lost: u64,
    /// Users that had a connection again.
    pub back: u64,
    /// Those of them whose sessions the server had kept.
    pub recovered: u64,
    /// Those of them that gave the lost one up, because a step had failed, and opened another.
    pub anew: u64,
    /// Those whose time was over before.
    pub ended: u64,
    /// Those that had none when the load was over.
    pub away: u64,
    /// How long the longest outage lasted, in seconds; `null` where somebody was still away at the end.
    pub steady_seconds: Option<f64>,
    /// From a loss to the next connection.
    pub took: Option<Times>,
    /// Messages of fan-outs that those who came back had missed.
    pub missed: u64,
    /// Messages of fan-outs that came to them once more.
    pub duplicates: u64,
    /// From the first loss until nobody is away, in order of time; of more than twenty, those that took the most.
    pub outages: Vec<Outage>,
    /// Outages that are not listed.
    pub outages_left_out: u64,
}

/// A time in which somebody was away.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outage {
    /// When it began, in seconds since the start of the load.
    pub at_seconds: f64,
    /// Connections that were lost.
    pub lost: u64,
    /// Users that had a connection again.
    pub back: u64,
    /// Those whose time was over before.
    pub ended: u64,
    /// From the first loss until the last was back, in seconds; `null` where one was not.
    pub steady_seconds: Option<f64>,
    /// What they were lost by, most frequent first.
    pub causes: Vec<LossCause>,
}

/// What connections were lost by.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LossCause {
    /// The cause.
    pub cause: String,
    /// How often.
    pub count: u64,
}

impl Book {
    /// A user has lost its connection, so long after the start of the load. `false` when it had none any more.
    pub fn lost(&self, user: u32, at: Duration, cause: String) -> bool {
        let mut state = lock(&self.state);
        if state.away.contains_key(&user) {
            return false;
        }
        state.away.insert(user, at);
        self.away.store(state.away.len(), Ordering::Relaxed);
        let second = state.tally.second(at);
        *second.causes.entry(cause).or_default() += 1;
        second.first_lost = Some(second.first_lost.map_or(at, |first| first.min(at)));
        true
    }

    /// Whether anybody is away.
    pub fn is_somebody_away(&self) -> bool {
        self.away.load(Ordering::Relaxed) > 0
    }

    /// A user has a connection. Nothing to tell where it had lost none.
    pub fn back(&self, user: u32, at: Duration, how: Return) {
        let mut state = lock(&self.state);
        let Some(lost_at) = self.leave(&mut state, user) else { return };
        let tally = &mut state.tally;
        tally.recovered += u64::from(how == Return::Recovered);
        tally.anew += u64::from(how == Return::Anew);
        tally.took.record(at.saturating_sub(lost_at));
        let second = tally.second(at);
        second.back += 1;
        second.last_back = second.last_back.max(Some(at));
    }

    /// A user's time is over.
    pub fn ended(&self, user: u32, at: Duration) {
        let mut state = lock(&self.state);
        if self.leave(&mut state, user).is_some() {
            state.tally.second(at).ended += 1;
        }
    }

    /// What somebody who was lost missed of fan-outs, and got twice.
    pub fn heard(&self, missed: u64, duplicates: u64) {
        let mut state = lock(&self.state);
        state.tally.missed += missed;
        state.tally.duplicates += duplicates;
    }

    /// The tally, once users are done.
    pub fn tally(&self) -> Tally {
        std::mem::take(&mut lock(&self.state).tally)
    }

    fn leave(&self, state: &mut State, user: u32) -> Option<Duration> {
        let lost_at = state.away.remove(&user);
        self.away.store(state.away.len(), Ordering::Relaxed);
        lost_at
    }
}

impl Tally {
    /// Adds another one to this one.
    pub fn absorb(&mut self, other: &Self) {
        let Self { recovered, anew, took, missed, duplicates, seconds } = other;
        self.recovered += recovered;
        self.anew += anew;
        self.took.absorb(took);
        self.missed += missed;
        self.duplicates += duplicates;
        for (number, second) in seconds {
            self.seconds.entry(*number).or_default().absorb(second);
        }
    }

    fn second(&mut self, at: Duration) -> &mut Second {
        self.seconds.entry(at.as_secs()).or_default()
    }
}

impl Second {
    fn absorb(&mut self, other: &Self) {
        let Self { causes, back, ended, first_lost, last_back } = other;
        causes.iter().for_each(|(cause, count)| *self.causes.entry(cause.clone()).or_default() += count);
        self.back += back;
        self.ended += ended;
        self.first_lost = self.first_lost.into_iter().chain(*first_lost).min();
        self.last_back = self.last_back.max(*last_back);
    }

    fn lost(&self) -> u64 {
        self.causes.values().sum()
    }
}

impl DisconnectReport {
    /// Of a run; none where nobody was lost.
    pub fn new(tally: &Tally) -> Option<Self> {
        let mut outages = outages(tally);
        if outages.is_empty() {
            return None;
        }
        let sum = |of: fn(&Outage) -> u64| outages.iter().map(of).sum::<u64>();
        let (lost, back, ended) = (sum(|o| o.lost), sum(|o| o.back), sum(|o| o.ended));
        let away = lost.saturating_sub(back + ended);
        let longest = outages.iter().filter_map(|outage| outage.steady_seconds).reduce(f64::max);
        let left_out = keep_largest(&mut outages);
        Some(Self {
            lost,
            back,
            recovered: tally.recovered,
            anew: tally.anew,
            ended,
            away,
            steady_seconds: longest.filter(|_| away == 0),
            took: times(&tally.took),
            missed: tally.missed,
            duplicates: tally.duplicates,
            outages,
            outages_left_out: left_out,
        })
    }
}

/// The times in which somebody was away. Two of one second are one.
fn outages(tally: &Tally) -> Vec<Outage> {
    let (mut outages, mut gathered) = (Vec::new(), Second::default());
    for second in tally.seconds.values() {
        gathered.absorb(second);
        if gathered.lost() <= gathered.back + gathered.ended {
            outages.extend(outage(&std::mem::take(&mut gathered)));
        }
    }
    outages.extend(outage(&gathered));
    outages
}

fn outage(gathered: &Second) -> Option<Outage> {
    let (from, lost) = (gathered.first_lost?, gathered.lost());
    let seconds = |time: Duration| (time.as_secs_f64() * 1e3).round() / 1e3;
    // Where everybody's time was over, it lasted for as long as is known: not at all.
    let until = gathered.last_back.unwrap_or(from);
    let is_over = lost <= gathered.back + gathered.ended;
    let mut causes: Vec<_> = gathered
        .causes
        .iter()
        .map(|(cause, count)| LossCause { cause: cause.clone(), count: *count })
        .collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.count));
    Some(Outage {
        at_seconds: seconds(from),
        lost,
        back: gathered.back,
        ended: gathered.ended,
        steady_seconds: is_over.then(|| seconds(until.saturating_sub(from))),
        causes,
    })
}

/// Keeps the largest ones, in order of time; how many were left out.
fn keep_largest(outages: &mut Vec<Outage>) -> u64 {
    let left_out = outages.len().saturating_sub(MOST_OUTAGES);
    outages.sort_by_key(|outage| std::cmp::Reverse(outage.lost));
    outages.truncate(MOST_OUTAGES);
    outages.sort_by(|one, other| one.at_seconds.total_cmp(&other.at_seconds));
    left_out as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Book, DisconnectReport, Return, Tally};

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn lost(book: &Book, user: u32, millis: u64) {
        book.lost(user, at(millis), "closed by server".to_owned());
    }

    fn report(books: &[Book]) -> DisconnectReport {
        let mut sum = Tally::default();
        for book in books {
            let told = serde_json::to_string(&book.tally()).unwrap();
            sum.absorb(&serde_json::from_str(&told).unwrap());
        }
        DisconnectReport::new(&sum).unwrap()
    }

    #[test]
    fn an_outage_lasts_until_nobody_is_away_in_any_process() {
        let (one, other) = (Book::default(), Book::default());
        lost(&one, 1, 10_500);
        lost(&other, 2, 10_200);
        one.back(1, at(11_600), Return::Rejoined);
        other.back(2, at(13_000), Return::Recovered);
        lost(&one, 3, 20_000);
        lost(&one, 3, 20_100);
        one.back(3, at(20_900), Return::Anew);
        one.back(3, at(21_900), Return::Anew);
        let report = report(&[one, other]);
        assert_eq!((report.lost, report.back, report.recovered, report.anew), (3, 3, 1, 1), "{report:#?}");
        let seen: Vec<_> = report.outages.iter().map(|o| (o.at_seconds, o.lost, o.steady_seconds)).collect();
        assert_eq!(seen, [(10.2, 2, Some(2.8)), (20.0, 1, Some(0.9))]);
        assert_eq!((report.steady_seconds, report.away), (Some(2.8), 0));
    }

    #[test]
    fn whoever_is_still_away_keeps_it_from_being_over() {
        let book = Book::default();
        (1..=3).for_each(|user| lost(&book, user, 4_000));
        book.back(1, at(5_000), Return::Rejoined);
        book.ended(2, at(6_000));
        assert!(book.is_somebody_away());
        let report = report(&[book]);
        assert_eq!((report.back, report.ended, report.away, report.steady_seconds), (1, 1, 1, None));
        assert_eq!(report.outages[0].steady_seconds, None);
    }

    #[test]
    fn of_many_outages_the_largest_are_listed_in_order_of_time() {
        let book = Book::default();
        for number in 0..30 {
            (0..=number).for_each(|user| lost(&book, user, 10_000 * u64::from(number)));
            (0..=number)
                .for_each(|user| book.back(user, at(10_000 * u64::from(number) + 500), Return::Rejoined));
        }
        let report = report(&[book]);
        assert_eq!((report.outages.len(), report.outages_left_out), (20, 10));
        assert!(report.outages.iter().zip(11..).all(|(outage, lost)| outage.lost == lost), "{report:#?}");
    }

    #[test]
    fn a_run_without_a_loss_has_nothing_to_tell() {
        assert!(DisconnectReport::new(&Book::default().tally()).is_none());
    }
}
