use std::time::Duration;

use proptest::prelude::*;

use super::FanoutReport;
use crate::load::fanout::account::{Account, Hearing, Room, SLOT_MICROS, Stay, Stream};
use crate::load::scenario::plan::{FanoutRow, MetricDef, MetricKind};

const LINGER: Duration = Duration::from_secs(2);

fn report(rooms: Vec<(&str, Room)>) -> FanoutReport {
    let metric = MetricDef::of_http("fanout e", MetricKind::Delivery);
    let account: Account =
        rooms.into_iter().map(|(name, room)| (0, name.to_owned(), room)).collect::<Vec<_>>().into();
    FanoutReport::all(&[FanoutRow { metric: 0, linger: LINGER }], &[metric], &account).remove(0)
}

/// A listener from one second to another.
fn stay(from: u64, to: u64) -> Stay {
    Stay { from: from * 10, to: to * 10 }
}

/// Ten messages, from second 10 to second 20, heard so by so many.
fn stream(heard: &[(Stay, u32, u32, u64)]) -> Stream {
    let heard =
        heard.iter().map(|(stay, low, top, count)| (Hearing { stay: *stay, low: *low, top: *top }, *count));
    Stream { sent: 10, first: 100 * SLOT_MICROS, last: 200 * SLOT_MICROS, heard: heard.collect() }
}

fn room(listeners: &[(Stay, u64)], stream: Stream) -> Room {
    Room { listeners: listeners.iter().copied().collect(), streams: [(1, stream)].into(), ..Room::default() }
}

fn lost(room: Room) -> u64 {
    report(vec![("r", room)]).total.lost
}

#[test]
fn who_was_there_all_the_time_is_owed_everything() {
    let all = stay(5, 25);
    assert_eq!(lost(room(&[(all, 3)], stream(&[(all, 1, 10, 3)]))), 0);
    assert_eq!(
        lost(room(&[(all, 3)], stream(&[(all, 3, 9, 1), (all, 1, 10, 1)]))),
        2 + 1 + 10,
        "one is deaf"
    );
}

#[test]
fn who_came_late_or_left_early_is_owed_what_was_between() {
    let (late, early) = (stay(12, 25), stay(5, 15));
    let heard = stream(&[(late, 4, 9, 1), (early, 2, 5, 1)]);
    assert_eq!(
        lost(room(&[(late, 1), (early, 1)], heard)),
        1 + 1,
        "the last for one, the first for the other"
    );
    assert_eq!(lost(room(&[(late, 1), (early, 1)], stream(&[]))), 7 + 3, "what was sent meanwhile");
    let hardly = stay(5, 20);
    assert_eq!(
        lost(room(&[(hardly, 1)], stream(&[(hardly, 1, 9, 1)]))),
        0,
        "the last may have been under way"
    );
}

#[test]
fn what_a_publisher_did_not_tell_of_is_not_owed() {
    let all = stay(5, 25);
    let unknown = Stream { sent: 0, first: 0, last: 0, ..stream(&[(all, 2, 5, 1)]) };
    assert_eq!(lost(room(&[(all, 2)], unknown)), 0);
}

#[test]
fn rooms_are_summed_up_by_the_most_that_listened_at_once() {
    let one_after_the_other = room(&[(stay(5, 10), 6), (stay(10, 25), 6)], stream(&[]));
    let at_once = room(&[(stay(5, 25), 11)], stream(&[(stay(5, 25), 1, 10, 11)]));
    let report = report(vec![("a", one_after_the_other), ("b", at_once)]);
    let sizes: Vec<_> = report.sizes.iter().map(|part| (part.name.as_str(), part.sum.listeners)).collect();
    assert_eq!(sizes, [("2-10", 12), ("11-100", 11)]);
    assert_eq!((report.rooms, report.publishers, report.total.sent), (2, 2, 20));
}

#[test]
fn the_worst_rooms_come_first() {
    let lossy = |gaps| Room { gaps, ..Room::default() };
    let rooms: Vec<(String, Room)> = (0..30).map(|gaps| (format!("r{gaps}"), lossy(gaps))).collect();
    let report = report(rooms.iter().map(|(name, room)| (name.as_str(), room.clone())).collect());
    let names: Vec<_> = report.worst_rooms.iter().map(|part| part.name.clone()).collect();
    assert_eq!(names.len(), 20);
    assert_eq!(names[..2], ["r29", "r28"]);
}

prop_compose! {
    fn a_room()(
        gaps in 0u64..5, delivered in 0u64..50, from in 0u64..9, long in 0u64..9, count in 1u64..4,
        low in 1u32..5, top in 5u32..9, mark in 0u64..3, sent in 0u64..9, time in 1u64..9_000_000,
    ) -> Room {
        let stay = Stay { from, to: from + long };
        let heard = [(Hearing { stay, low, top }, count)].into();
        let stream = Stream { sent, first: sent * 7, last: sent * 9, heard };
        let mut room = Room { gaps, delivered, ..Room::default() };
        room.times.record(time);
        room.listeners.insert(stay, count);
        room.streams.insert(mark, stream);
        room
    }
}

proptest! {
    /// However a run is cut into processes, its account is the same; and it travels between them unharmed.
    #[test]
    fn accounts_add_up_in_any_order_and_travel(rooms in proptest::collection::vec((0usize..2, "[ab]", a_room()), 0..8)) {
        let accounts: Vec<Account> = rooms.into_iter().map(|room| Account::from(vec![room])).collect();
        let sum = |accounts: &mut dyn Iterator<Item = &Account>| {
            let mut sum = Account::default();
            accounts.for_each(|account| sum.absorb(account));
            sum
        };
        let (forth, back) = (sum(&mut accounts.iter()), sum(&mut accounts.iter().rev()));
        prop_assert_eq!(&forth, &back);
        let travelled: Account = serde_json::from_str(&serde_json::to_string(&forth).unwrap()).unwrap();
        prop_assert_eq!(travelled, forth);
    }
}
