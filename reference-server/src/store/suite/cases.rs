//! Queries and disputes.

use std::slice::from_ref;

use super::support::{account, after, first};
use crate::domain::{
    Case, CaseFilter, CaseId, CaseKind, CaseRef, CaseStatus, CaseStep, Matter, Person, PracticeArea,
    Timestamp, Whose,
};
use crate::store::Store;

pub async fn run(store: &dyn Store) {
    cases_are_found_as_they_were_opened(store).await;
    of_many_takers_one_gets_the_case(store).await;
    lists_hold_what_their_filter_says(store).await;
    lists_are_paged_newest_first(store).await;
}

fn query() -> Matter {
    Matter::Query { category: PracticeArea::Tax }
}

fn dispute() -> Matter {
    Matter::Dispute { respondent: "the landlord".into() }
}

pub async fn open(store: &dyn Store, citizen: &Person, matter: Matter) -> Case {
    let created_at = Timestamp::now();
    let case = Case {
        id: CaseId::new(),
        citizen: citizen.clone(),
        lawyer: None,
        title: "a title".into(),
        description: "a description".into(),
        matter,
        status: CaseStatus::Open,
        outcome: None,
        created_at,
        updated_at: created_at,
    };
    store.open_case(case.clone()).await.unwrap();
    case
}

/// The case after a step that nobody else takes at the same time.
pub async fn step(store: &dyn Store, case: &Case, step: CaseStep) -> Case {
    let next = case.after(step, Timestamp::now()).unwrap();
    assert!(store.replace_case(case.clone(), next.clone()).await.unwrap());
    next
}

async fn cases_are_found_as_they_were_opened(store: &dyn Store) {
    let (citizen, lawyer) = (account(store, "case-cit").await, account(store, "case-law").await);
    for matter in [query(), dispute()] {
        let opened = open(store, &citizen, matter).await;
        let reference = opened.reference();
        assert_eq!(store.case(reference).await.unwrap(), Some(opened.clone()));
        let taken = step(store, &opened, CaseStep::Take(lawyer.clone())).await;
        assert_eq!(store.case(reference).await.unwrap(), Some(taken.clone()));
        let concluded = step(store, &taken, CaseStep::Conclude("so it is".into())).await;
        assert_eq!(store.case(reference).await.unwrap(), Some(concluded));
        let kind = if reference.kind == CaseKind::Query { CaseKind::Dispute } else { CaseKind::Query };
        assert_eq!(store.case(CaseRef { kind, ..reference }).await.unwrap(), None);
    }
}

async fn of_many_takers_one_gets_the_case(store: &dyn Store) {
    let citizen = account(store, "race-cit").await;
    let opened = open(store, &citizen, query()).await;
    let mut takers = Vec::new();
    for n in 0..8 {
        takers.push(account(store, &format!("race-law-{n}")).await);
    }
    let tries = takers.iter().map(|taker| {
        let next = opened.after(CaseStep::Take(taker.clone()), Timestamp::now()).unwrap();
        store.replace_case(opened.clone(), next)
    });
    let won: Vec<bool> =
        futures_util::future::join_all(tries).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(won.iter().filter(|won| **won).count(), 1, "{won:?}");
    let winner = won.iter().position(|won| *won).unwrap();
    let kept = store.case(opened.reference()).await.unwrap().unwrap();
    assert_eq!(kept.lawyer.as_ref(), Some(&takers[winner]));
    let other = &takers[(winner + 1) % takers.len()];
    let stale = Case { lawyer: Some(other.clone()), ..kept.clone() };
    let next = stale.after(CaseStep::Conclude("not mine".into()), Timestamp::now()).unwrap();
    assert!(!store.replace_case(stale, next).await.unwrap(), "another lawyer's case was concluded");
    assert_eq!(store.case(opened.reference()).await.unwrap(), Some(kept));
}

async fn lists_hold_what_their_filter_says(store: &dyn Store) {
    let (ann, ben) = (account(store, "list-ann").await, account(store, "list-ben").await);
    let lawyer = account(store, "list-law").await;
    let tax = open(store, &ann, query()).await;
    let family = open(store, &ann, Matter::Query { category: PracticeArea::Family }).await;
    let other = open(store, &ben, query()).await;
    let taken = step(store, &family, CaseStep::Take(lawyer.clone())).await;
    let list = async |whose, status, category| {
        let filter = CaseFilter { whose, status, category };
        store.cases(CaseKind::Query, filter, first(3)).await.unwrap().items
    };
    let (open, assigned) = (Some(CaseStatus::Open), Some(CaseStatus::Assigned));
    assert_eq!(list(Whose::Citizen(ann.id), None, None).await, [taken.clone(), tax.clone()]);
    assert_eq!(list(Whose::Citizen(ann.id), open, None).await, from_ref(&tax));
    assert_eq!(list(Whose::Citizen(ann.id), None, Some(PracticeArea::Family)).await, from_ref(&taken));
    assert_eq!(list(Whose::Citizen(ann.id), open, Some(PracticeArea::Family)).await, []);
    assert_eq!(list(Whose::Lawyer(lawyer.id), None, None).await, from_ref(&taken));
    assert_eq!(list(Whose::Lawyer(lawyer.id), open, None).await, []);
    assert_eq!(list(Whose::Lawyer(lawyer.id), assigned, None).await, from_ref(&taken));
    assert_eq!(list(Whose::Everybody, open, None).await[..2], [other.clone(), tax.clone()]);
    assert_eq!(
        list(Whose::Everybody, open, Some(PracticeArea::Tax)).await[..2],
        [other.clone(), tax.clone()]
    );
    assert_eq!(list(Whose::Everybody, None, None).await, [other, taken, tax]);
}

async fn lists_are_paged_newest_first(store: &dyn Store) {
    let citizen = account(store, "page-cit").await;
    let mut opened = Vec::new();
    for _ in 0..5 {
        opened.insert(0, open(store, &citizen, dispute()).await);
    }
    let filter = CaseFilter { whose: Whose::Citizen(citizen.id), status: None, category: None };
    let page = store.cases(CaseKind::Dispute, filter, first(3)).await.unwrap();
    assert_eq!(page.items, opened[..3]);
    open(store, &citizen, dispute()).await;
    let rest = store.cases(CaseKind::Dispute, filter, after(&page, 3)).await.unwrap();
    assert_eq!((rest.items.as_slice(), rest.next_cursor), (&opened[3..], None));
}
