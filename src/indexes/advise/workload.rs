//! What was observed: shapes, how often each came and what it cost. Values of queries are not in it.

use std::collections::BTreeMap;

use bson::{Bson, Document};

use super::filter::LeftOut;
use super::operation::Operation;
use super::report::Source;
use super::shape::Shape;
use crate::indexes::number::truncated;

/// Shapes that are told apart; a workload of real programs has hundreds.
const MAX_SHAPES: usize = 10_000;
/// Commands that are kept of a shape for `explain`.
const MAX_EXAMPLES: usize = 3;

/// Where a shape was seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// The database.
    pub database: String,
    /// The collection.
    pub collection: String,
    /// What was asked.
    pub shape: Shape,
}

/// What an operation, or several, cost.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// How many operations.
    pub count: u64,
    /// How many of them nothing but their time is known of.
    pub unmeasured: u64,
    /// Their time in milliseconds.
    pub millis: f64,
    /// Keys examined.
    pub keys: u64,
    /// Documents examined.
    pub docs: u64,
    /// Documents returned, changed or deleted.
    pub returned: u64,
    /// How many scanned the collection.
    pub scans: u64,
    /// How many sorted in memory.
    pub sorts: u64,
}

impl Cost {
    /// What an entry of the profiler or the log says; `time` is its name for the milliseconds.
    pub fn of_entry(entry: &Document, time: &str) -> Self {
        let number =
            |name: &str| entry.get(name).and_then(truncated).map(|n| u64::try_from(n).unwrap_or_default());
        let plan = entry.get_str("planSummary").ok();
        let is_measured = number("docsExamined").is_some();
        let returned = ["nreturned", "nMatched", "ndeleted"].iter().filter_map(|name| number(name)).max();
        Self {
            count: 1,
            unmeasured: u64::from(!is_measured),
            millis: number(time).unwrap_or_default() as f64,
            keys: number("keysExamined").unwrap_or_default(),
            docs: number("docsExamined").unwrap_or_default(),
            returned: if is_measured { returned.unwrap_or_default() } else { 0 },
            scans: u64::from(plan.is_some_and(|plan| plan.contains("COLLSCAN"))),
            sorts: u64::from(entry.get_bool("hasSortStage").unwrap_or_default()),
        }
    }

    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        let Self { count, unmeasured, millis, keys, docs, returned, scans, sorts } = other;
        self.count += count;
        self.unmeasured += unmeasured;
        self.millis += millis;
        self.keys += keys;
        self.docs += docs;
        self.returned += returned;
        self.scans += scans;
        self.sorts += sorts;
    }

    /// The same, with what is not known taken to be as in `measured`, which is one operation or several.
    pub fn fill(&mut self, measured: &Self) {
        let times =
            |number: u64| (number as f64 / measured.count.max(1) as f64 * self.unmeasured as f64) as u64;
        let (keys, docs, returned) = (times(measured.keys), times(measured.docs), times(measured.returned));
        let (scans, sorts) = (times(measured.scans), times(measured.sorts));
        self.keys += keys;
        self.docs += docs;
        self.returned += returned;
        self.scans += scans;
        self.sorts += sorts;
        self.unmeasured = 0;
    }

    /// Documents that were examined for nothing.
    pub fn wasted(&self) -> u64 {
        self.docs.saturating_sub(self.returned)
    }
}

/// All that is known of a shape.
#[derive(Default)]
pub struct Seen {
    /// What each source says; they may speak of the same operations.
    pub by_source: BTreeMap<Source, Cost>,
    /// The greatest limit that was given.
    pub limit: Option<i64>,
    /// Whether an operation without a limit was among them.
    pub is_unlimited: bool,
    /// Commands to ask `explain` about.
    pub examples: Vec<Operation>,
}

impl Seen {
    /// The most that any one source says.
    pub fn cost(&self) -> Cost {
        let most = self.by_source.values().max_by_key(|cost| (cost.docs, cost.count));
        most.copied().unwrap_or_default()
    }
}

/// The shapes that were observed.
#[derive(Default)]
pub struct Workload {
    /// Each with what is known of it.
    pub shapes: BTreeMap<Asked, Seen>,
    /// How many operations were left out, by the reason.
    pub left_out: BTreeMap<LeftOut, u64>,
    /// How many did not fit.
    pub overflow: u64,
}

impl Workload {
    /// Takes in an operation that was seen; `default` is the collation of its collection.
    pub fn add(&mut self, source: Source, operation: &Operation, default: Option<&Document>, cost: Cost) {
        let shapes = match operation.shapes(default) {
            Ok(shapes) => shapes,
            Err(reason) => {
                *self.left_out.entry(reason).or_default() += cost.count;
                return;
            }
        };
        // Which branch of an `$or` cost how much is not told.
        let branches = u64::try_from(shapes.len()).unwrap_or(u64::MAX).max(1);
        let share = Cost { docs: cost.docs / branches, returned: cost.returned / branches, ..cost };
        for shape in shapes {
            let Operation { database, collection, .. } = operation;
            let asked = Asked { database: database.clone(), collection: collection.clone(), shape };
            if self.shapes.len() >= MAX_SHAPES && !self.shapes.contains_key(&asked) {
                self.overflow += cost.count;
                continue;
            }
            let seen = self.shapes.entry(asked).or_default();
            seen.by_source.entry(source).or_default().add(&share);
            seen.limit = seen.limit.max(operation.limit);
            seen.is_unlimited |= operation.limit.is_none();
            // What `$queryStats` holds in the place of values cannot be asked about.
            if seen.examples.len() < MAX_EXAMPLES && source != Source::QueryStats {
                seen.examples.push(operation.clone());
            }
        }
    }
}

/// A `getMore` goes on with a command that was counted already.
pub fn command_of(entry: &Document) -> Option<(&Document, bool)> {
    let command = entry.get_document("command").ok()?;
    match command.keys().next().map(String::as_str) {
        Some("getMore") => Some((entry.get_document("originatingCommand").ok()?, true)),
        _ => Some((command, false)),
    }
}

/// Reads one entry of the profiler or the log; nothing when it is no operation on documents.
pub fn read_entry(entry: &Document, time: &str) -> Option<(Operation, Cost)> {
    let namespace = entry.get_str("ns").ok()?;
    let (command, goes_on) = command_of(entry)?;
    let operation = Operation::read(namespace, &first_is_verb(command, entry))?;
    let mut cost = Cost::of_entry(entry, time);
    if goes_on {
        (cost.count, cost.unmeasured, cost.scans, cost.sorts) = (0, 0, 0, 0);
    }
    Some((operation, cost))
}

/// Some entries name the verb apart from the statement (`op: "update"`, `command: {q, u}`); the rest is as it is.
fn first_is_verb(command: &Document, entry: &Document) -> Document {
    let is_statement = command.contains_key("q") && command.keys().next().is_some_and(|first| first != "q");
    let kind = entry.get("op").or(entry.get("type")).and_then(Bson::as_str).unwrap_or_default();
    if !is_statement || !["update", "remove", "delete"].contains(&kind) {
        return command.clone();
    }
    let mut statement: Document = command.clone().into_iter().filter(|(name, _)| name == "q").collect();
    statement.extend(command.clone().into_iter().filter(|(name, _)| name != "q"));
    statement
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::{Cost, Workload, read_entry};
    use crate::indexes::advise::report::Source;

    #[test]
    fn the_same_shape_with_other_values_is_one() {
        let mut workload = Workload::default();
        for value in 0..5 {
            let entry = doc! {
                "ns": "shop.orders", "command": { "find": "orders", "filter": { "a": value } },
                "planSummary": "COLLSCAN", "docsExamined": 100, "keysExamined": 0, "nreturned": 1, "millis": 2,
            };
            let (operation, cost) = read_entry(&entry, "millis").unwrap();
            workload.add(Source::Profiler, &operation, None, cost);
        }
        let (_, seen) = workload.shapes.first_key_value().unwrap();
        let expected = Cost { count: 5, docs: 500, returned: 5, scans: 5, millis: 10.0, ..Cost::default() };
        assert_eq!((workload.shapes.len(), seen.cost()), (1, expected));
    }

    #[test]
    fn a_get_more_adds_to_the_command_that_it_goes_on_with() {
        let entry = doc! {
            "ns": "shop.orders", "command": { "getMore": 1_i64, "collection": "orders" },
            "originatingCommand": { "find": "orders", "filter": { "a": 1 } },
            "planSummary": "COLLSCAN", "docsExamined": 100, "nreturned": 1,
        };
        let (_, cost) = read_entry(&entry, "millis").unwrap();
        assert_eq!((cost.count, cost.docs, cost.scans), (0, 100, 0));
    }

    #[test]
    fn what_was_not_measured_is_filled_in() {
        let mut cost = Cost { count: 10, unmeasured: 10, ..Cost::default() };
        cost.fill(&Cost { count: 2, docs: 200, returned: 2, scans: 2, ..Cost::default() });
        assert_eq!((cost.docs, cost.returned, cost.scans, cost.unmeasured), (1_000, 10, 10, 0));
    }
}
