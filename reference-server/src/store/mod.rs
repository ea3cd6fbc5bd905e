//! What the application keeps, behind one trait. `suite` states what every store must do.

mod error;
mod mongo;
mod observed;
mod open;
mod part;
mod sqlite;
#[cfg(test)]
pub mod suite;

pub use error::StoreError;
use mongo::MongoStore;
pub use observed::Observed;
pub use open::open;
pub use part::bulk;
pub use part::{
    AccountStore, Answer, BulkStore, CaseChatStore, CaseStore, CommentStore, ConsultationStore,
    DirectoryStore, FollowStore, LikeStore, MessageStore, NotificationStore, OperationStore, PostStore,
    SessionStore, UploadStore,
};
pub use sqlite::{SqliteStore, store_file};

/// Declares the store as the sum of its parts.
macro_rules! store {
    ($($part:ident),+ $(,)?) => {
        /// Durable data of the application: all parts together.
        pub trait Store: $($part +)+ {}

        impl<S: $($part +)+> Store for S {}
    };
}

store! {
    AccountStore,
    BulkStore,
    CaseChatStore,
    CaseStore,
    CommentStore,
    ConsultationStore,
    DirectoryStore,
    FollowStore,
    LikeStore,
    MessageStore,
    NotificationStore,
    OperationStore,
    PostStore,
    SessionStore,
    UploadStore,
}
