//! What every store must do, whichever it is.

use super::{Store, StoreError};
use crate::domain::{
    ConversationId, Message, MessageId, NewAccount, Page, PageRequest, Person, Post, PostId, Timestamp,
    UserId,
};

/// Runs the whole suite on an empty store.
pub async fn run(store: &dyn Store) {
    accounts_are_unique_and_found(store).await;
    follows_are_idempotent_and_notify_once(store).await;
    followers_are_paged(store).await;
    the_feed_holds_own_and_followed_posts_newest_first(store).await;
    pages_stay_in_place_while_posts_arrive(store).await;
    messages_share_one_conversation(store).await;
    conversations_are_for_members_only(store).await;
    the_first_secret_stays(store).await;
    store.ping().await.unwrap();
}

/// What [`leave_data`] left behind.
pub struct Left {
    author: Person,
    post: Post,
}

/// Writes an account and a post.
pub async fn leave_data(store: &dyn Store) -> Left {
    let author = account(store, "left").await;
    let post = post_by(store, &author, "still here").await;
    Left { author, post }
}

/// Finds them again.
pub async fn find_data(store: &dyn Store, left: &Left) {
    assert_eq!(store.post(left.post.id).await.unwrap().as_ref(), Some(&left.post));
    let found = store.find_account("LEFT").await.unwrap().unwrap();
    assert_eq!(found.person, left.author);
}

async fn account(store: &dyn Store, username: &str) -> Person {
    let person = Person { id: UserId::new(), username: username.into(), name: username.into() };
    let email = Some(format!("{username}@example.com"));
    let created_at = Timestamp::now();
    let account = NewAccount { person: person.clone(), email, password_hash: Some("$".into()), created_at };
    store.create_account(account).await.unwrap();
    person
}

async fn post_by(store: &dyn Store, author: &Person, text: &str) -> Post {
    let (id, created_at) = (PostId::new(), Timestamp::now());
    let post = Post { id, text: text.into(), created_at, author: author.clone() };
    store.create_post(post.clone()).await.unwrap();
    post
}

fn message(from: &Person, to: &Person, text: &str) -> Message {
    Message {
        id: MessageId::new(),
        conversation_id: ConversationId::new(),
        from: from.id,
        to: to.id,
        text: text.into(),
        created_at: Timestamp::now(),
    }
}

fn first(limit: usize) -> PageRequest {
    PageRequest { after: None, limit }
}

fn after<T>(page: &Page<T>, limit: usize) -> PageRequest {
    PageRequest { after: page.next_cursor, limit }
}

async fn accounts_are_unique_and_found(store: &dyn Store) {
    let ada = account(store, "Ada").await;
    let again = |username: &str, email: &str| NewAccount {
        person: Person { id: UserId::new(), username: username.into(), name: "x".into() },
        email: Some(email.into()),
        password_hash: None,
        created_at: Timestamp::now(),
    };
    let taken = store.create_account(again("aDA", "other@example.com")).await;
    assert!(matches!(taken, Err(StoreError::Taken("username"))));
    let taken = store.create_account(again("other", "ADA@example.com")).await;
    assert!(matches!(taken, Err(StoreError::Taken("email"))));
    assert_eq!(store.find_account("ada").await.unwrap().unwrap().person, ada);
    assert!(store.find_account("nobody").await.unwrap().is_none());
    assert_eq!(store.profile(ada.id).await.unwrap().unwrap().person, ada);
    assert_eq!(store.profile_by_username("ADA").await.unwrap().unwrap().person, ada);
    assert!(store.profile(UserId::new()).await.unwrap().is_none());
}

async fn follows_are_idempotent_and_notify_once(store: &dyn Store) {
    let (fan, star) = (account(store, "fan").await, account(store, "star").await);
    for _ in 0..2 {
        let edge = store.follow(fan.id, star.id).await.unwrap();
        assert_eq!((edge.following, edge.followers), (true, 1));
    }
    let told = store.notifications(star.id, first(10)).await.unwrap();
    assert_eq!(told.items.len(), 1);
    assert_eq!((told.items[0].actor.id, told.items[0].read), (fan.id, false));
    assert_eq!(store.unread(star.id).await.unwrap(), 1);
    assert_eq!(store.mark_read(star.id).await.unwrap(), 1);
    assert_eq!(store.mark_read(star.id).await.unwrap(), 0);
    assert_eq!(store.unread(star.id).await.unwrap(), 0);
    let profile = store.profile(star.id).await.unwrap().unwrap();
    assert_eq!((profile.followers, profile.following), (1, 0));
    for _ in 0..2 {
        let edge = store.unfollow(fan.id, star.id).await.unwrap();
        assert_eq!((edge.following, edge.followers), (false, 0));
    }
    let nobody = store.follow(fan.id, UserId::new()).await;
    assert!(matches!(nobody, Err(StoreError::Missing("user"))));
}

async fn followers_are_paged(store: &dyn Store) {
    let idol = account(store, "idol").await;
    let mut fans = Vec::new();
    for n in 0..5 {
        let fan = account(store, &format!("idol-fan-{n}")).await;
        store.follow(fan.id, idol.id).await.unwrap();
        fans.insert(0, fan);
    }
    let page = store.followers(idol.id, first(3)).await.unwrap();
    assert_eq!(page.items, fans[..3]);
    let rest = store.followers(idol.id, after(&page, 3)).await.unwrap();
    assert_eq!((rest.items.as_slice(), rest.next_cursor), (&fans[3..], None));
    assert_eq!(store.following(fans[0].id, first(3)).await.unwrap().items, [idol]);
    assert!(matches!(store.followers(UserId::new(), first(1)).await, Err(StoreError::Missing("user"))));
}

async fn the_feed_holds_own_and_followed_posts_newest_first(store: &dyn Store) {
    let (reader, friend) = (account(store, "reader").await, account(store, "friend").await);
    let stranger = account(store, "stranger").await;
    store.follow(reader.id, friend.id).await.unwrap();
    let own = post_by(store, &reader, "own").await;
    let other = post_by(store, &stranger, "not for the reader").await;
    let followed = post_by(store, &friend, "followed").await;
    let feed = store.feed(reader.id, first(20)).await.unwrap();
    assert_eq!((feed.items, feed.next_cursor), (vec![followed, own], None));
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

async fn messages_share_one_conversation(store: &dyn Store) {
    let (ann, ben) = (account(store, "ann").await, account(store, "ben").await);
    let hello = store.send_message(message(&ann, &ben, "hello")).await.unwrap();
    let reply = store.send_message(message(&ben, &ann, "hello yourself")).await.unwrap();
    assert_eq!(hello.conversation_id, reply.conversation_id);
    let page = store.messages(ann.id, hello.conversation_id, first(50)).await.unwrap().unwrap();
    assert_eq!(page.items, [reply.clone(), hello]);
    let cal = account(store, "cal").await;
    let newest = store.send_message(message(&cal, &ann, "me too")).await.unwrap();
    let conversations = store.conversations(ann.id, first(1)).await.unwrap();
    assert_eq!((&conversations.items[0].with, &conversations.items[0].last_message), (&cal, &newest));
    let older = store.conversations(ann.id, after(&conversations, 1)).await.unwrap();
    assert_eq!((&older.items[0].with, &older.items[0].last_message), (&ben, &reply));
    assert_eq!(older.next_cursor, None);
    let nobody = Person { id: UserId::new(), ..ben };
    let lost = store.send_message(message(&ann, &nobody, "anybody?")).await;
    assert!(matches!(lost, Err(StoreError::Missing("user"))));
}

async fn conversations_are_for_members_only(store: &dyn Store) {
    let (one, two) = (account(store, "one").await, account(store, "two").await);
    let sent = store.send_message(message(&one, &two, "secret")).await.unwrap();
    let nosy = account(store, "nosy").await;
    assert!(store.messages(nosy.id, sent.conversation_id, first(5)).await.unwrap().is_none());
    assert!(store.messages(one.id, ConversationId::new(), first(5)).await.unwrap().is_none());
}

async fn the_first_secret_stays(store: &dyn Store) {
    assert_eq!(store.secret("suite", vec![1, 2]).await.unwrap(), [1, 2]);
    assert_eq!(store.secret("suite", vec![3]).await.unwrap(), [1, 2]);
}
