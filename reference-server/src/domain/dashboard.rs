//! How much of what there is.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{CaseStatus, Consultation, ConsultationStatus, Role};

/// How many of each; those of which there are none are there too, with zero.
pub type Counts<K> = BTreeMap<K, u64>;

/// The numbers that somebody sees first: of the own cases, or of all for administrators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dashboard {
    /// Queries by status.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub queries: Counts<CaseStatus>,
    /// Disputes by status.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub disputes: Counts<CaseStatus>,
    /// Consultations by status.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub consultations: Counts<ConsultationStatus>,
    /// For lawyers: confirmed consultations that have not begun, the next one first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_consultations: Option<Vec<Consultation>>,
    /// For administrators: accounts by role.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, u64>>)]
    pub users: Option<Counts<Role>>,
}

impl Dashboard {
    /// Consultations in [`Dashboard::next_consultations`] at most.
    pub const NEXT: usize = 5;

    /// A count for each of these keys, from what was counted by their words.
    pub fn fill<K: Copy + Ord>(
        keys: &[K],
        counted: &[(String, u64)],
        word: impl Fn(K) -> &'static str,
    ) -> Counts<K> {
        let of = |key: K| counted.iter().find(|(found, _)| found == word(key)).map_or(0, |(_, count)| *count);
        keys.iter().map(|&key| (key, of(key))).collect()
    }
}
