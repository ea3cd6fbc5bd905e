//! What operators and the server itself ask of a store.

use super::part;

part! {
    /// What operators and the server itself ask of a store.
    pub trait OperationStore {
        /// The secret of this name. The first caller of all processes decides its value.
        fn secret(&self, name: &'static str, fresh: Vec<u8>) -> Vec<u8>;
        /// Answers when the store does.
        fn ping(&self) -> ();
    }
}
