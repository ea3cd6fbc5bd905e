//! Proposes indexes: equality, then sort, then range; one index for as many shapes as it can serve.

use super::catalog::Collection;
use super::needs::Need;
use super::redundant;
use super::report::{KeyReport, MissingIndex};
use super::serving::{collation_text, keys_serve};
use super::shape::{MAX_KEYS, Shape};
use super::source::sample::Sample;
use crate::indexes::index::{Index, Key, Kind, default_name};

/// An index and what it is for.
#[derive(Debug)]
pub struct Proposal {
    /// Its fields in their order.
    pub keys: Vec<Key>,
    /// What it serves, the widest first.
    pub needs: Vec<Need>,
}

/// Indexes that serve all of these shapes of one collection.
pub fn propose(mut needs: Vec<Need>, sample: Option<&Sample>) -> Vec<Proposal> {
    needs.retain(|need| need.shape.width() > 0);
    needs.sort_by(|a, b| {
        let by_width = b.shape.width().cmp(&a.shape.width());
        by_width.then(b.docs_saved().cmp(&a.docs_saved())).then(a.shape.cmp(&b.shape))
    });
    let mut proposals: Vec<Proposal> = Vec::new();
    for need in needs {
        let taken = proposals.iter_mut().find_map(|proposal| {
            let shapes = proposal.needs.iter().map(|need| &need.shape).chain([&need.shape]);
            arrange(&shapes.collect::<Vec<_>>(), sample).map(|keys| (proposal, keys))
        });
        match taken {
            Some((proposal, keys)) => {
                proposal.keys = keys;
                proposal.needs.push(need);
            }
            None => {
                if let Some(keys) = arrange(&[&need.shape], sample) {
                    proposals.push(Proposal { keys, needs: vec![need] });
                }
            }
        }
    }
    proposals
}

/// Keys that serve all of the shapes, if there are such; the first shape is the widest.
pub fn arrange(shapes: &[&Shape], sample: Option<&Sample>) -> Option<Vec<Key>> {
    let (widest, others) = shapes.split_first()?;
    let mut keys: Vec<Key> = Vec::new();
    let mut narrow_first = others.to_vec();
    narrow_first.sort_by_key(|shape| (shape.equality.len(), shape.width()));
    for shape in narrow_first {
        let shared = ideal(shape, sample).into_iter().filter(|key| widest.gives(&key.field));
        add(&mut keys, shared);
    }
    add(&mut keys, ideal(widest, sample));
    let serves_all =
        shapes.iter().all(|shape| shape.collation == widest.collation && keys_serve(&keys, shape));
    (!keys.is_empty() && keys.len() <= MAX_KEYS && serves_all).then_some(keys)
}

/// The keys for one shape: equality (the field with the most values first), sort, range.
fn ideal(shape: &Shape, sample: Option<&Sample>) -> Vec<Key> {
    let mut given: Vec<&str> = shape.equality.iter().map(|field| field.field.as_str()).collect();
    given.sort_by_key(|field| std::cmp::Reverse(sample.map_or(0, |sample| sample.distinct(field))));
    let mut keys: Vec<Key> = given.into_iter().map(|field| Key::new(field, Kind::Ascending)).collect();
    add(&mut keys, shape.sort.iter().map(super::shape::SortField::key));
    add(&mut keys, shape.range.iter().map(|range| Key::new(&range.field, Kind::Ascending)));
    keys
}

fn add(keys: &mut Vec<Key>, more: impl IntoIterator<Item = Key>) {
    for key in more {
        if !keys.iter().any(|known| known.field == key.field) {
            keys.push(key);
        }
    }
}

impl Proposal {
    /// Documents that need not be examined with it, over all that was seen.
    pub fn docs_saved(&self) -> u64 {
        self.needs.iter().map(Need::docs_saved).sum()
    }

    /// The report of it.
    pub fn report(
        mut self,
        database: &str,
        name: &str,
        collection: &Collection,
        sample: Option<&Sample>,
    ) -> MissingIndex {
        self.needs.sort_by_key(|need| std::cmp::Reverse(need.docs_saved()));
        let index = self.index(collection);
        let replaces = collection.live.iter().filter(|live| {
            redundant::special(live).is_none()
                && !collection.wanted.contains(&live.name)
                && redundant::covers(&index, live)
        });
        let keys = self.keys.iter().map(|key| KeyReport {
            field: key.field.clone(),
            direction: if key.kind == Kind::Descending { -1 } else { 1 },
        });
        MissingIndex {
            database: database.to_owned(),
            collection: name.to_owned(),
            keys: keys.collect(),
            collation: collation_text(index.options.collation.as_ref()),
            docs_saved: self.docs_saved(),
            serves: self.needs.iter().map(Need::report).collect(),
            reasons: self.reasons(collection, sample),
            has_own_name: index.name != default_name(&index.keys),
            replaces: replaces.map(|index| index.name.clone()).collect(),
            name: index.name,
        }
    }

    /// The index itself, under a name that is free.
    pub fn index(&self, collection: &Collection) -> Index {
        let mut index = Index::new(self.keys.clone());
        let collation = self.needs.first().and_then(|need| need.shape.collation.as_deref());
        let parsed = collation.and_then(|text| serde_json::from_str::<bson::Document>(text).ok());
        index.options.collation = parsed;
        let is_taken = |name: &str| {
            collection.live.iter().chain(&collection.to_come).any(|index| index.name == name)
                || collection.absent.iter().any(|absent| absent == name)
        };
        let plain = default_name(&self.keys);
        let mut names = std::iter::once(plain.clone()).chain((2..).map(|number| format!("{plain}_{number}")));
        index.name = names.find(|name| !is_taken(name)).unwrap_or(plain);
        index
    }
}

#[cfg(test)]
mod tests {
    use bson::{Bson, Document};
    use proptest::prelude::*;

    use super::{Need, propose};
    use crate::indexes::advise::operation::Operation;
    use crate::indexes::advise::serving::keys_serve;
    use crate::indexes::advise::shape::{MAX_KEYS, Shape};
    use crate::indexes::advise::workload::Cost;
    use crate::indexes::index::{Index, Key};

    fn shapes(command: &Document) -> Vec<Shape> {
        let operation = Operation::read("d.c", command);
        operation.map(|operation| operation.shapes(None).unwrap_or_default()).unwrap_or_default()
    }

    fn need(shape: Shape) -> Need {
        let cost = Cost { count: 1, docs: 1_000, scans: 1, ..Cost::default() };
        Need { shape, cost, is_measured: true, limit: None }
    }

    fn proposed(commands: &[Document]) -> Vec<String> {
        let needs = commands.iter().flat_map(shapes).map(need).collect();
        propose(needs, None).into_iter().map(|proposal| Index::new(proposal.keys).shown_keys()).collect()
    }

    fn find(filter: &Document, sort: &Document) -> Document {
        bson::doc! { "find": "c", "filter": filter, "sort": sort }
    }

    #[test]
    fn equality_sort_range() {
        let query = find(&bson::doc! { "total": { "$gt": 5 }, "customer": 1 }, &bson::doc! { "at": -1 });
        assert_eq!(proposed(&[query]), ["{customer: 1, at: -1, total: 1}"]);
    }

    #[test]
    fn one_index_serves_what_it_can() {
        let none = Document::new();
        let queries = [
            find(&bson::doc! { "b": 1 }, &none),
            find(&bson::doc! { "a": 1, "b": 2 }, &none),
            find(&bson::doc! { "a": 1, "b": 2, "c": { "$lt": 3 } }, &none),
            find(&bson::doc! { "b": 1 }, &bson::doc! { "a": 1 }),
        ];
        assert_eq!(proposed(&queries), ["{b: 1, a: 1, c: 1}"]);
        let apart = [find(&bson::doc! { "a": 1 }, &none), find(&bson::doc! { "b": 1 }, &none)];
        assert_eq!(proposed(&apart), ["{a: 1}", "{b: 1}"]);
    }

    fn value() -> impl Strategy<Value = Bson> {
        let leaf = prop_oneof![
            Just(Bson::Null),
            any::<i32>().prop_map(Bson::Int32),
            "[a-z^|$.]{0,5}".prop_map(Bson::String),
        ];
        let operator = prop_oneof![
            Just("$gt"),
            Just("$lt"),
            Just("$in"),
            Just("$ne"),
            Just("$exists"),
            Just("$regex"),
            Just("$elemMatch"),
            Just("$or"),
            Just("$and"),
            Just("$not"),
            Just("$eq"),
            Just("$all"),
        ];
        let field =
            prop_oneof!["[a-f]", "[a-d]\\.[a-d]", operator.prop_map(str::to_owned), Just(String::new())];
        leaf.prop_recursive(4, 60, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Bson::Array),
                prop::collection::vec((field.clone(), inner), 0..5)
                    .prop_map(|pairs| Bson::Document(pairs.into_iter().collect())),
            ]
        })
    }

    fn filter() -> impl Strategy<Value = Document> {
        let field = prop_oneof![4 => "[a-z]{1,2}", 1 => Just("$or".to_owned()), 1 => Just("$and".to_owned())];
        prop::collection::vec((field, value()), 0..45).prop_map(|pairs| pairs.into_iter().collect())
    }

    fn sort() -> impl Strategy<Value = Document> {
        let direction = prop_oneof![Just(1), Just(-1)];
        prop::collection::vec(("[a-z]{1,2}", direction), 0..4)
            .prop_map(|pairs| pairs.into_iter().map(|(field, to)| (field, Bson::Int32(to))).collect())
    }

    fn place_of(keys: &[Key], field: &str) -> usize {
        keys.iter().position(|key| key.field == field).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

        #[test]
        fn proposals_serve_what_they_are_for(queries in prop::collection::vec((filter(), sort()), 1..5)) {
            let needs: Vec<Need> =
                queries.iter().flat_map(|(filter, sort)| shapes(&find(filter, sort))).map(need).collect();
            let served: usize = needs.iter().filter(|need| need.shape.width() > 0).count();
            let proposals = propose(needs, None);
            prop_assert_eq!(proposals.iter().map(|proposal| proposal.needs.len()).sum::<usize>(), served);
            for proposal in &proposals {
                prop_assert!(proposal.keys.len() <= MAX_KEYS);
                for need in &proposal.needs {
                    prop_assert!(keys_serve(&proposal.keys, &need.shape), "{:?} for {}", proposal.keys, need.shape);
                    let first = |fields: Vec<&String>| fields.iter().map(|field| place_of(&proposal.keys, field)).min();
                    let last = |fields: Vec<&String>| fields.iter().map(|field| place_of(&proposal.keys, field)).max();
                    let Shape { equality, sort, range, .. } = &need.shape;
                    let given = last(equality.iter().map(|field| &field.field).collect());
                    let sorted: Vec<_> = sort.iter().map(|field| &field.field).collect();
                    let ranges = range.iter().map(|field| &field.field).filter(|field| !sorted.contains(field));
                    let ranged = first(ranges.collect());
                    if let (Some(given), Some(sorted)) = (given, first(sorted.clone())) {
                        prop_assert!(given < sorted);
                    }
                    if let (Some(before), Some(ranged)) = (last(sorted).max(given), ranged) {
                        prop_assert!(before < ranged);
                    }
                }
            }
        }
    }
}
