//! Sessions and their refresh tokens.

use std::time::Duration;

use super::support::account;
use crate::domain::{NewAccount, NewSession, Person, Role, Rotated, Rotation, SessionId, Timestamp, UserId};
use crate::store::Store;

const HOUR: Duration = Duration::from_secs(3_600);

pub async fn run(store: &dyn Store) {
    each_token_is_good_once(store).await;
    of_uses_at_the_same_time_one_holds(store).await;
    expired_and_closed_sessions_are_unknown(store).await;
    all_sessions_of_an_account_end_together(store).await;
    an_administrator_is_made_or_takes_an_account_over(store).await;
}

async fn session(store: &dyn Store, user: UserId, ttl: Duration) -> SessionId {
    let id = SessionId::new();
    let expires_at = Timestamp::now().after(ttl);
    store.open_session(NewSession { id, user, token: [1; 32], expires_at }).await.unwrap();
    id
}

async fn rotate(store: &dyn Store, session: SessionId, used: u8, next: u8) -> Rotated {
    let now = Timestamp::now();
    let rotation = Rotation { session, used: [used; 32], next: [next; 32], now, expires_at: now.after(HOUR) };
    store.rotate_session(rotation).await.unwrap()
}

async fn each_token_is_good_once(store: &dyn Store) {
    let user = account(store, "session-once").await;
    let id = session(store, user.id, HOUR).await;
    let Rotated::Renewed(owner) = rotate(store, id, 1, 2).await else { panic!("the first token") };
    assert_eq!(owner.person, user);
    assert!(matches!(rotate(store, id, 2, 3).await, Rotated::Renewed(_)));
    assert!(matches!(rotate(store, id, 2, 4).await, Rotated::Replayed));
    assert!(matches!(rotate(store, id, 3, 4).await, Rotated::Unknown), "the replay ended the session");
}

async fn of_uses_at_the_same_time_one_holds(store: &dyn Store) {
    let user = account(store, "session-race").await;
    let id = session(store, user.id, HOUR).await;
    let uses = (2..10).map(|next| rotate(store, id, 1, next));
    let outcomes = futures_util::future::join_all(uses).await;
    let held = outcomes.iter().filter(|outcome| matches!(outcome, Rotated::Renewed(_))).count();
    assert_eq!(held, 1, "{outcomes:?}");
}

async fn expired_and_closed_sessions_are_unknown(store: &dyn Store) {
    let user = account(store, "session-end").await;
    let expired = session(store, user.id, Duration::ZERO).await;
    let (closed, open) = (session(store, user.id, HOUR).await, session(store, user.id, HOUR).await);
    assert!(matches!(rotate(store, expired, 1, 2).await, Rotated::Unknown));
    store.close_session(closed).await.unwrap();
    store.close_session(closed).await.unwrap();
    assert!(matches!(rotate(store, closed, 1, 2).await, Rotated::Unknown));
    assert_eq!(store.sweep_sessions(Timestamp::now()).await.unwrap(), 1);
    assert_eq!(store.sweep_sessions(Timestamp::now()).await.unwrap(), 0);
    assert!(matches!(rotate(store, open, 1, 2).await, Rotated::Renewed(_)));
}

async fn all_sessions_of_an_account_end_together(store: &dyn Store) {
    let (user, other) = (account(store, "session-all").await, account(store, "session-other").await);
    let own = [session(store, user.id, HOUR).await, session(store, user.id, HOUR).await];
    let others = session(store, other.id, HOUR).await;
    store.close_sessions(user.id).await.unwrap();
    for closed in own {
        assert!(matches!(rotate(store, closed, 1, 2).await, Rotated::Unknown));
    }
    assert!(matches!(rotate(store, others, 1, 2).await, Rotated::Renewed(_)));
}

async fn an_administrator_is_made_or_takes_an_account_over(store: &dyn Store) {
    let put = async |username: &str, hash: &str| {
        let person = Person { id: UserId::new(), username: username.into(), name: username.into() };
        let (role, password_hash, created_at) = (Role::Admin, Some(hash.into()), Timestamp::now());
        let account = NewAccount { person, role, active: true, email: None, password_hash, created_at };
        store.put_administrator(account).await.unwrap();
        store.find_account(username).await.unwrap().unwrap()
    };
    let first = put("root", "$1").await;
    assert_eq!((first.role, first.active, first.password_hash.as_deref()), (Role::Admin, true, Some("$1")));
    let again = put("ROOT", "$2").await;
    assert_eq!((again.person.id, again.password_hash.as_deref()), (first.person.id, Some("$2")));
    let user = account(store, "taken-over").await;
    let open = session(store, user.id, HOUR).await;
    let taken = put("taken-over", "$3").await;
    assert_eq!((taken.person, taken.role), (user, Role::Admin));
    assert!(matches!(rotate(store, open, 1, 2).await, Rotated::Unknown), "not the old owner's any more");
}
