//! Queries and disputes.

use super::part;
use crate::domain::{Case, CaseFilter, CaseKind, CaseRef, Page, PageRequest};

part! {
    /// Queries and disputes. Both have the same life, in places of their own.
    pub trait CaseStore {
        /// Adds a case.
        fn open_case(&self, case: Case) -> ();
        /// One case.
        fn case(&self, case: CaseRef) -> Option<Case>;
        /// Cases of one kind.
        fn cases(&self, kind: CaseKind, filter: CaseFilter, page: PageRequest) -> Page<Case>;
        /// Replaces status, lawyer, outcome and time of change, if status and lawyer are still those of `seen`.
        /// Of several that have seen the same, one succeeds; the others get false, and should look again.
        fn replace_case(&self, seen: Case, next: Case) -> bool;
    }
}
