//! Lists of accounts, and dashboards.

use super::cases;
use super::support::{account, after, first};
use crate::domain::{
    CaseStatus, CaseStep, ConsultationStatus, Lawyer, LawyerChange, Matter, Person, PracticeArea, Role,
    Timestamp, UserChange, UserFilter, UserId, Whose,
};
use crate::store::{Store, StoreError};

pub async fn run(store: &dyn Store) {
    lawyers_are_listed_while_they_are_active(store).await;
    lawyers_change_what_they_say_about_themselves(store).await;
    accounts_are_listed_by_role_and_state(store).await;
    dashboards_count_what_there_is(store).await;
}

async fn lawyer(store: &dyn Store, name: &str, areas: &[PracticeArea]) -> Person {
    let person = account(store, name).await;
    let role = UserChange { role: Some(Role::Lawyer), active: None };
    store.change_user(person.id, role).await.unwrap().unwrap();
    let change = LawyerChange { specializations: Some(areas.to_vec()), headline: None };
    store.change_lawyer(person.id, change).await.unwrap();
    person
}

async fn set_active(store: &dyn Store, user: UserId, active: bool) {
    let change = UserChange { role: None, active: Some(active) };
    assert_eq!(store.change_user(user, change).await.unwrap().unwrap().active, active);
}

async fn lawyers_are_listed_while_they_are_active(store: &dyn Store) {
    let (both, tax, family) = (
        lawyer(store, "both", &[PracticeArea::Immigration, PracticeArea::Corporate]).await,
        lawyer(store, "corporate", &[PracticeArea::Corporate]).await,
        lawyer(store, "immigration", &[PracticeArea::Immigration]).await,
    );
    let of = async |area, page| store.lawyers(area, page).await.unwrap();
    let ids = |items: &[Lawyer]| items.iter().map(|lawyer| lawyer.person.id).collect::<Vec<_>>();
    assert_eq!(ids(&of(Some(PracticeArea::Corporate), first(5)).await.items), [tax.id, both.id]);
    let page = of(Some(PracticeArea::Immigration), first(1)).await;
    assert_eq!(ids(&page.items), [family.id]);
    let rest = of(Some(PracticeArea::Immigration), after(&page, 1)).await;
    assert_eq!((ids(&rest.items), rest.next_cursor), (vec![both.id], None));
    assert_eq!(ids(&of(None, first(3)).await.items), [family.id, tax.id, both.id]);
    set_active(store, tax.id, false).await;
    assert_eq!(ids(&of(Some(PracticeArea::Corporate), first(5)).await.items), [both.id]);
    assert_eq!(ids(&of(None, first(2)).await.items), [family.id, both.id]);
    assert_eq!(store.lawyer(tax.id).await.unwrap(), None);
    set_active(store, tax.id, true).await;
    assert_eq!(store.lawyer(tax.id).await.unwrap().unwrap().specializations, [PracticeArea::Corporate]);
}

async fn lawyers_change_what_they_say_about_themselves(store: &dyn Store) {
    let person = lawyer(store, "wordy", &[PracticeArea::Other]).await;
    let headline = LawyerChange { specializations: None, headline: Some("Thirty years".into()) };
    let changed = store.change_lawyer(person.id, headline).await.unwrap();
    let expected = Lawyer {
        person: person.clone(),
        specializations: vec![PracticeArea::Other],
        headline: Some("Thirty years".into()),
    };
    assert_eq!(changed, expected);
    let areas = vec![PracticeArea::Civil, PracticeArea::Family, PracticeArea::Civil];
    let change = LawyerChange { specializations: Some(areas), headline: None };
    let changed = store.change_lawyer(person.id, change).await.unwrap();
    let sorted = vec![PracticeArea::Family, PracticeArea::Civil];
    assert_eq!(changed, Lawyer { specializations: sorted, ..expected });
    assert_eq!(store.lawyer(person.id).await.unwrap(), Some(changed));
    let citizen = account(store, "no-lawyer").await;
    let refused = store.change_lawyer(citizen.id, LawyerChange::default()).await;
    assert!(matches!(refused, Err(StoreError::Missing("lawyer"))));
}

async fn accounts_are_listed_by_role_and_state(store: &dyn Store) {
    let (older, newer) = (account(store, "listed-1").await, account(store, "listed-2").await);
    let found = store.user(older.id).await.unwrap().unwrap();
    assert_eq!((&found.person, found.role, found.active), (&older, Role::Citizen, true));
    assert_eq!(found.email.as_deref(), Some("listed-1@example.com"));
    let list = async |role, active, page| store.users(UserFilter { role, active }, page).await.unwrap();
    let ids = |items: Vec<crate::domain::UserRecord>| items.iter().map(|u| u.person.id).collect::<Vec<_>>();
    let page = list(Some(Role::Citizen), None, first(1)).await;
    let rest = list(Some(Role::Citizen), None, after(&page, 1)).await;
    assert_eq!((ids(page.items), rest.items[0].person.id), (vec![newer.id], older.id));
    set_active(store, newer.id, false).await;
    assert_eq!(ids(list(None, Some(false), first(1)).await.items), [newer.id]);
    assert_eq!(ids(list(Some(Role::Citizen), Some(true), first(1)).await.items), [older.id]);
    let change = UserChange { role: Some(Role::Admin), active: None };
    store.change_user(newer.id, change).await.unwrap();
    assert_eq!(ids(list(Some(Role::Admin), Some(false), first(1)).await.items), [newer.id]);
    assert_eq!(ids(list(None, None, first(2)).await.items), [newer.id, older.id]);
    assert_eq!(store.change_user(UserId::new(), change).await.unwrap(), None);
    assert_eq!(store.user(UserId::new()).await.unwrap(), None);
}

async fn dashboards_count_what_there_is(store: &dyn Store) {
    let now = Timestamp::now();
    let before = store.dashboard(Whose::Everybody, now).await.unwrap();
    let (citizen, taker) = (account(store, "dash-cit").await, lawyer(store, "dash-law", &[]).await);
    let tax = || Matter::Query { category: PracticeArea::Tax };
    cases::open(store, &citizen, tax()).await;
    let query = cases::open(store, &citizen, tax()).await;
    cases::step(store, &query, CaseStep::Take(taker.clone())).await;
    cases::open(store, &citizen, Matter::Dispute { respondent: "x".into() }).await;
    let own = store.dashboard(Whose::Citizen(citizen.id), now).await.unwrap();
    assert_eq!((own.queries[&CaseStatus::Open], own.queries[&CaseStatus::Assigned]), (1, 1));
    assert_eq!((own.queries.len(), own.disputes.len(), own.consultations.len()), (4, 4, 5));
    assert_eq!((own.disputes[&CaseStatus::Open], own.consultations[&ConsultationStatus::Requested]), (1, 0));
    assert_eq!((own.users, own.next_consultations), (None, None));
    let taken = store.dashboard(Whose::Lawyer(taker.id), now).await.unwrap();
    assert_eq!((taken.queries[&CaseStatus::Open], taken.queries[&CaseStatus::Assigned]), (0, 1));
    assert_eq!(taken.next_consultations, Some(vec![]));
    let all = store.dashboard(Whose::Everybody, now).await.unwrap();
    assert_eq!(all.queries[&CaseStatus::Open], before.queries[&CaseStatus::Open] + 1);
    let (all, before) = (all.users.unwrap(), before.users.unwrap());
    assert_eq!(all[&Role::Lawyer], before[&Role::Lawyer] + 1);
    assert_eq!(all[&Role::Citizen], before[&Role::Citizen] + 1);
}
