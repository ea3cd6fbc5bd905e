//! Are the indexes there, and do they serve the queries? Asked of every member, changed nowhere.
//!
//! [`listing`] holds what each member lists against the declarations, [`query`] explains the declared queries,
//! [`explain`] reads the answers and [`judge`] judges them, [`report`] holds what came of it.

mod command;
pub mod explain;
pub mod finding;
pub mod judge;
pub mod listing;
pub mod matching;
pub mod query;
pub mod report;
mod sample;

use std::collections::BTreeSet;

pub use query::prove_query;
pub use report::{QueryProof, Verdict, VerifyReport};

use self::listing::MemberListing;
use self::report::{CollectionProof, DeploymentReport, MemberReport};
use super::IndexError;
use super::live::{Deployment, LiveDatabase, read_database};
use super::spec::{CollectionSpec, Spec};

/// Proves a specification, or finds what is wrong. Only what keeps it from asking is an error.
pub async fn verify(deployment: &Deployment, spec: &Spec) -> Result<VerifyReport, IndexError> {
    let (mut collections, mut notes) = (Vec::new(), BTreeSet::new());
    for database in &spec.databases {
        let is_declared = |name: &str| database.collections.iter().any(|declared| declared.name == name);
        let live = read_database(deployment, &database.name, is_declared).await?;
        for collection in &database.collections {
            collections.push(prove_collection(deployment, &live, collection, &mut notes).await?);
        }
    }
    let verdict = Verdict::worst(collections.iter().filter_map(CollectionProof::judged));
    if verdict.is_none() {
        notes.insert("the specification declares nothing that could be proved".to_owned());
    }
    Ok(VerifyReport {
        schema: "scalectl.indexes.verify/1",
        verdict: verdict.unwrap_or(Verdict::Inconclusive),
        spec: spec.name.clone(),
        spec_hash: spec.hash.clone(),
        deployment: described(deployment),
        collections,
        notes: notes.into_iter().collect(),
    })
}

async fn prove_collection(
    deployment: &Deployment,
    database: &LiveDatabase,
    collection: &CollectionSpec,
    notes: &mut BTreeSet<String>,
) -> Result<CollectionProof, IndexError> {
    let mut proof = CollectionProof {
        database: database.name.clone(),
        collection: collection.name.clone(),
        verdict: Verdict::Passed,
        problems: problems(database, collection),
        indexes: Vec::new(),
        still_there: Vec::new(),
        unmanaged_policy: collection.unmanaged,
        unmanaged: Vec::new(),
        queries: Vec::new(),
    };
    // A view has no indexes to list; its queries are those of the collection below it.
    if !database.views.contains(&collection.name) {
        let listings = listing::list_on_members(deployment, &database.name, &collection.name).await?;
        notes.extend(listings.iter().filter_map(|listing| listing.silence.clone()));
        add_listing(&mut proof, database, collection, &listings);
        let live = database.collections.get(&collection.name);
        for query in &collection.queries {
            proof.queries.push(prove_query(deployment, &database.name, collection, live, query).await?);
        }
    }
    proof.verdict = proof.judged().unwrap_or(Verdict::Passed);
    Ok(proof)
}

fn add_listing(
    proof: &mut CollectionProof,
    database: &LiveDatabase,
    collection: &CollectionSpec,
    listings: &[MemberListing],
) {
    let live = database.collections.get(&collection.name);
    let collation = live.and_then(|live| live.collation.as_ref());
    let declared = collection.indexes.iter();
    proof.indexes = declared.map(|declared| listing::compare(listings, collation, declared)).collect();
    proof.still_there = listing::still_there(listings, collection);
    proof.unmanaged = listing::unmanaged(listings, collection, &proof.indexes);
}

/// What is wrong with the collection itself; one that is not there shows in its indexes.
fn problems(database: &LiveDatabase, collection: &CollectionSpec) -> Vec<String> {
    let name = format!("{}.{}", database.name, collection.name);
    if database.views.contains(&collection.name) {
        return vec![format!("{name} is a view: declare the indexes on the collection that it shows")];
    }
    let live = database.collections.get(&collection.name);
    match (collection.clustered, live.map(|live| live.is_clustered)) {
        (Some(true), Some(false)) => vec![format!("{name} is not clustered, and is declared so")],
        (Some(false), Some(true)) => vec![format!("{name} is clustered, and is declared not to be")],
        _ => Vec::new(),
    }
}

fn described(deployment: &Deployment) -> DeploymentReport {
    let members = deployment.data_members().map(|member| MemberReport {
        address: member.address.clone(),
        role: member.role,
        shard: member.shard.clone(),
    });
    DeploymentReport {
        address: deployment.name(),
        topology: deployment.topology.to_string(),
        version: deployment.version_text.clone(),
        members: members.collect(),
    }
}
