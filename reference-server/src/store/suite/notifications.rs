//! Notifications and their read state.

use super::support::{account, accounts, after, first};
use crate::domain::NotificationId;
use crate::store::{Store, StoreError};

pub async fn run(store: &dyn Store) {
    notifications_are_read_one_by_one_or_all_at_once(store).await;
    notifications_are_paged(store).await;
}

async fn notifications_are_read_one_by_one_or_all_at_once(store: &dyn Store) {
    let user = account(store, "notified").await;
    let actors = accounts(store, "actor", 3).await;
    for actor in &actors {
        store.follow(actor.id, user.id).await.unwrap();
    }
    let told = store.notifications(user.id, first(10)).await.unwrap().items;
    let newest = told[0].id;
    assert_eq!(store.unread(user.id).await.unwrap(), 3);
    let foreign = store.mark_one_read(actors[0].id, newest).await;
    assert!(matches!(foreign, Err(StoreError::Missing("notification"))));
    let missing = store.mark_one_read(user.id, NotificationId::new()).await;
    assert!(matches!(missing, Err(StoreError::Missing("notification"))));
    assert_eq!(store.mark_one_read(user.id, newest).await.unwrap(), 1);
    assert_eq!(store.mark_one_read(user.id, newest).await.unwrap(), 0);
    let read: Vec<_> = store.notifications(user.id, first(10)).await.unwrap().items;
    assert_eq!(read.iter().map(|told| told.read).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(store.mark_read(user.id).await.unwrap(), 2);
    assert_eq!(store.mark_read(user.id).await.unwrap(), 0);
    assert_eq!(store.unread(user.id).await.unwrap(), 0);
}

async fn notifications_are_paged(store: &dyn Store) {
    let user = account(store, "paged").await;
    let mut actors = accounts(store, "pager", 5).await;
    for actor in &actors {
        store.follow(actor.id, user.id).await.unwrap();
    }
    actors.reverse();
    let page = store.notifications(user.id, first(3)).await.unwrap();
    let rest = store.notifications(user.id, after(&page, 3)).await.unwrap();
    assert_eq!(rest.next_cursor, None);
    let shown: Vec<_> = page.items.into_iter().chain(rest.items).map(|told| told.actor).collect();
    assert_eq!(shown, actors);
}
