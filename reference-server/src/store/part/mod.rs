//! The parts of a store, a trait for each area. Lists are newest first; a write is durable when its future
//! resolves. Each trait is declared by `part!`, which also implements it for `Observed`: a store is measured
//! without a second list of its calls.

mod accounts;
pub mod bulk;
mod case_chats;
mod cases;
mod comments;
mod consultations;
mod directory;
mod follows;
mod likes;
mod messages;
mod notifications;
mod operations;
mod posts;
mod sessions;
mod uploads;

use futures_util::future::BoxFuture;

pub use accounts::AccountStore;
pub use bulk::BulkStore;
pub use case_chats::CaseChatStore;
pub use cases::CaseStore;
pub use comments::CommentStore;
pub use consultations::ConsultationStore;
pub use directory::DirectoryStore;
pub use follows::FollowStore;
pub use likes::LikeStore;
pub use messages::MessageStore;
pub use notifications::NotificationStore;
pub use operations::OperationStore;
pub use posts::PostStore;
pub use sessions::SessionStore;
pub use uploads::UploadStore;

use super::StoreError;

/// What a store answers, later.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Declares a part of the store, and the same part measured.
macro_rules! part {
    (
        $(#[$doc:meta])*
        pub trait $part:ident {
            $(
                $(#[$call_doc:meta])*
                fn $call:ident(&self $(, $name:ident: $type:ty)* $(,)?) -> $answer:ty;
            )+
        }
    ) => {
        $(#[$doc])*
        pub trait $part: Send + Sync + 'static {
            $(
                $(#[$call_doc])*
                fn $call(&self $(, $name: $type)*) -> $crate::store::Answer<'_, $answer>;
            )+
        }

        impl<S: $part> $part for $crate::store::Observed<S> {
            $(fn $call(&self $(, $name: $type)*) -> $crate::store::Answer<'_, $answer> {
                self.timed(stringify!($call), self.store().$call($($name),*))
            })+
        }
    };
}

use part;
