//! Lists of accounts, and the numbers on dashboards.

use super::part;
use crate::domain::{
    Dashboard, Lawyer, LawyerChange, Page, PageRequest, PracticeArea, Timestamp, UserChange, UserFilter,
    UserId, UserRecord, Whose,
};

part! {
    /// Lists of accounts, and the numbers on dashboards.
    pub trait DirectoryStore {
        /// Active lawyers, of this field of law if one is given.
        fn lawyers(&self, specialization: Option<PracticeArea>, page: PageRequest) -> Page<Lawyer>;
        /// An active lawyer.
        fn lawyer(&self, user: UserId) -> Option<Lawyer>;
        /// Changes the entry of a lawyer. Fails with [`StoreError::Missing`](crate::store::StoreError::Missing)
        /// when there is no such active lawyer.
        fn change_lawyer(&self, user: UserId, change: LawyerChange) -> Lawyer;
        /// Accounts.
        fn users(&self, filter: UserFilter, page: PageRequest) -> Page<UserRecord>;
        /// One account.
        fn user(&self, user: UserId) -> Option<UserRecord>;
        /// Changes an account, `None` when there is no such account.
        fn change_user(&self, user: UserId, change: UserChange) -> Option<UserRecord>;
        /// The numbers of a citizen, of a lawyer (with the consultations that begin after `now`), or of all
        /// (with the accounts).
        fn dashboard(&self, whose: Whose, now: Timestamp) -> Dashboard;
    }
}
