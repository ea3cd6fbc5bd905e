//! What became of everything that was published, from the accounts of all processes.
//!
//! A listener is owed each message of a publisher from the first one that it got on, or from the very first when it
//! listened before that was sent; and up to the last one that it got, or to the very last when it went on listening for
//! a while after that. So nobody is owed what was sent while it came or left, and whoever heard nothing is not forgotten.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::account::{Account, Hearing, Room, SLOT_MICROS, Stay, Stream};
use super::spread::Spread;
use crate::load::report::{Times, times};
use crate::load::scenario::plan::{FanoutRow, MetricDef, MetricId};

/// Rooms that are told of one by one: those that lost most.
const SHOWN_ROOMS: usize = 20;
/// Classes of rooms by the most listeners that they had at once.
const SIZES: [(u64, &str); 5] =
    [(1, "1"), (10, "2-10"), (100, "11-100"), (1_000, "101-1,000"), (u64::MAX, "over 1,000")];

/// One fan-out.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FanoutReport {
    #[serde(skip)]
    pub(in crate::load) row: MetricId,
    /// Its row.
    pub name: String,
    /// Rooms that were published or listened in.
    pub rooms: u64,
    /// Publishers.
    pub publishers: u64,
    /// All of it.
    pub total: FanoutSum,
    /// By the most listeners that a room had at once.
    pub sizes: Vec<FanoutPart>,
    /// The rooms that lost most, then the slowest.
    pub worst_rooms: Vec<FanoutPart>,
    /// Messages that came before they were sent, by the clocks: those of the machines do not agree.
    pub ahead: u64,
    /// Messages that nobody kept account of: there were too many rooms, or publishers for one listener.
    pub unwatched: u64,
}

/// A part of a fan-out.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FanoutPart {
    /// A class of sizes, or a room.
    pub name: String,
    /// What became of it.
    #[serde(flatten)]
    pub sum: FanoutSum,
}

/// What became of what was published.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FanoutSum {
    /// Times that somebody began to listen.
    pub listeners: u64,
    /// Messages published.
    pub sent: u64,
    /// Deliveries that were owed: each message to each listener.
    pub expected: u64,
    /// Those that took place.
    pub delivered: u64,
    /// Those that did not.
    pub lost: u64,
    /// Messages that came once more.
    pub duplicates: u64,
    /// Messages that came after a later one of the same publisher.
    pub out_of_order: u64,
    /// From when a message was due to its receipt.
    pub delivery: Option<Times>,
    #[serde(skip)]
    spread: Spread,
}

impl FanoutReport {
    /// All fan-outs of a run.
    pub fn all(fanouts: &[FanoutRow], metrics: &[MetricDef], account: &Account) -> Vec<Self> {
        fanouts.iter().map(|row| Self::new(&metrics[row.metric].name, row, account)).collect()
    }

    fn new(name: &str, row: &FanoutRow, account: &Account) -> Self {
        let mut report = Self {
            row: row.metric,
            name: name.to_owned(),
            rooms: 0,
            publishers: 0,
            total: FanoutSum::default(),
            sizes: Vec::new(),
            worst_rooms: Vec::new(),
            ahead: 0,
            unwatched: 0,
        };
        let mut sizes: [FanoutSum; SIZES.len()] = Default::default();
        for (name, room) in account.rooms(row.metric) {
            report.rooms += 1;
            report.publishers += room.streams.values().filter(|stream| stream.sent > 0).count() as u64;
            report.ahead += room.ahead;
            report.unwatched += room.unwatched;
            let sum = sum(room, row.linger);
            report.total.absorb(&sum);
            let size = most_at_once(room);
            if let Some(class) = SIZES.iter().position(|(most, _)| size <= *most) {
                sizes[class].absorb(&sum);
            }
            report.keep(FanoutPart { name: name.to_owned(), sum: sum.finish() });
        }
        let named = SIZES.iter().zip(sizes).filter(|(_, sum)| sum.listeners > 0);
        let part = |((_, name), sum): (&(u64, &str), FanoutSum)| FanoutPart {
            name: (*name).to_owned(),
            sum: sum.finish(),
        };
        report.sizes = named.map(part).collect();
        report.total = report.total.finish();
        report
    }

    fn keep(&mut self, room: FanoutPart) {
        let badness = |part: &FanoutPart| {
            let p99 = part.sum.delivery.map_or(0, |times| times.p99);
            std::cmp::Reverse((part.sum.lost, p99))
        };
        let at = self.worst_rooms.partition_point(|known| badness(known) <= badness(&room));
        if at < SHOWN_ROOMS {
            self.worst_rooms.insert(at, room);
            self.worst_rooms.truncate(SHOWN_ROOMS);
        }
    }

    /// What makes its figures doubtful.
    pub fn doubts(&self) -> impl Iterator<Item = String> {
        let Self { name, ahead, unwatched, .. } = self;
        let ahead = (*ahead > 0).then(|| {
            format!(
                "{name}: {ahead} messages came before they were sent: the clocks of publishers and listeners do not agree"
            )
        });
        let unwatched = (*unwatched > 0).then(|| {
            format!("{name}: nobody kept account of {unwatched} messages: too many rooms or publishers")
        });
        ahead.into_iter().chain(unwatched)
    }
}

impl FanoutSum {
    fn absorb(&mut self, other: &Self) {
        self.listeners += other.listeners;
        self.sent += other.sent;
        self.delivered += other.delivered;
        self.lost += other.lost;
        self.duplicates += other.duplicates;
        self.out_of_order += other.out_of_order;
        self.spread.absorb(&other.spread);
    }

    fn finish(self) -> Self {
        let delivery = times(&self.spread.times());
        Self { expected: self.delivered + self.lost, delivery, ..self }
    }
}

fn sum(room: &Room, linger: Duration) -> FanoutSum {
    let lost: u64 = room.streams.values().map(|stream| beyond(stream, room, linger)).sum();
    FanoutSum {
        listeners: room.listeners.values().sum(),
        sent: room.streams.values().map(|stream| stream.sent).sum(),
        delivered: room.delivered,
        lost: room.gaps + lost,
        duplicates: room.duplicates,
        out_of_order: room.late,
        spread: room.times.clone(),
        ..FanoutSum::default()
    }
}

/// What is owed beyond what listeners could see to be missing: before the first and after the last that they got, and
/// everything to those who heard nothing.
fn beyond(stream: &Stream, room: &Room, linger: Duration) -> u64 {
    // Without its publisher's own word, nobody knows what it sent.
    if stream.sent == 0 {
        return 0;
    }
    // Half of the time to wait is enough: publishers and listeners do not end at the same instant.
    let patience = linger.as_micros() as u64 / 2;
    let mut deaf = room.listeners.clone();
    let mut lost = 0;
    for (Hearing { stay, low, top }, listeners) in &stream.heard {
        let (from, to) = span(stay, patience);
        if from <= stream.first {
            lost += listeners * u64::from(low - 1);
        }
        if to >= stream.last {
            lost += listeners * stream.sent.saturating_sub((*top).into());
        }
        deaf.entry(*stay).and_modify(|left| *left = left.saturating_sub(*listeners));
    }
    lost + deaf.iter().map(|(stay, listeners)| listeners * owed(stream, span(stay, patience))).sum::<u64>()
}

/// From when until when what was sent is owed to somebody, in microseconds since 1970.
fn span(stay: &Stay, patience: u64) -> (u64, u64) {
    (stay.from * SLOT_MICROS, (stay.to * SLOT_MICROS).saturating_sub(patience))
}

/// How many messages of a stream were sent within a time: all, or as many as there were at least if they were evenly spread.
fn owed(stream: &Stream, (from, to): (u64, u64)) -> u64 {
    let Stream { sent, first, last, .. } = *stream;
    if from <= first && to >= last {
        return sent;
    }
    let spacing = last.saturating_sub(first).checked_div(sent - 1).filter(|spacing| *spacing > 0);
    let within = to.min(last).saturating_sub(from.max(first));
    spacing.map_or(0, |spacing| (within / spacing).min(sent))
}

/// The most listeners that a room had at once.
fn most_at_once(room: &Room) -> u64 {
    let comings = room.listeners.iter().map(|(stay, count)| (stay.from, count.cast_signed()));
    // Whoever stayed for less than a slot was there all the same.
    let goings =
        room.listeners.iter().map(|(stay, count)| (stay.to.max(stay.from + 1), -count.cast_signed()));
    let mut changes: Vec<(u64, i64)> = comings.chain(goings).collect();
    changes.sort_unstable();
    let (mut now, mut most) = (0, 0);
    for (_, change) in changes {
        now += change;
        most = most.max(now);
    }
    most.cast_unsigned()
}

#[cfg(test)]
mod tests;
