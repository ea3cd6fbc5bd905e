//! Which of the observed shapes lack an index.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::{Catalog, Collection};
use super::report::ServedShape;
use super::serving::{could_help, serves};
use super::shape::Shape;
use super::source::sample::Sample;
use super::workload::{Asked, Cost, Seen, Workload};
use crate::indexes::index::{Index, Key, Kind};

/// Documents that an operation must examine on average before an index for it is worth its upkeep.
const WORTHWHILE_DOCS: u64 = 100;
/// Documents examined for each one returned, beyond which an index is looked for.
const WASTEFUL_RATIO: u64 = 10;

/// A shape that lacks an index.
#[derive(Debug, Clone)]
pub struct Need {
    /// What is asked, as far as one index can serve it.
    pub shape: Shape,
    /// What it costs.
    pub cost: Cost,
    /// Whether the cost was told.
    pub is_measured: bool,
    /// The greatest limit, when all had one.
    pub limit: Option<i64>,
}

impl Need {
    /// Documents that need not be examined with an index, or sorted.
    pub fn docs_saved(&self) -> u64 {
        match self.cost.wasted() {
            0 if self.cost.sorts > 0 => self.cost.docs,
            wasted => wasted,
        }
    }

    /// The report of it.
    pub fn report(&self) -> ServedShape {
        let Cost { count, unmeasured: _, millis, keys, docs, returned, scans, sorts } = self.cost;
        ServedShape {
            title: self.shape.to_string(),
            shape: self.shape.clone(),
            count,
            total_ms: (millis * 10.0).round() / 10.0,
            keys_examined: keys,
            docs_examined: docs,
            returned,
            collection_scans: scans,
            memory_sorts: sorts,
            is_measured: self.is_measured,
            limit: self.limit,
        }
    }
}

/// The shapes that lack an index, by database and collection, and what there is to say of others.
#[derive(Debug, Default)]
pub struct Needs {
    /// By database and collection.
    pub by_collection: BTreeMap<(String, String), Vec<Need>>,
    /// Notes on shapes for which nothing is proposed.
    pub notes: BTreeSet<String>,
    /// Shapes that lack an index and examine too little for one to be worth its upkeep.
    pub small: usize,
}

impl Needs {
    /// Looks at every shape; `size_of` says how many documents a collection has.
    pub fn find(workload: &Workload, catalog: &Catalog, sizes: &BTreeMap<(String, String), u64>) -> Self {
        let mut needs = Self::default();
        for (asked, seen) in &workload.shapes {
            let Some(collection) = catalog.get(&asked.database, &asked.collection) else { continue };
            let place = (asked.database.clone(), asked.collection.clone());
            let size = sizes.get(&place).copied().unwrap_or_default();
            if let Some(need) = needs.judge(asked, seen, collection, size) {
                needs.by_collection.entry(place).or_default().push(need);
            }
        }
        needs
    }

    fn judge(&mut self, asked: &Asked, seen: &Seen, collection: &Collection, size: u64) -> Option<Need> {
        let Asked { database, collection: name, shape } = asked;
        if shape.width() == 0 || collection.is_time_series || collection.server_of(shape).is_some() {
            return None;
        }
        let mut cost = seen.cost();
        let is_measured = cost.unmeasured == 0;
        if !is_measured {
            if cost.scans == 0 && is_helped(collection, shape) {
                return None;
            }
            (cost.docs, cost.scans) = (size.saturating_mul(cost.count), cost.count);
        }
        let is_bad =
            cost.scans > 0 || cost.sorts > 0 || cost.docs > WASTEFUL_RATIO.saturating_mul(cost.returned);
        if !is_bad {
            return None;
        }
        if cost.docs < WORTHWHILE_DOCS.saturating_mul(cost.count.max(1)) {
            self.small += 1;
            return None;
        }
        if let Some(note) = put_aside(collection, shape) {
            self.notes.insert(format!("{database}.{name}: {note}"));
            return None;
        }
        let limit = seen.limit.filter(|_| !seen.is_unlimited);
        Some(Need { shape: shape.clone(), cost, is_measured, limit })
    }
}

fn is_helped(collection: &Collection, shape: &Shape) -> bool {
    let by_id = Index::new(vec![Key::new("_id", Kind::Ascending)]);
    collection.lasting().chain([&by_id]).any(|index| could_help(index, shape))
}

/// An index that is there and would serve the shape, were it not hidden or declared to go.
fn put_aside(collection: &Collection, shape: &Shape) -> Option<String> {
    let would_serve = |index: &&Index| {
        let mut seen = (*index).clone();
        seen.options.hidden = false;
        serves(&seen, shape)
    };
    let index = collection.live.iter().find(would_serve)?;
    let name = &index.name;
    Some(match index.options.hidden {
        true => format!("`{name}` is hidden, and would serve \"{shape}\": unhide it"),
        false => format!("`{name}` is declared absent, and serves \"{shape}\": keep it"),
    })
}

/// The same without fields that no one index can have together: of several arrays only the first stays.
pub fn without_parallel_arrays(shape: Shape, sample: &Sample) -> Shape {
    let fields: Vec<String> = shape.fields().map(str::to_owned).collect();
    let mut first: Option<&str> = None;
    let mut left = Vec::new();
    for field in &fields {
        let Some(array) = sample.array(field) else { continue };
        if *first.get_or_insert(array) != array && !left.contains(field) {
            left.push(field.clone());
        }
    }
    shape.without(&left, "a second array, which the same index cannot have")
}
