//! The follow graph.

use futures_util::future::join_all;

use super::support::{account, accounts, after, first, new_account};
use crate::domain::{NewAccount, NotificationKind, Person, Suggestion, UserId};
use crate::store::{Store, StoreError};

pub async fn run(store: &dyn Store) {
    follows_are_idempotent_and_notify_once(store).await;
    followers_are_paged(store).await;
    counts_agree_with_the_lists_whoever_follows_at_once(store).await;
    friends_of_friends_are_suggested_first(store).await;
    whoever_is_inactive_is_not_suggested(store).await;
}

async fn follows_are_idempotent_and_notify_once(store: &dyn Store) {
    let (fan, star) = (account(store, "fan").await, account(store, "star").await);
    let new = store.follow(fan.id, star.id).await.unwrap();
    assert_eq!((new.outcome.following, new.outcome.followers), (true, 1));
    let (told, notification) = new.told.unwrap();
    assert_eq!((told, notification.kind, notification.subject), (star.id, NotificationKind::Follow, None));
    let again = store.follow(fan.id, star.id).await.unwrap();
    assert_eq!((again.outcome, again.told), (new.outcome, None));
    assert_eq!(store.notifications(star.id, first(10)).await.unwrap().items, [notification]);
    let profile = store.profile(star.id).await.unwrap().unwrap();
    assert_eq!((profile.followers, profile.following), (1, 0));
    for _ in 0..2 {
        let edge = store.unfollow(fan.id, star.id).await.unwrap();
        assert_eq!((edge.following, edge.followers), (false, 0));
    }
    assert_eq!(store.profile(fan.id).await.unwrap().unwrap().following, 0);
    let nobody = store.follow(fan.id, UserId::new()).await;
    assert!(matches!(nobody, Err(StoreError::Missing("user"))));
    let nobody = store.unfollow(fan.id, UserId::new()).await;
    assert!(matches!(nobody, Err(StoreError::Missing("user"))));
}

async fn followers_are_paged(store: &dyn Store) {
    let idol = account(store, "idol").await;
    let mut fans = accounts(store, "idol-fan", 5).await;
    for fan in &fans {
        store.follow(fan.id, idol.id).await.unwrap();
    }
    fans.reverse();
    let page = store.followers(idol.id, first(3)).await.unwrap();
    assert_eq!(page.items, fans[..3]);
    let rest = store.followers(idol.id, after(&page, 3)).await.unwrap();
    assert_eq!((rest.items.as_slice(), rest.next_cursor), (&fans[3..], None));
    assert_eq!(store.following(fans[0].id, first(3)).await.unwrap().items, [idol]);
    assert!(matches!(store.followers(UserId::new(), first(1)).await, Err(StoreError::Missing("user"))));
}

async fn counts_agree_with_the_lists_whoever_follows_at_once(store: &dyn Store) {
    let star = account(store, "crowded").await;
    let fans = accounts(store, "crowd-fan", 10).await;
    let all = join_all(fans.iter().chain(&fans).map(|fan| store.follow(fan.id, star.id))).await;
    assert_eq!(all.into_iter().filter(|edge| edge.as_ref().unwrap().told.is_some()).count(), 10);
    let gone = join_all(fans[..4].iter().chain(&fans[..4]).map(|fan| store.unfollow(fan.id, star.id))).await;
    assert!(gone.iter().all(Result::is_ok));
    assert_eq!(store.profile(star.id).await.unwrap().unwrap().followers, 6);
    assert_eq!(store.followers(star.id, first(50)).await.unwrap().items.len(), 6);
}

async fn suggested(store: &dyn Store, user: &Person, limit: usize) -> Vec<Suggestion> {
    store.suggested(user.id, limit).await.unwrap()
}

async fn friends_of_friends_are_suggested_first(store: &dyn Store) {
    let seeker = account(store, "seeker").await;
    let friends = accounts(store, "seeker-friend", 3).await;
    let [both, popular, lonely] = ["by-two", "popular-by-one", "lonely-by-one"];
    let (both, popular, lonely) =
        (account(store, both).await, account(store, popular).await, account(store, lonely).await);
    let edges = [(0, &both), (1, &both), (0, &lonely), (1, &popular)];
    for friend in &friends {
        store.follow(seeker.id, friend.id).await.unwrap();
        store.follow(friend.id, seeker.id).await.unwrap();
    }
    for (friend, to) in edges {
        store.follow(friends[friend].id, to.id).await.unwrap();
    }
    store.follow(lonely.id, popular.id).await.unwrap();
    store.follow(friends[0].id, friends[1].id).await.unwrap();
    let found = suggested(store, &seeker, 3).await;
    let shown: Vec<_> = found.iter().map(|found| (&found.person, found.common, found.followers)).collect();
    assert_eq!(shown, [(&both, 2, 2), (&popular, 1, 2), (&lonely, 1, 1)]);
    let more = suggested(store, &seeker, 20).await;
    assert_eq!((&more[..3], more.len()), (found.as_slice(), 20));
    assert!(more[3..].iter().all(|filler| filler.common == 0));
    assert!(more[3..].is_sorted_by_key(|filler| std::cmp::Reverse(filler.followers)));
    let known: Vec<_> = friends.iter().chain([&seeker]).map(|person| person.id).collect();
    assert!(more.iter().all(|found| !known.contains(&found.person.id)));
}

async fn whoever_is_inactive_is_not_suggested(store: &dyn Store) {
    let account = NewAccount { active: false, ..new_account("asleep", "asleep@example.com") };
    let asleep = account.person.clone();
    store.create_account(account).await.unwrap();
    let fans = accounts(store, "asleep-fan", 12).await;
    for fan in &fans[1..] {
        store.follow(fan.id, asleep.id).await.unwrap();
        store.follow(fans[0].id, fan.id).await.unwrap();
    }
    assert!(suggested(store, &fans[0], 50).await.iter().all(|found| found.person != asleep));
}
