//! Comments on posts.

use futures_util::future::join_all;

use super::support::{account, after, comment, first, post_by};
use crate::domain::{CommentId, NotificationKind, PostId};
use crate::store::{Store, StoreError};

pub async fn run(store: &dyn Store) {
    comments_are_listed_and_told_to_the_author(store).await;
    a_comment_is_removed_by_its_author_or_the_posts(store).await;
    counters_agree_with_the_list_whoever_comments_at_once(store).await;
}

async fn comments_are_listed_and_told_to_the_author(store: &dyn Store) {
    let (author, reader) = (account(store, "commented").await, account(store, "commenter").await);
    let post = post_by(store, &author, "what do you think?").await;
    let (one, two) = (comment(post.id, &reader, "this"), comment(post.id, &author, "I see"));
    let (told, notification) = store.add_comment(one.clone()).await.unwrap().told.unwrap();
    assert_eq!((told, notification.kind), (author.id, NotificationKind::Comment));
    assert_eq!((notification.subject, notification.id.as_bytes()), (Some(post.id), one.id.as_bytes()));
    assert_eq!(store.add_comment(two.clone()).await.unwrap().told, None);
    assert_eq!(store.notifications(author.id, first(10)).await.unwrap().items, [notification]);
    let page = store.comments(post.id, first(1)).await.unwrap();
    assert_eq!(page.items, [two]);
    let rest = store.comments(post.id, after(&page, 1)).await.unwrap();
    assert_eq!((rest.items, rest.next_cursor), (vec![one], None));
    assert_eq!(store.post(post.id).await.unwrap().unwrap().comments, 2);
    let lost = store.add_comment(comment(PostId::new(), &reader, "where?")).await;
    assert!(matches!(lost, Err(StoreError::Missing("post"))));
    assert!(matches!(store.comments(PostId::new(), first(1)).await, Err(StoreError::Missing("post"))));
}

async fn a_comment_is_removed_by_its_author_or_the_posts(store: &dyn Store) {
    let (author, reader) = (account(store, "moderator").await, account(store, "regretful").await);
    let other = account(store, "bystander").await;
    let (post, elsewhere) = (post_by(store, &author, "a").await, post_by(store, &author, "b").await);
    let (one, two) = (comment(post.id, &reader, "oops"), comment(post.id, &reader, "rude"));
    for comment in [&one, &two] {
        store.add_comment(comment.clone()).await.unwrap();
    }
    let foreign = store.delete_comment(post.id, one.id, other.id).await;
    assert!(matches!(foreign, Err(StoreError::Forbidden("comment"))));
    for (post, comment) in [(elsewhere.id, one.id), (post.id, CommentId::new())] {
        let missing = store.delete_comment(post, comment, reader.id).await;
        assert!(matches!(missing, Err(StoreError::Missing("comment"))));
    }
    store.delete_comment(post.id, one.id, reader.id).await.unwrap();
    assert_eq!(store.unread(author.id).await.unwrap(), 1);
    store.delete_comment(post.id, two.id, author.id).await.unwrap();
    let again = store.delete_comment(post.id, two.id, author.id).await;
    assert!(matches!(again, Err(StoreError::Missing("comment"))));
    assert_eq!(store.comments(post.id, first(5)).await.unwrap().items, []);
    assert_eq!(store.post(post.id).await.unwrap().unwrap().comments, 0);
    assert_eq!(store.notifications(author.id, first(5)).await.unwrap().items, []);
}

async fn counters_agree_with_the_list_whoever_comments_at_once(store: &dyn Store) {
    let author = account(store, "chatty").await;
    let post = post_by(store, &author, "go on").await;
    let comments: Vec<_> = (0..10).map(|n| comment(post.id, &author, &n.to_string())).collect();
    let added = join_all(comments.iter().map(|comment| store.add_comment(comment.clone()))).await;
    assert!(added.iter().all(Result::is_ok));
    let twice = comments[..3].iter().chain(&comments[..3]);
    let gone = join_all(twice.map(|comment| store.delete_comment(post.id, comment.id, author.id))).await;
    assert_eq!(gone.iter().filter(|gone| gone.is_ok()).count(), 3);
    assert_eq!(store.comments(post.id, first(20)).await.unwrap().items.len(), 7);
    assert_eq!(store.post(post.id).await.unwrap().unwrap().comments, 7);
}
