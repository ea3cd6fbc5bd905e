//! What a run is good for: the declared queries of the collections that it changes, before and after.

use schemars::JsonSchema;
use serde::Serialize;

use crate::indexes::diff::Change;
use crate::indexes::live::Deployment;
use crate::indexes::plan::read_declared;
use crate::indexes::spec::DatabaseSpec;
use crate::indexes::verify::{QueryProof, prove_query};

/// A declared query before and after a run.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueryChange {
    /// The database.
    pub database: String,
    /// The collection.
    pub collection: String,
    /// The query's name.
    pub query: String,
    /// Before the first step.
    pub before: QueryProof,
    /// After the last one.
    pub after: QueryProof,
}

/// The proofs of one collection's queries.
pub type Proofs = Vec<(String, QueryProof)>;

/// Explains the queries of the collections that change. What cannot be explained is left out: `verify` says why.
pub async fn prove(deployment: &Deployment, database: &DatabaseSpec, changes: &[Change]) -> Proofs {
    let mut proofs = Vec::new();
    let Ok(live) = read_declared(deployment, database).await else { return proofs };
    let is_changed = |name: &str| changes.iter().any(|change| change.collection == name);
    for collection in database.collections.iter().filter(|collection| is_changed(&collection.name)) {
        for query in &collection.queries {
            let live = live.collections.get(&collection.name);
            if let Ok(proof) = prove_query(deployment, &database.name, collection, live, query).await {
                proofs.push((collection.name.clone(), proof));
            }
        }
    }
    proofs
}

/// Brings the proofs before and after together.
pub fn compare(database: &str, before: Proofs, after: Proofs) -> Vec<QueryChange> {
    let mut after = after.into_iter();
    let pairs = before.into_iter().filter_map(|(collection, before)| {
        let (_, after) = after.find(|(of, proof)| *of == collection && proof.query == before.query)?;
        let (database, query) = (database.to_owned(), before.query.clone());
        Some(QueryChange { database, collection, query, before, after })
    });
    pairs.collect()
}
