//! Likes of posts.

use futures_util::future::join_all;

use super::support::{account, accounts, after, first, post_by};
use crate::domain::{Like, NotificationKind, PostId};
use crate::store::{Store, StoreError};

pub async fn run(store: &dyn Store) {
    likes_are_idempotent_and_notify_once(store).await;
    nobody_is_told_of_an_own_like(store).await;
    counters_agree_with_the_list_whoever_likes_at_once(store).await;
    only_posts_that_exist_are_liked(store).await;
}

async fn likes_are_idempotent_and_notify_once(store: &dyn Store) {
    let (author, reader) = (account(store, "liked").await, account(store, "liker").await);
    let post = post_by(store, &author, "likeable").await;
    let new = store.like(post.id, reader.id).await.unwrap();
    assert_eq!(new.outcome, Like { liked: true, likes: 1 });
    let (told, notification) = new.told.unwrap();
    assert_eq!((told, notification.kind), (author.id, NotificationKind::Like));
    assert_eq!((notification.subject, &notification.actor), (Some(post.id), &reader));
    assert_eq!(store.like(post.id, reader.id).await.unwrap().told, None);
    for _ in 0..2 {
        let back = store.unlike(post.id, reader.id).await.unwrap();
        assert_eq!(back, Like { liked: false, likes: 0 });
    }
    let again = store.like(post.id, reader.id).await.unwrap();
    assert_eq!((again.outcome, again.told), (Like { liked: true, likes: 1 }, None));
    assert_eq!(store.notifications(author.id, first(10)).await.unwrap().items, [notification]);
    assert_eq!(store.post(post.id).await.unwrap().unwrap().likes, 1);
}

async fn nobody_is_told_of_an_own_like(store: &dyn Store) {
    let author = account(store, "vain").await;
    let post = post_by(store, &author, "mine").await;
    assert_eq!(store.like(post.id, author.id).await.unwrap().told, None);
    assert_eq!(store.unread(author.id).await.unwrap(), 0);
    assert_eq!(store.likes(post.id, first(5)).await.unwrap().items, [author]);
}

async fn counters_agree_with_the_list_whoever_likes_at_once(store: &dyn Store) {
    let author = account(store, "viral").await;
    let post = post_by(store, &author, "viral").await;
    let crowd = accounts(store, "viral-fan", 12).await;
    let all = join_all(crowd.iter().chain(&crowd).map(|fan| store.like(post.id, fan.id))).await;
    assert_eq!(all.into_iter().filter(|like| like.as_ref().unwrap().told.is_some()).count(), 12);
    let gone = join_all(crowd[..5].iter().chain(&crowd[..5]).map(|fan| store.unlike(post.id, fan.id))).await;
    assert!(gone.iter().all(Result::is_ok));
    let page = store.likes(post.id, first(4)).await.unwrap();
    let rest = store.likes(post.id, after(&page, 50)).await.unwrap();
    let mut found: Vec<_> = page.items.iter().chain(&rest.items).map(|person| person.id).collect();
    found.sort_unstable();
    assert_eq!(found, crowd[5..].iter().map(|person| person.id).collect::<Vec<_>>());
    assert_eq!(store.post(post.id).await.unwrap().unwrap().likes, 7);
    assert_eq!(store.unread(author.id).await.unwrap(), 12);
}

async fn only_posts_that_exist_are_liked(store: &dyn Store) {
    let (user, nothing) = (account(store, "hopeful").await, PostId::new());
    assert!(matches!(store.like(nothing, user.id).await, Err(StoreError::Missing("post"))));
    assert!(matches!(store.unlike(nothing, user.id).await, Err(StoreError::Missing("post"))));
    assert!(matches!(store.likes(nothing, first(1)).await, Err(StoreError::Missing("post"))));
}
