//! Accounts and profiles.

use super::part;
use crate::domain::{Account, NewAccount, Person, Profile, ProfileChange, UserId};

part! {
    /// Accounts and profiles.
    pub trait AccountStore {
        /// Adds an account. Fails with [`StoreError::Taken`](crate::store::StoreError::Taken) when its username
        /// or e-mail address is in use.
        fn create_account(&self, account: NewAccount) -> ();
        /// The account that logs in with this name, in any case of letters.
        fn find_account(&self, username: &str) -> Option<Account>;
        /// The profile of an account.
        fn profile(&self, user: UserId) -> Option<Profile>;
        /// The profile of the account with this username.
        fn profile_by_username(&self, username: &str) -> Option<Profile>;
        /// Changes what is given and answers with the new profile. Fails with
        /// [`StoreError::Missing`](crate::store::StoreError::Missing).
        fn change_profile(&self, user: UserId, change: ProfileChange) -> Profile;
        /// Those of these accounts that exist, in this order.
        fn people(&self, users: Vec<UserId>) -> Vec<Person>;
    }
}
