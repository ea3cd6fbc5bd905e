//! Seed data: what is imported is what is read, in every store the same.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;

use super::support::{account, after, first};
use crate::domain::{Page, PageRequest, Profile};
use crate::seed::{SeedError, SeedPlan, Seeded, fill};
use crate::store::{Answer, Store};

/// The plan of [`run`].
pub const PLAN: &str = "users=60,posts=300,follows=600,likes=400,comments=200,messages=300,seed=7";

/// Fills an empty store; gives a digest of everything that can be read of it.
pub async fn run(store: &dyn Store) -> u64 {
    let plan: SeedPlan = PLAN.parse().unwrap();
    let seeded = fill_with(store, &plan).await.unwrap();
    assert!(seeded.rows > 1_500 && !seeded.already, "{seeded:?}");
    let digest = digest(store, &plan).await;
    assert_eq!(fill_with(store, &plan).await.unwrap(), Seeded { rows: 0, already: true });
    let other = SeedPlan { seed: 8, ..plan.clone() };
    assert!(matches!(fill_with(store, &other).await, Err(SeedError::OtherPlan(there)) if there == PLAN));
    assert_eq!(self::digest(store, &plan).await, digest, "nothing was added");
    digest
}

/// A store that is in use is not filled.
pub async fn refuses_other_data(store: &dyn Store) {
    account(store, "inhabitant").await;
    let plan = PLAN.parse().unwrap();
    assert!(matches!(fill_with(store, &plan).await, Err(SeedError::OtherData)));
    assert!(store.profile_by_username("user000001").await.unwrap().is_none());
}

/// Fills a store with this plan.
pub async fn fill_with(store: &dyn Store, plan: &SeedPlan) -> Result<Seeded, SeedError> {
    fill(store, true, plan, "$argon2id$".into(), |rows, expected| assert!(rows <= expected)).await
}

/// A digest of everything that can be read, once counters and lists agree.
pub async fn digest(store: &dyn Store, plan: &SeedPlan) -> u64 {
    let mut hasher = DefaultHasher::new();
    for number in 1..=plan.users {
        let profile = store.profile_by_username(&format!("user{number:06}")).await.unwrap().unwrap();
        see(&mut hasher, &profile);
        see_follows(store, &profile, &mut hasher).await;
        see_posts(store, &profile, &mut hasher).await;
        see_feed(store, &profile, &mut hasher).await;
        see_inbox(store, &profile, &mut hasher).await;
    }
    hasher.finish()
}

async fn see_follows(store: &dyn Store, profile: &Profile, hasher: &mut DefaultHasher) {
    let id = profile.person.id;
    let followers = all(|page| store.followers(id, page)).await;
    let following = all(|page| store.following(id, page)).await;
    assert_eq!((followers.len() as u64, following.len() as u64), (profile.followers, profile.following));
    assert!(!following.contains(&profile.person), "nobody follows themselves");
    see(hasher, &(followers, following));
}

async fn see_posts(store: &dyn Store, profile: &Profile, hasher: &mut DefaultHasher) {
    for post in all(|page| store.posts_of(profile.person.id, page)).await {
        let likes = all(|page| store.likes(post.id, page)).await;
        let comments = all(|page| store.comments(post.id, page)).await;
        assert_eq!((likes.len() as u64, comments.len() as u64), (post.likes, post.comments));
        assert!(comments.iter().all(|comment| comment.created_at > post.created_at));
        see(hasher, &(post, likes, comments));
    }
}

/// The feed holds the newest posts of those who are followed, and the reader's own.
async fn see_feed(store: &dyn Store, profile: &Profile, hasher: &mut DefaultHasher) {
    let id = profile.person.id;
    let mut authors: Vec<_> = all(|page| store.following(id, page)).await;
    authors.push(profile.person.clone());
    let mut newest = Vec::new();
    for author in &authors {
        newest.append(&mut store.posts_of(author.id, first(20)).await.unwrap().items);
    }
    newest.sort_by_key(|post| std::cmp::Reverse(post.id));
    newest.truncate(20);
    let feed = store.feed(id, first(20)).await.unwrap().items;
    assert_eq!(feed, newest);
    see(hasher, &feed);
}

async fn see_inbox(store: &dyn Store, profile: &Profile, hasher: &mut DefaultHasher) {
    let id = profile.person.id;
    let told = all(|page| store.notifications(id, page)).await;
    let unread = told.iter().filter(|one| !one.read).count() as u64;
    assert_eq!(store.unread(id).await.unwrap(), unread);
    see(hasher, &told);
    for conversation in all(|page| store.conversations(id, page)).await {
        let messages = all(|page| {
            let found = store.messages(id, conversation.id, page);
            Box::pin(async { Ok(found.await?.unwrap()) })
        });
        let messages = messages.await;
        assert_eq!(messages.first(), Some(&conversation.last_message));
        let to_me = messages.iter().take_while(|message| message.to == id).count() as u64;
        assert!(conversation.unread <= to_me);
        see(hasher, &(conversation, messages));
    }
}

/// All items of a list, page by page.
async fn all<'a, T>(list: impl Fn(PageRequest) -> Answer<'a, Page<T>>) -> Vec<T> {
    let mut page = list(first(20)).await.unwrap();
    let mut items = Vec::new();
    loop {
        let next = page.next_cursor.is_some().then(|| after(&page, 20));
        items.append(&mut page.items);
        let Some(next) = next else { return items };
        page = list(next).await.unwrap();
    }
}

fn see(hasher: &mut DefaultHasher, seen: &impl Serialize) {
    serde_json::to_string(seen).unwrap().hash(hasher);
}
