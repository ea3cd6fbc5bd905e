//! Loads what is most likely to be asked for, before it is.

use std::time::Instant;

use super::{ApiError, legal, posts, users};
use crate::app::App;
use crate::domain::{PageRequest, UserId};

/// Accounts whose profiles are loaded: the most followed ones.
const PEOPLE: usize = 100;

/// Posts of each of them: the newest ones.
const POSTS: usize = 5;

/// Fills the cache. Requests do not wait for it.
pub async fn warm(app: &App) {
    let begun = Instant::now();
    match load(app).await {
        Ok(()) => tracing::info!(copies = app.cache.len(), took = ?begun.elapsed(), "the cache is warm"),
        Err(failure) => tracing::warn!(%failure, "the cache fills as it is asked"),
    }
}

async fn load(app: &App) -> Result<(), ApiError> {
    // Whoever follows nobody is suggested those that most others follow.
    for popular in app.store.suggested(UserId::new(), PEOPLE).await? {
        let author = popular.person.id;
        users::profile(app, author).await?;
        let newest = app.store.posts_of(author, PageRequest { after: None, limit: POSTS }).await?;
        for post in newest.items {
            posts::one(app, post.id).await?;
        }
    }
    legal::first_lawyers(app).await?;
    Ok(())
}
