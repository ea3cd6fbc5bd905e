use super::*;
use crate::state::verify::stored::Sidecar;
use state_map::verify::digest::of_value;
use state_map::wire::key::Key;

const RUN: Id = Id(1);
const OWNER: Id = Id(7);
const TERMS: Terms = Terms { run: RUN, now_ms: 100_000, tolerance_ms: 1_000 };

fn entry() -> Entry {
    Entry {
        key: Key::new("m:", "a"),
        map: 0,
        seq: 3,
        op: Id(30),
        expires_ms: 0,
        value: Some(Id(of_value(b"v").0)),
        generation: 2,
        owed: false,
    }
}

fn record() -> Sidecar {
    Sidecar {
        run: RUN,
        generation: 2,
        owner: OWNER,
        seq: 3,
        op: Id(30),
        deleted: false,
        claim_epoch: 1,
        expires_ms: 0,
    }
}

fn stored(record: Sidecar) -> Stored {
    Stored { record: Some(record), value: Content::Present(b"v".to_vec()), expires_ms: 0 }
}

#[test]
fn every_class_has_its_own_cause() {
    let gone = || Stored { value: Content::Absent, ..stored(record()) };
    let until = |said, set| Stored { expires_ms: set, ..stored(Sidecar { expires_ms: said, ..record() }) };
    let expiring = |at| Entry { expires_ms: at, ..entry() };
    let cases = [
        (entry(), stored(record()), None),
        (entry(), Stored::default(), Some(Class::Missing)),
        (Entry { owed: true, ..entry() }, Stored::default(), Some(Class::Owed)),
        (
            entry(),
            Stored { record: Some(Sidecar { run: Id(2), ..record() }), ..gone() },
            Some(Class::Missing),
        ),
        (entry(), Stored { value: Content::WrongType, ..gone() }, Some(Class::Type)),
        (entry(), Stored { value: Content::Unreadable, ..gone() }, Some(Class::Unreadable)),
        (entry(), Stored { value: Content::Present(b"w".to_vec()), ..gone() }, Some(Class::Value)),
        (entry(), gone(), Some(Class::Vanished)),
        (
            entry(),
            Stored { record: Some(Sidecar { deleted: true, ..record() }), ..gone() },
            Some(Class::Tombstoned),
        ),
        (Entry { value: None, ..entry() }, stored(record()), Some(Class::Tombstoned)),
        (entry(), stored(Sidecar { op: Id(31), ..record() }), Some(Class::Conflict)),
        (entry(), stored(Sidecar { owner: Id(8), ..record() }), Some(Class::Conflict)),
        (Entry { seq: 4, op: Id(40), ..entry() }, stored(record()), Some(Class::Version)),
        (Entry { seq: 4, op: Id(40), owed: true, ..entry() }, stored(record()), Some(Class::Owed)),
        (entry(), until(200_000, 200_000), Some(Class::Ttl)),
        (expiring(200_000), until(200_000, 200_500), None),
        (expiring(200_000), until(200_000, 0), Some(Class::Ttl)),
        (expiring(200_000), until(200_000, 202_000), Some(Class::Ttl)),
        (expiring(100_500), until(100_500, 100_500), Some(Class::Expiring)),
        (expiring(90_000), Stored { value: Content::Absent, ..until(90_000, 0) }, Some(Class::Expiring)),
        (Entry { generation: 0, ..entry() }, Stored::default(), Some(Class::Unclaimed)),
        (Entry { seq: 0, value: None, ..entry() }, Stored::default(), None),
    ];
    for (entry, stored, class) in cases {
        assert_eq!(compare(OWNER, &entry, &stored, TERMS), class, "{entry:?} {stored:?}");
    }
}

#[test]
fn redis_alone_is_held_against_its_own_records() {
    let value = Content::Present(b"v".to_vec());
    let tombstone = Sidecar { deleted: true, ..record() };
    let cases = [
        (stored(record()), None),
        (Stored { record: None, value: value.clone(), expires_ms: 0 }, Some(Class::Unrecorded)),
        (
            Stored { record: Some(Sidecar { run: Id(9), ..record() }), value: value.clone(), expires_ms: 0 },
            Some(Class::Unrecorded),
        ),
        (Stored { record: Some(tombstone.clone()), value: Content::Absent, expires_ms: 0 }, None),
        (Stored { record: Some(tombstone), value, expires_ms: 0 }, Some(Class::Tombstoned)),
        (Stored { record: Some(record()), ..Stored::default() }, Some(Class::Vanished)),
        (Stored { expires_ms: 5, ..stored(record()) }, Some(Class::Ttl)),
    ];
    for (stored, class) in cases {
        assert_eq!(check(&stored, TERMS), class, "{stored:?}");
    }
}
