//! The proof by listing: what every member that holds data lists of a collection, held against the declarations.

use std::collections::BTreeMap;

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use futures_util::future::try_join_all;

use super::matching::{self, Match};
use super::report::{FoundIndex, IndexProof, MemberProof, MemberState, Usage, Verdict};
use crate::indexes::IndexError;
use crate::indexes::index::ID_INDEX;
use crate::indexes::live::{Deployment, LiveIndex, Member};
use crate::indexes::spec::{CollectionSpec, DeclaredIndex};

/// What one member has of a collection.
#[derive(Debug)]
pub struct MemberListing {
    member: String,
    shard: Option<String>,
    /// Its indexes; none when it has no such collection.
    indexes: Option<Vec<LiveIndex>>,
    statistics: BTreeMap<String, Statistics>,
    /// Why there are no statistics, when there are none.
    pub silence: Option<String>,
}

/// What `$indexStats` says of one index.
#[derive(Debug)]
struct Statistics {
    usage: Usage,
    is_building: bool,
}

/// Asks every member that holds data; the first that does not answer ends it.
pub async fn list_on_members(
    deployment: &Deployment,
    database: &str,
    collection: &str,
) -> Result<Vec<MemberListing>, IndexError> {
    let asked = deployment.data_members().map(|member| async move {
        let indexes = deployment.indexes_on(member, database, collection).await?;
        let (statistics, silence) = match &indexes {
            None => (BTreeMap::new(), None),
            Some(_) => match statistics(deployment, member, database, collection).await {
                Ok(statistics) => (statistics, None),
                Err(error @ IndexError::Unreachable { .. }) => return Err(error),
                Err(error) => (BTreeMap::new(), Some(error.to_string())),
            },
        };
        let (member, shard) = (member.address.clone(), member.shard.clone());
        Ok(MemberListing { member, shard, indexes, statistics, silence })
    });
    try_join_all(asked).await
}

/// Holds a declared index against what the members list.
pub fn compare(
    listings: &[MemberListing],
    collation: Option<&Document>,
    declared: &DeclaredIndex,
) -> IndexProof {
    let wanted = declared.in_collection(collation);
    let members: Vec<MemberProof> =
        listings.iter().map(|listing| on_member(listing, listings, &wanted)).collect();
    let is_well =
        |member: &MemberProof| matches!(member.state, MemberState::Present | MemberState::NotOnThisShard);
    let verdict = if members.iter().all(is_well) { Verdict::Passed } else { Verdict::Failed };
    let definition = matching::definition(&declared.index);
    let line = declared.place.line;
    IndexProof { index: declared.index.name.clone(), line, definition, verdict, members }
}

fn on_member(listing: &MemberListing, all: &[MemberListing], wanted: &DeclaredIndex) -> MemberProof {
    let Match { mut state, name, differences } = match &listing.indexes {
        Some(listed) => matching::find(wanted, listed),
        None => {
            let state =
                if is_elsewhere(listing, all) { MemberState::NotOnThisShard } else { MemberState::Missing };
            Match { state, name: None, differences: Vec::new() }
        }
    };
    let statistics = name.as_ref().and_then(|name| listing.statistics.get(name));
    if statistics.is_some_and(|statistics| statistics.is_building) {
        state = MemberState::Building;
    }
    MemberProof {
        member: listing.member.clone(),
        state,
        listed_as: name.filter(|name| *name != wanted.index.name),
        differences,
        usage: statistics.map(|statistics| statistics.usage.clone()),
    }
}

/// Whether no member of this shard has the collection while another shard does.
fn is_elsewhere(listing: &MemberListing, all: &[MemberListing]) -> bool {
    let has_it = |other: &&MemberListing| other.indexes.is_some();
    let is_here = all.iter().filter(has_it).any(|other| other.shard == listing.shard);
    listing.shard.is_some() && !is_here && all.iter().any(|other| has_it(&other))
}

/// The listed indexes that `wants` accepts by name, with the members that have them and those that do not.
fn found_indexes(listings: &[MemberListing], wants: impl Fn(&str) -> bool) -> Vec<FoundIndex> {
    let mut found: BTreeMap<&str, FoundIndex> = BTreeMap::new();
    for listing in listings {
        for live in listing.indexes.iter().flatten().filter(|live| wants(live.name())) {
            let entry = found.entry(live.name()).or_insert_with(|| FoundIndex {
                name: live.name().to_owned(),
                definition: match live {
                    LiveIndex::Known(index) => matching::definition(index),
                    LiveIndex::Unknown { listed, .. } => listed.clone(),
                },
                members: Vec::new(),
                missing_on: Vec::new(),
            });
            entry.members.push(listing.member.clone());
        }
    }
    for index in found.values_mut() {
        let holders = listings.iter().filter(|listing| listing.indexes.is_some());
        let without = holders.filter(|listing| !index.members.contains(&listing.member));
        index.missing_on = without.map(|listing| listing.member.clone()).collect();
    }
    found.into_values().collect()
}

/// Indexes that must be gone and are not.
pub fn still_there(listings: &[MemberListing], collection: &CollectionSpec) -> Vec<FoundIndex> {
    found_indexes(listings, |name| collection.absent.iter().any(|absent| absent == name))
}

/// Indexes that the specification does not name.
pub fn unmanaged(
    listings: &[MemberListing],
    collection: &CollectionSpec,
    proofs: &[IndexProof],
) -> Vec<FoundIndex> {
    let stands_in = |name: &str| {
        let listed =
            proofs.iter().flat_map(|proof| &proof.members).filter_map(|member| member.listed_as.as_deref());
        listed.into_iter().any(|listed| listed == name)
    };
    let is_declared = |name: &str| collection.indexes.iter().any(|declared| declared.index.name == name);
    let must_go = |name: &str| collection.absent.iter().any(|absent| absent == name);
    found_indexes(listings, |name| {
        name != ID_INDEX && !is_declared(name) && !must_go(name) && !stands_in(name)
    })
}

/// What `$indexStats` says on one member, by the names of the indexes.
async fn statistics(
    deployment: &Deployment,
    member: &Member,
    database: &str,
    collection: &str,
) -> Result<BTreeMap<String, Statistics>, IndexError> {
    let fault = |error: mongodb::error::Error| {
        deployment.fault_of(member, &format!("read $indexStats of {database}.{collection}"), &error)
    };
    let command = doc! { "aggregate": collection, "pipeline": [{ "$indexStats": {} }], "cursor": {} };
    let cursor = member.database(database).run_cursor_command(command).await.map_err(fault)?;
    let told: Vec<Document> = cursor.try_collect().await.map_err(fault)?;
    let named =
        told.iter().filter_map(|told| Some((told.get_str("name").ok()?.to_owned(), parse_statistics(told))));
    Ok(named.collect())
}

/// <https://www.mongodb.com/docs/manual/reference/operator/aggregation/indexStats/>
fn parse_statistics(told: &Document) -> Statistics {
    let accesses = told.get_document("accesses").ok();
    let operations = match accesses.and_then(|accesses| accesses.get("ops")) {
        Some(Bson::Int64(count)) => u64::try_from(*count).unwrap_or_default(),
        Some(Bson::Int32(count)) => u64::try_from(*count).unwrap_or_default(),
        Some(Bson::Double(count)) => *count as u64,
        _ => 0,
    };
    let since = accesses.and_then(|accesses| accesses.get_datetime("since").ok());
    let since = since.and_then(|since| since.try_to_rfc3339_string().ok());
    let is_building = told.get_bool("building").unwrap_or_default();
    Statistics { usage: Usage { operations, since }, is_building }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bson::{Document, doc};

    use super::{MemberListing, compare, parse_statistics, unmanaged};
    use crate::config::Document as File;
    use crate::indexes::index::Index;
    use crate::indexes::live::LiveIndex;
    use crate::indexes::spec::{CollectionSpec, Spec};
    use crate::indexes::verify::report::{MemberState, Verdict};

    fn collection() -> CollectionSpec {
        let file = "databases: {d: {collections: {c: {indexes: [{keys: {a: 1}}], absent: [gone]}}}}";
        let spec = Spec::from_document(&File::parse("indexes.yaml", file.to_owned()).unwrap()).unwrap();
        spec.collection("d", "c").unwrap().clone()
    }

    fn listing(member: &str, shard: Option<&str>, indexes: Option<&[Document]>) -> MemberListing {
        let known = |document: &Document| LiveIndex::Known(Index::from_listing(document).unwrap());
        MemberListing {
            member: member.to_owned(),
            shard: shard.map(str::to_owned),
            indexes: indexes.map(|indexes| indexes.iter().map(known).collect()),
            statistics: BTreeMap::new(),
            silence: None,
        }
    }

    fn states(listings: &[MemberListing]) -> (Verdict, Vec<MemberState>) {
        let proof = compare(listings, None, &collection().indexes[0]);
        (proof.verdict, proof.members.iter().map(|member| member.state).collect())
    }

    #[test]
    fn one_member_without_the_index_is_enough_to_fail() {
        let index = [doc! { "key": { "a": 1 }, "name": "a_1" }];
        let listings = [listing("one", None, Some(&index)), listing("two", None, Some(&[]))];
        assert_eq!(states(&listings), (Verdict::Failed, vec![MemberState::Present, MemberState::Missing]));
        let listings = [listing("one", None, Some(&index)), listing("two", None, None)];
        assert_eq!(states(&listings), (Verdict::Failed, vec![MemberState::Present, MemberState::Missing]));
    }

    #[test]
    fn a_shard_without_the_collection_needs_no_index_a_member_of_a_shard_with_it_does() {
        let index = [doc! { "key": { "a": 1 }, "name": "a_1" }];
        let of = |member, shard, indexes| listing(member, Some(shard), indexes);
        let listings = [of("a1", "a", Some(&index[..])), of("a2", "a", None), of("b1", "b", None)];
        let expected = vec![MemberState::Present, MemberState::Missing, MemberState::NotOnThisShard];
        assert_eq!(states(&listings), (Verdict::Failed, expected));
        let nowhere = [of("a1", "a", None), of("b1", "b", None)];
        assert_eq!(states(&nowhere).1, [MemberState::Missing, MemberState::Missing]);
    }

    #[test]
    fn an_index_that_is_being_built_is_not_there_yet() {
        let index = [doc! { "key": { "a": 1 }, "name": "a_1" }];
        let mut one = listing("one", None, Some(&index));
        let told = doc! { "name": "a_1", "accesses": { "ops": 0_i64 }, "building": true };
        one.statistics.insert("a_1".to_owned(), parse_statistics(&told));
        assert_eq!(states(&[one]), (Verdict::Failed, vec![MemberState::Building]));
    }

    #[test]
    fn unmanaged_indexes_are_named_with_the_members_that_lack_them() {
        let (mine, extra) =
            (doc! { "key": { "a": 1 }, "name": "mine" }, doc! { "key": { "z": 1 }, "name": "z_1" });
        let gone = doc! { "key": { "y": 1 }, "name": "gone" };
        let id = doc! { "key": { "_id": 1 }, "name": "_id_" };
        let listings = [
            listing("one", None, Some(&[id.clone(), mine.clone(), extra, gone])),
            listing("two", None, Some(&[id, mine])),
        ];
        let collection = collection();
        let proofs = [compare(&listings, None, &collection.indexes[0])];
        let found = unmanaged(&listings, &collection, &proofs);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((&found[0].name[..], &found[0].missing_on[..]), ("z_1", &["two".to_owned()][..]));
    }
}
