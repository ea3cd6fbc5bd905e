use super::*;
use crate::verify::source::Who;
use crate::wire::call::Version;

fn holding(seq: u64, value: Option<&[u8]>) -> Holding {
    let version = Version { seq, op: Id(u128::from(seq)), value: value.map(Into::into), expires_ms: 0 };
    Holding { version, owed: false, generation: 1, written_here: true }
}

fn instance(keys: impl IntoIterator<Item = (&'static str, Holding)>) -> Imitation {
    let keys = keys.into_iter().map(|(id, holding)| (Key::new("m:", id), holding)).collect();
    let acknowledged = Stamp { epoch: 3, nonce: Id(9) };
    let who = Who {
        name: "one".into(),
        incarnation: Id(7),
        run: Id(1),
        acknowledged,
        serving: Phase::Shadow,
        dropped_epoch: 0,
    };
    Imitation { who, maps: vec![Arc::new(Snapshot { map: "games", prefix: "m:".into(), keys })] }
}

fn ask(question: Question) -> Inquiry {
    Inquiry { id: Id(5), question, deadline_ms: 1_000, expiring_before_ms: 500 }
}

/// The answer, of an executor that has nothing else to do.
fn answer(source: &dyn Source, inquiry: &Inquiry) -> Vec<Part> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(super::answer(source, inquiry))
}

fn told(parts: &[Part]) -> Told {
    let (header, parts) = parts.split_last().unwrap();
    let told: Told = serde_json::from_slice(&header.body).unwrap();
    assert_eq!((header.field.as_str(), told.parts as usize), (&*Id(7).to_string(), parts.len()));
    told
}

fn entries(parts: &[Part]) -> Vec<Entry> {
    let parts = parts.split_last().unwrap().1;
    parts.iter().flat_map(|part| serde_json::from_slice::<Vec<Entry>>(&part.body).unwrap()).collect()
}

fn digests(parts: &[Part]) -> Digests {
    let mut digests = Digests::default();
    assert!(parts.split_last().unwrap().1.iter().all(|part| digests.decode(&part.body)));
    digests
}

#[test]
fn what_is_not_claimed_or_never_written_is_counted_apart() {
    let expiring = Holding {
        version: Version { expires_ms: 499, ..holding(4, Some(b"x")).version },
        ..holding(4, Some(b"x"))
    };
    let one = instance([
        ("a", holding(3, Some(b"abc"))),
        ("gone", holding(2, None)),
        ("soon", expiring),
        ("claimed", holding(0, None)),
        ("old", Holding { generation: 0, ..holding(1, Some(b"z")) }),
        ("owed", Holding { owed: true, ..holding(9, Some(b"de")) }),
    ]);
    let parts = answer(&one, &ask(Question::Digests { buckets: 64 }));
    let counted = MapTold {
        name: "games".into(),
        prefix: "m:".into(),
        keys: 4,
        tombstones: 1,
        expiring: 1,
        owed: 1,
        unclaimed: 1,
        bytes: 7,
        highest_seq: 9,
    };
    assert_eq!(told(&parts).maps, [counted]);
    assert_eq!(digests(&parts).count(), 3, "the one that expires soon is left out");
}

#[test]
fn entries_are_those_of_the_buckets_and_parts_are_bounded() {
    let ids: Vec<&'static str> =
        (0..2_500).map(|number| &*Box::leak(format!("k{number}").into_boxed_str())).collect();
    let many = instance(ids.into_iter().map(|id| (id, holding(1, Some(b"v")))));
    let all = answer(&many, &ask(Question::Entries { buckets: 2, of: vec![0, 1] }));
    assert_eq!((told(&all).parts, entries(&all).len()), (3, 2_500));
    let half = entries(&answer(&many, &ask(Question::Entries { buckets: 2, of: vec![1] })));
    let bucket = |entry: &Entry| digest::bucket(digest::place(entry.key.value()), 2);
    assert!(half.iter().all(|entry| bucket(entry) == 1) && half.len() < 2_500 && !half.is_empty());
}

#[test]
fn keys_are_answered_whether_they_are_claimed_or_not() {
    let one =
        instance([("a", holding(3, Some(b"abc"))), ("b", Holding { generation: 0, ..holding(0, None) })]);
    let keys = ["a", "b", "c"].map(|id| Key::new("m:", id)).to_vec();
    let found = entries(&answer(&one, &ask(Question::Keys { keys })));
    let found: Vec<_> = found.iter().map(|entry| (entry.key.value(), entry.seq, entry.generation)).collect();
    assert_eq!(found, [("m:a", 3, 1), ("m:b", 0, 0)]);
}

/// A version that came with a claim is what the next request reads: an answer without it says nothing of it.
pub fn answers_for_what_it_loaded() -> bool {
    let loaded = Holding { written_here: false, ..holding(3, Some(b"abc")) };
    let one = instance([("a", loaded), ("b", holding(1, Some(b"d")))]);
    digests(&answer(&one, &ask(Question::Digests { buckets: 64 }))).count() == 2
}

#[test]
fn an_answer_has_what_came_with_a_claim() {
    assert!(answers_for_what_it_loaded());
}
