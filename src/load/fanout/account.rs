//! What the users of one process published and heard, room by room; accounts add up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::heard::{Coming, Heard};
use super::spread::Spread;
use super::stamp::Stamp;
use crate::load::scenario::plan::MetricId;
use crate::load::scenario::template::epoch_micros;
use crate::lock::lock;

/// Rooms that a process keeps account of; listeners of further ones are counted and not judged.
const MOST_ROOMS: usize = 20_000;
/// Publishers that a listener keeps account of.
const MOST_PUBLISHERS: usize = 4_096;
/// Listeners whose times fall into the same slots are one entry.
pub const SLOT_MICROS: u64 = 100_000;

/// The rooms of a process, while its users work.
#[derive(Debug, Default)]
pub struct Book(Mutex<BTreeMap<(MetricId, String), Arc<RoomBook>>>);

/// One room, while users work.
#[derive(Debug, Default)]
pub struct RoomBook(Mutex<Room>);

/// All rooms of one process, or of several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(MetricId, String, Room)>", into = "Vec<(MetricId, String, Room)>")]
pub struct Account(BTreeMap<(MetricId, String), Room>);

/// What was published in a room, and what was heard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    /// From when a message was due to its receipt.
    pub times: Spread,
    /// Messages that came, each counted once for each listener.
    pub delivered: u64,
    /// Messages that came once more.
    pub duplicates: u64,
    /// Messages that came after a later one of the same publisher.
    pub late: u64,
    /// Messages that did not come although a later one of the same publisher did.
    pub gaps: u64,
    /// Messages that came before they were sent, by the clocks.
    pub ahead: u64,
    /// Messages of publishers beyond those that a listener keeps account of.
    pub unwatched: u64,
    /// Listeners, by when they began and ended.
    #[serde(with = "pairs")]
    pub listeners: BTreeMap<Stay, u64>,
    /// Publishers.
    pub streams: BTreeMap<u64, Stream>,
}

/// What was published under one mark, and how far listeners heard it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stream {
    /// Messages sent.
    pub sent: u64,
    /// When the first was due, in microseconds since 1970; 0 where it is not known.
    pub first: u64,
    /// When the last was due.
    pub last: u64,
    /// Listeners by how far they heard it.
    #[serde(with = "pairs")]
    pub heard: BTreeMap<Hearing, u64>,
}

/// How long somebody listened, in slots since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stay {
    /// The first slot that is his as a whole.
    pub from: u64,
    /// The slot after the last one.
    pub to: u64,
}

/// What a listener heard of a publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hearing {
    /// How long it listened.
    pub stay: Stay,
    /// The lowest number.
    pub low: u32,
    /// The highest one.
    pub top: u32,
}

/// Maps whose keys are no text, as lists of pairs.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<K: Serialize, S: Serializer>(
        map: &BTreeMap<K, u64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub fn deserialize<'de, K: Deserialize<'de> + Ord, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<K, u64>, D::Error> {
        Ok(Vec::<(K, u64)>::deserialize(deserializer)?.into_iter().collect())
    }
}

impl Book {
    /// The room called `name` of a row; none when there are too many.
    pub fn room(&self, row: MetricId, name: &str) -> Option<Arc<RoomBook>> {
        let mut rooms = lock(&self.0);
        let key = (row, name.to_owned());
        if rooms.len() >= MOST_ROOMS && !rooms.contains_key(&key) {
            return None;
        }
        Some(Arc::clone(rooms.entry(key).or_default()))
    }

    /// The account, once users are done.
    pub fn account(&self) -> Account {
        let rooms = std::mem::take(&mut *lock(&self.0));
        Account(rooms.into_iter().map(|(key, room)| (key, std::mem::take(&mut *lock(&room.0)))).collect())
    }
}

impl RoomBook {
    /// Somebody has published message `number` of a stream.
    pub fn sent(&self, stamp: &Stamp) {
        let mut room = lock(&self.0);
        let stream = room.streams.entry(stamp.stream).or_default();
        stream.sent = stream.sent.max(stamp.number.into());
        stream.first = if stream.first == 0 { stamp.sent_micros } else { stream.first };
        stream.last = stamp.sent_micros;
    }
}

impl Account {
    /// Adds another one to this one.
    pub fn absorb(&mut self, other: &Self) {
        for (key, room) in &other.0 {
            self.0.entry(key.clone()).or_default().absorb(room);
        }
    }

    /// The rooms of a row, by name.
    pub fn rooms(&self, row: MetricId) -> impl Iterator<Item = (&str, &Room)> {
        let of_row = self.0.iter().filter(move |((known, _), _)| *known == row);
        of_row.map(|((_, name), room)| (name.as_str(), room))
    }
}

impl From<Vec<(MetricId, String, Room)>> for Account {
    fn from(rooms: Vec<(MetricId, String, Room)>) -> Self {
        Self(rooms.into_iter().map(|(row, name, room)| ((row, name), room)).collect())
    }
}

impl From<Account> for Vec<(MetricId, String, Room)> {
    fn from(account: Account) -> Self {
        account.0.into_iter().map(|((row, name), room)| (row, name, room)).collect()
    }
}

impl Room {
    fn absorb(&mut self, other: &Self) {
        let Self { times, delivered, duplicates, late, gaps, ahead, unwatched, listeners, streams } = other;
        self.times.absorb(times);
        self.delivered += delivered;
        self.duplicates += duplicates;
        self.late += late;
        self.gaps += gaps;
        self.ahead += ahead;
        self.unwatched += unwatched;
        add(&mut self.listeners, listeners);
        for (mark, stream) in streams {
            self.streams.entry(*mark).or_default().absorb(stream);
        }
    }
}

impl Stream {
    fn absorb(&mut self, other: &Self) {
        let Self { sent, first, last, heard } = other;
        self.sent = self.sent.max(*sent);
        // Only its own process knows when it began.
        self.first = self.first.max(*first);
        self.last = self.last.max(*last);
        add(&mut self.heard, heard);
    }
}

fn add<K: Ord + Copy>(sum: &mut BTreeMap<K, u64>, more: &BTreeMap<K, u64>) {
    more.iter().for_each(|(key, count)| *sum.entry(*key).or_default() += count);
}

/// Somebody who listens in a room. What it heard goes into the room's book when it is dropped, however that comes.
#[derive(Debug)]
pub struct Ear {
    room: Arc<RoomBook>,
    from_micros: u64,
    /// By stream, in order.
    heard: Vec<(u64, Heard)>,
    duplicates: u64,
    /// The streams of this listener's own user, which are not for itself.
    own: Vec<u64>,
}

impl Ear {
    /// Begins to listen.
    pub fn new(room: Arc<RoomBook>) -> Self {
        Self { room, from_micros: epoch_micros(), heard: Vec::new(), duplicates: 0, own: Vec::new() }
    }

    /// Leaves the messages of a stream out: they are its own.
    pub fn except(&mut self, stream: u64) {
        if !self.own.contains(&stream) {
            self.own.push(stream);
        }
    }

    /// A message that came at `at_micros`; the time it took where it counts as a delivery.
    pub fn take(&mut self, stamp: &Stamp, at_micros: u64) -> Option<u64> {
        // Whoever joins a room may be told what was said there before.
        if stamp.sent_micros < self.from_micros || self.own.contains(&stamp.stream) {
            return None;
        }
        let mut room = lock(&self.room.0);
        let coming = match self.heard.binary_search_by_key(&stamp.stream, |(stream, _)| *stream) {
            Ok(at) => self.heard[at].1.take(stamp.number),
            Err(_) if self.heard.len() >= MOST_PUBLISHERS => {
                room.unwatched += 1;
                return None;
            }
            Err(at) => {
                self.heard.insert(at, (stamp.stream, Heard::new(stamp.number)));
                Coming::InOrder
            }
        };
        match coming {
            Coming::Again => {
                room.duplicates += 1;
                self.duplicates += 1;
                return None;
            }
            Coming::Late => room.late += 1,
            Coming::InOrder => {}
        }
        let took = at_micros.checked_sub(stamp.sent_micros);
        room.ahead += u64::from(took.is_none());
        room.delivered += 1;
        let took = took.unwrap_or(0);
        room.times.record(took);
        Some(took)
    }

    /// Messages that came once more.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Messages that have not come so far although later ones have.
    pub fn missing(&self) -> u64 {
        self.heard.iter().map(|(_, heard)| heard.missing()).sum()
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        let (from, to) = (self.from_micros.div_ceil(SLOT_MICROS), epoch_micros() / SLOT_MICROS);
        let stay = Stay { from, to };
        let mut room = lock(&self.room.0);
        *room.listeners.entry(stay).or_default() += 1;
        room.gaps += self.missing();
        let own = self.own.iter().map(|stream| (*stream, 1, u32::MAX));
        for (stream, low, top) in
            self.heard.iter().map(|(stream, heard)| (*stream, heard.low, heard.top)).chain(own)
        {
            let stream = room.streams.entry(stream).or_default();
            *stream.heard.entry(Hearing { stay, low, top }).or_default() += 1;
        }
    }
}
