//! Posts and the feed.

use super::support::{account, after, comment, first, game_by, post_by};
use crate::domain::{PostId, PostKind, UserId};
use crate::store::{Store, StoreError};

pub async fn run(store: &dyn Store) {
    the_feed_holds_own_and_followed_posts_newest_first(store).await;
    pages_stay_in_place_while_posts_arrive(store).await;
    an_author_has_a_list_of_posts(store).await;
    games_are_kept_with_their_players(store).await;
    the_end_of_a_game_is_written_into_its_posts(store).await;
    a_post_goes_with_all_that_belongs_to_it(store).await;
}

async fn the_feed_holds_own_and_followed_posts_newest_first(store: &dyn Store) {
    let (reader, friend) = (account(store, "reader").await, account(store, "friend").await);
    let stranger = account(store, "stranger").await;
    store.follow(reader.id, friend.id).await.unwrap();
    let own = post_by(store, &reader, "own").await;
    let other = post_by(store, &stranger, "not for the reader").await;
    let followed = post_by(store, &friend, "followed").await;
    let game = game_by(store, &friend, None).await;
    let feed = store.feed(reader.id, first(20)).await.unwrap();
    assert_eq!((feed.items, feed.next_cursor), (vec![game, followed, own], None));
    assert_eq!(store.post(other.id).await.unwrap(), Some(other));
    assert_eq!(store.post(PostId::new()).await.unwrap(), None);
}

async fn pages_stay_in_place_while_posts_arrive(store: &dyn Store) {
    let writer = account(store, "writer").await;
    let mut posts = Vec::new();
    for n in 0..7 {
        posts.insert(0, post_by(store, &writer, &n.to_string()).await);
    }
    let page = store.feed(writer.id, first(3)).await.unwrap();
    assert_eq!(page.items, posts[..3]);
    post_by(store, &writer, "in between").await;
    let second = store.feed(writer.id, after(&page, 3)).await.unwrap();
    assert_eq!(second.items, posts[3..6]);
    let third = store.feed(writer.id, after(&second, 3)).await.unwrap();
    assert_eq!((third.items.as_slice(), third.next_cursor), (&posts[6..], None));
}

async fn an_author_has_a_list_of_posts(store: &dyn Store) {
    let author = account(store, "lister").await;
    let followed = account(store, "listed").await;
    store.follow(author.id, followed.id).await.unwrap();
    post_by(store, &followed, "somebody else's").await;
    let (old, new) = (post_by(store, &author, "old").await, game_by(store, &author, None).await);
    let page = store.posts_of(author.id, first(1)).await.unwrap();
    assert_eq!(page.items, [new]);
    let rest = store.posts_of(author.id, after(&page, 1)).await.unwrap();
    assert_eq!((rest.items, rest.next_cursor), (vec![old], None));
    assert!(matches!(store.posts_of(UserId::new(), first(1)).await, Err(StoreError::Missing("user"))));
}

async fn games_are_kept_with_their_players(store: &dyn Store) {
    let (white, black) = (account(store, "white").await, account(store, "black").await);
    for opponent in [None, Some(&black)] {
        let post = game_by(store, &white, opponent).await;
        let found = store.post(post.id).await.unwrap().unwrap();
        assert_eq!((found.kind, &found), (PostKind::Chess, &post));
    }
}

async fn the_end_of_a_game_is_written_into_its_posts(store: &dyn Store) {
    let player = account(store, "winner").await;
    let (post, other) = (game_by(store, &player, None).await, game_by(store, &player, None).await);
    let room = post.game.as_ref().map(|game| game.room_id).unwrap();
    store.end_game(room, "1-0".into()).await.unwrap();
    let mut ended = post.clone();
    ended.game.as_mut().unwrap().result = Some("1-0".into());
    assert_eq!(store.post(post.id).await.unwrap(), Some(ended));
    assert_eq!(store.post(other.id).await.unwrap(), Some(other));
}

async fn a_post_goes_with_all_that_belongs_to_it(store: &dyn Store) {
    let (author, reader) = (account(store, "remover").await, account(store, "witness").await);
    let (gone, stays) = (post_by(store, &author, "gone").await, post_by(store, &author, "stays").await);
    for post in [&gone, &stays] {
        store.like(post.id, reader.id).await.unwrap();
        store.add_comment(comment(post.id, &reader, "well said")).await.unwrap();
    }
    let foreign = store.delete_post(gone.id, reader.id).await;
    assert!(matches!(foreign, Err(StoreError::Forbidden("post"))));
    store.delete_post(gone.id, author.id).await.unwrap();
    assert_eq!(store.post(gone.id).await.unwrap(), None);
    assert!(matches!(store.delete_post(gone.id, author.id).await, Err(StoreError::Missing("post"))));
    assert!(matches!(store.likes(gone.id, first(1)).await, Err(StoreError::Missing("post"))));
    assert!(matches!(store.comments(gone.id, first(1)).await, Err(StoreError::Missing("post"))));
    let told = store.notifications(author.id, first(50)).await.unwrap().items;
    assert_eq!(told.iter().map(|told| told.subject).collect::<Vec<_>>(), [Some(stays.id); 2]);
    assert_eq!(store.unread(author.id).await.unwrap(), 2);
    let left = store.feed(author.id, first(20)).await.unwrap().items;
    assert_eq!(
        left.iter().map(|post| (post.id, post.likes, post.comments)).collect::<Vec<_>>(),
        [(stays.id, 1, 1)]
    );
}
