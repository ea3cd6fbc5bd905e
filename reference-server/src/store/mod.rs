//! What the application keeps, behind one trait. `suite` states what every store must do.

mod error;
mod observed;
mod part;
mod sqlite;
#[cfg(test)]
pub mod suite;

pub use error::StoreError;
pub use observed::Observed;
pub use part::{
    AccountStore, Answer, FollowStore, MessageStore, NotificationStore, OperationStore, PostStore,
};
pub use sqlite::{SqliteStore, store_file};

/// Durable data of the application: all parts together.
pub trait Store:
    AccountStore + FollowStore + PostStore + NotificationStore + MessageStore + OperationStore
{
}

impl<S> Store for S where
    S: AccountStore + FollowStore + PostStore + NotificationStore + MessageStore + OperationStore
{
}
