//! What each write makes stale, dropped after the write and before its answer.
//!
//! Names of people stand in many lists. When somebody changes theirs, their profile and the list of lawyers show
//! it at once, other copies when they expire. Likes and comments change the post at once, and feeds when they
//! expire.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::ApiError;
use crate::app::App;
use crate::cache::Entity;
use crate::domain::{Case, Consultation, Notified, PageRequest, Post, PostId, Role, RoomId, UserId};
use crate::store::StoreError;

/// Followers whose feeds are dropped before the author has the answer, and those looked up at a time.
const FOLLOWERS: usize = 500;

/// Posts of a player among which those about a game are looked for.
const GAME_POSTS: usize = 20;

/// How many times longer than its client waits a write may take.
const PATIENCE: u32 = 2;

/// Lets a write go on to its end when its client has gone or waits no longer: the change may be stored already,
/// and the copies of the old state must not stay.
pub async fn finish_writes(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let longest = app.config.http.request_timeout.max(app.config.uploads.request_timeout) * PATIENCE;
    let write = app.events.spawn(tokio::time::timeout(longest, next.run(request)));
    match write.await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => ApiError::Timeout.into_response(),
        Err(failure) => ApiError::Internal(failure.to_string()).into_response(),
    }
}

/// An edge of the follow graph came or went. A new one notifies.
pub async fn follow(app: &App, follower: UserId, followed: UserId) {
    let (lists, counts) = (Entity::Follows, Entity::Profile);
    let lists = [lists(follower), lists(followed), counts(follower), counts(followed)];
    app.cache.invalidate(&lists).await;
    app.cache.invalidate(&[Entity::Feed(follower), Entity::Unread(followed)]).await;
}

/// Somebody changed what a profile says.
pub async fn profile(app: &App, user: UserId) {
    app.cache.invalidate(&[Entity::Profile(user), Entity::Lawyers]).await;
}

/// There is one more account.
pub async fn accounts(app: &App, role: Role) {
    app.cache.invalidate(&[Entity::Totals]).await;
    if role == Role::Lawyer {
        lawyers(app).await;
    }
}

/// An administrator changed an account.
pub async fn account(app: &App, user: UserId) {
    let seen = [Entity::Profile(user), Entity::Lawyers, Entity::Dashboard(user), Entity::Totals];
    app.cache.invalidate(&seen).await;
}

/// A lawyer changed the own entry.
pub async fn lawyers(app: &App) {
    app.cache.invalidate(&[Entity::Lawyers]).await;
}

/// A notification came, was read, or went.
pub async fn notifications(app: &App, user: UserId) {
    app.cache.invalidate(&[Entity::Unread(user)]).await;
}

/// A change notified somebody, perhaps.
pub async fn told<T>(app: &App, done: &Notified<T>) {
    if let Some((user, _)) = &done.told {
        notifications(app, *user).await;
    }
}

/// The author of a post has a notification less.
pub async fn notifications_of_author(app: &App, post: PostId) {
    if !app.cache.is_on() {
        return;
    }
    match app.store.post(post).await {
        Ok(Some(post)) => notifications(app, post.author.id).await,
        Ok(None) => {}
        Err(failure) => tracing::warn!(%failure, %post, "a count stays stale until it expires"),
    }
}

/// Somebody liked a post or commented on it, or took it back.
pub async fn post(app: &App, post: PostId) {
    app.cache.invalidate(&[Entity::Post(post)]).await;
}

/// A game ended: posts that show it, among the newest of its players, have a result now.
pub async fn game(app: &Arc<App>, room: RoomId, players: [UserId; 2]) -> Result<(), StoreError> {
    if !app.cache.is_on() {
        return Ok(());
    }
    for player in players {
        let newest = app.store.posts_of(player, PageRequest { after: None, limit: GAME_POSTS }).await?;
        let shows = |post: &&Post| post.game.as_ref().is_some_and(|game| game.room_id == room);
        let seen: Vec<Entity> = newest.items.iter().filter(shows).map(|post| Entity::Post(post.id)).collect();
        if !seen.is_empty() {
            app.cache.invalidate(&seen).await;
            feeds(app, player).await;
        }
    }
    Ok(())
}

/// A case came or moved on.
pub async fn case(app: &App, case: &Case) {
    let lawyer = case.lawyer.as_ref().map(|lawyer| Entity::Dashboard(lawyer.id));
    let others = [Entity::Dashboard(case.citizen.id), Entity::Totals];
    app.cache.invalidate(&lawyer.into_iter().chain(others).collect::<Vec<_>>()).await;
}

/// A consultation came or moved on.
pub async fn consultation(app: &App, consultation: &Consultation) {
    let Consultation { citizen, lawyer, .. } = consultation;
    let seen = [Entity::Dashboard(citizen.id), Entity::Dashboard(lawyer.id), Entity::Totals];
    app.cache.invalidate(&seen).await;
}

/// An author wrote or removed a post: the feeds of the author and of the first followers are dropped now, those
/// of the others in the background.
pub async fn feeds(app: &Arc<App>, author: UserId) {
    if !app.cache.keeps(&Entity::Feed(author)) {
        return;
    }
    app.cache.invalidate(&[Entity::Feed(author)]).await;
    let begin = PageRequest { after: None, limit: FOLLOWERS };
    match feeds_of_followers(app, author, begin).await {
        Ok(None) => {}
        Ok(Some(rest)) => drop(app.events.spawn(feeds_of_the_rest(Arc::clone(app), author, rest))),
        Err(failure) => tracing::warn!(%failure, %author, "feeds stay stale until they expire"),
    }
}

/// Authors with very many followers take turns, so that their followers do not crowd out everything else.
async fn feeds_of_the_rest(app: Arc<App>, author: UserId, mut page: PageRequest) {
    let Ok(_turn) = app.cache.fanouts.acquire().await else { return };
    loop {
        match feeds_of_followers(&app, author, page).await {
            Ok(None) => return,
            Ok(Some(next)) => page = next,
            Err(failure) => return tracing::warn!(%failure, %author, "feeds stay stale until they expire"),
        }
    }
}

/// One page of followers; gives the next one.
async fn feeds_of_followers(
    app: &App,
    author: UserId,
    page: PageRequest,
) -> Result<Option<PageRequest>, StoreError> {
    let limit = page.limit;
    let followers = app.store.followers(author, page).await?;
    let feeds: Vec<_> = followers.items.iter().map(|follower| Entity::Feed(follower.id)).collect();
    app.cache.invalidate(&feeds).await;
    Ok(followers.next_cursor.map(|after| PageRequest { after: Some(after), limit }))
}
