//! What every store must do, whichever it is: a file for each area, each a list of promises.

mod accounts;
pub mod bulk;
mod case_chats;
mod cases;
mod comments;
mod consultations;
mod directory;
mod feed;
mod follows;
mod likes;
mod messages;
mod notifications;
mod sessions;
pub mod support;
mod uploads;

use super::Store;
use crate::domain::{Person, Post};
use support::{account, post_by};

/// Runs the whole suite on an empty store.
pub async fn run(store: &dyn Store) {
    accounts::run(store).await;
    follows::run(store).await;
    feed::run(store).await;
    likes::run(store).await;
    comments::run(store).await;
    notifications::run(store).await;
    messages::run(store).await;
    sessions::run(store).await;
    cases::run(store).await;
    case_chats::run(store).await;
    consultations::run(store).await;
    directory::run(store).await;
    uploads::run(store).await;
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

async fn the_first_secret_stays(store: &dyn Store) {
    assert_eq!(store.secret("suite", vec![1, 2]).await.unwrap(), [1, 2]);
    assert_eq!(store.secret("suite", vec![3]).await.unwrap(), [1, 2]);
}
