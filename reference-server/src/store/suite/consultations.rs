//! Appointments.

use std::slice::from_ref;

use super::support::{account, after, first};
use crate::domain::{
    Consultation, ConsultationFilter, ConsultationId, ConsultationStatus, Person, Timestamp, Whose,
};
use crate::store::{Store, StoreError};

use ConsultationStatus::{Cancelled, Confirmed, Declined, Requested};

pub async fn run(store: &dyn Store) {
    a_consultation_changes_only_from_where_it_was_seen(store).await;
    confirmed_consultations_never_overlap(store).await;
    of_overlapping_requests_one_is_confirmed(store).await;
    lists_hold_what_their_filter_says(store).await;
}

/// Begins so many minutes after the year 2030 did.
fn at(citizen: &Person, lawyer: &Person, start: i64, minutes: u16) -> Consultation {
    Consultation {
        id: ConsultationId::new(),
        citizen: citizen.clone(),
        lawyer: lawyer.clone(),
        starts_at: Timestamp::from_micros(1_893_456_000_000_000 + start * 60_000_000),
        minutes,
        status: Requested,
        created_at: Timestamp::now(),
    }
}

pub async fn request(store: &dyn Store, wanted: Consultation) -> Consultation {
    store.request_consultation(wanted.clone()).await.unwrap();
    wanted
}

async fn confirm(store: &dyn Store, seen: &Consultation) -> Result<bool, StoreError> {
    store.move_consultation(seen.clone(), Confirmed).await
}

async fn a_consultation_changes_only_from_where_it_was_seen(store: &dyn Store) {
    let (citizen, lawyer) = (account(store, "meet-cit").await, account(store, "meet-law").await);
    let asked = request(store, at(&citizen, &lawyer, 0, 45)).await;
    assert_eq!(store.consultation(asked.id).await.unwrap(), Some(asked.clone()));
    assert!(store.move_consultation(asked.clone(), Declined).await.unwrap());
    assert!(!store.move_consultation(asked.clone(), Cancelled).await.unwrap());
    assert!(!confirm(store, &asked).await.unwrap());
    let kept = store.consultation(asked.id).await.unwrap();
    assert_eq!(kept, Some(Consultation { status: Declined, ..asked }));
    assert_eq!(store.consultation(ConsultationId::new()).await.unwrap(), None);
}

async fn confirmed_consultations_never_overlap(store: &dyn Store) {
    let (citizen, lawyer) = (account(store, "busy-cit").await, account(store, "busy-law").await);
    let held = request(store, at(&citizen, &lawyer, 60, 30)).await;
    let waiting = request(store, at(&citizen, &lawyer, 75, 30)).await;
    assert!(confirm(store, &held).await.unwrap());
    assert!(matches!(confirm(store, &waiting).await, Err(StoreError::Taken("time"))));
    for (start, minutes, fits) in [
        (30, 30, true),
        (90, 15, true),
        (45, 16, false),
        (60, 30, false),
        (70, 15, false),
        (89, 180, false),
        (0, 180, false),
    ] {
        let asked = store.request_consultation(at(&citizen, &lawyer, start, minutes)).await;
        assert_eq!(asked.is_ok(), fits, "{minutes} minutes at {start}: {asked:?}");
    }
    let other = account(store, "busy-law-2").await;
    request(store, at(&citizen, &other, 60, 30)).await;
    let held = Consultation { status: Confirmed, ..held };
    assert!(store.move_consultation(held, Cancelled).await.unwrap());
    assert!(confirm(store, &waiting).await.unwrap(), "a cancelled consultation takes no time");
}

async fn of_overlapping_requests_one_is_confirmed(store: &dyn Store) {
    let (citizen, lawyer) = (account(store, "rush-cit").await, account(store, "rush-law").await);
    let mut asked = Vec::new();
    for n in 0..6 {
        asked.push(request(store, at(&citizen, &lawyer, n * 5, 60)).await);
    }
    let tries = asked.iter().map(|seen| confirm(store, seen));
    let confirmed = futures_util::future::join_all(tries).await;
    assert_eq!(confirmed.iter().filter(|outcome| matches!(outcome, Ok(true))).count(), 1, "{confirmed:?}");
}

async fn lists_hold_what_their_filter_says(store: &dyn Store) {
    let (citizen, lawyer) = (account(store, "diary-cit").await, account(store, "diary-law").await);
    let late = request(store, at(&citizen, &lawyer, 500, 30)).await;
    let early = request(store, at(&citizen, &lawyer, 400, 30)).await;
    assert!(confirm(store, &early).await.unwrap());
    let early = Consultation { status: Confirmed, ..early };
    let list = async |whose, status, page| {
        store.consultations(ConsultationFilter { whose, status }, page).await.unwrap()
    };
    for whose in [Whose::Citizen(citizen.id), Whose::Lawyer(lawyer.id)] {
        let page = list(whose, None, first(1)).await;
        assert_eq!(page.items, from_ref(&early));
        let rest = list(whose, None, after(&page, 1)).await;
        assert_eq!((rest.items.as_slice(), rest.next_cursor), (&[late.clone()][..], None));
        assert_eq!(list(whose, Some(Requested), first(5)).await.items, from_ref(&late));
    }
    assert_eq!(list(Whose::Citizen(lawyer.id), None, first(5)).await.items, []);
    assert_eq!(list(Whose::Everybody, None, first(2)).await.items, [early.clone(), late.clone()]);
    let next = store.dashboard(Whose::Lawyer(lawyer.id), early.created_at).await.unwrap();
    assert_eq!(next.next_consultations, Some(vec![early.clone()]));
    let next = store.dashboard(Whose::Lawyer(lawyer.id), early.starts_at).await.unwrap();
    assert_eq!(next.next_consultations, Some(vec![]));
}
