//! What `explain` says of a query: the winning plan and what was counted while it ran.
//!
//! Read as <https://www.mongodb.com/docs/manual/reference/explain-results/> describes it, for the classic engine
//! and the slot-based one, for routers, and for aggregations with stages outside the query planner. What has
//! another shape is refused, never guessed.

use bson::{Bson, Document};

use super::report::Figures;
use crate::indexes::index::ID_INDEX;

/// Stages that read a collection or an index by themselves.
const ACCESS: [&str; 16] = [
    "COLLSCAN",
    "IXSCAN",
    "EXPRESS_IXSCAN",
    "EXPRESS_CLUSTERED_IXSCAN",
    "EXPRESS_IDHACK",
    "IDHACK",
    "CLUSTERED_IXSCAN",
    "COUNT_SCAN",
    "DISTINCT_SCAN",
    "TEXT",
    "TEXT_MATCH",
    "GEO_NEAR_2D",
    "GEO_NEAR_2DSPHERE",
    "COLUMN_SCAN",
    "RECORD_STORE_FAST_COUNT",
    "EOF",
];
/// Those of them that go by `_id` without naming an index.
const BY_ID: [&str; 4] = ["EXPRESS_CLUSTERED_IXSCAN", "EXPRESS_IDHACK", "IDHACK", "CLUSTERED_IXSCAN"];

/// A winning plan, and what was counted.
#[derive(Debug, Default, PartialEq)]
pub struct Explained {
    /// Its stages, from the result down to the scans.
    pub stages: Vec<String>,
    /// The indexes that it uses, each once.
    pub indexes: Vec<String>,
    /// Whether the collection is read from end to end.
    pub scans_collection: bool,
    /// Whether a joined collection is read from end to end.
    pub scans_joined: bool,
    /// Whether the result is sorted in memory.
    pub sorts: bool,
    /// Whether it is sorted after it was grouped, where no index can give an order.
    pub sorts_groups: bool,
    /// Whether the server sees without looking that nothing can match.
    pub is_void: bool,
    /// What was counted; none when it was not run, or did not run to its end.
    pub figures: Option<Figures>,
}

/// Why an answer cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not built as MongoDB's.
    #[error("the answer of `explain` has no {0} as MongoDB's has")]
    Shape(&'static str),
    /// The plan reads in a way that is not known.
    #[error("the plan reads by the stage {0}, which is not known")]
    Stage(String),
}

/// Reads the answer to `explain`.
pub fn read(answer: &Document) -> Result<Explained, Unreadable> {
    let mut parts = Parts::default();
    parts.gather(answer)?;
    if parts.planners.is_empty() {
        return Err(Unreadable::Shape("queryPlanner"));
    }
    let mut explained = Explained::default();
    for planner in &parts.planners {
        let plan = planner.get_document("winningPlan").map_err(|_| Unreadable::Shape("winning plan"))?;
        explained.walk(plan)?;
    }
    explained.is_void = explained.stages.iter().all(|stage| !is_access(stage) || stage == "EOF");
    for stage in &parts.leftovers {
        explained.pass(stage);
    }
    if parts.counted.len() == parts.planners.len() {
        explained.figures = add_up(&parts.counted);
    }
    Ok(explained)
}

/// The parts of an answer: one of each for a single server, one per shard behind a router.
#[derive(Default)]
struct Parts<'e> {
    planners: Vec<&'e Document>,
    counted: Vec<&'e Document>,
    /// Stages of an aggregation outside the query planner.
    leftovers: Vec<&'e Document>,
}

impl<'e> Parts<'e> {
    fn gather(&mut self, answer: &'e Document) -> Result<(), Unreadable> {
        if let Ok(shards) = answer.get_document("shards") {
            if let Ok(split) = answer.get_document("splitPipeline") {
                self.leftovers.extend(documents(split, "mergerPart"));
            }
            return shards.values().filter_map(Bson::as_document).try_for_each(|shard| self.gather(shard));
        }
        let mut stages = documents(answer, "stages");
        if let Some(first) = stages.next() {
            let cursor = first.get_document("$cursor").or_else(|_| first.get_document("$geoNearCursor"));
            self.add(cursor.map_err(|_| Unreadable::Shape("$cursor"))?)?;
            self.leftovers.extend(stages);
            return Ok(());
        }
        self.add(answer)
    }

    fn add(&mut self, answer: &'e Document) -> Result<(), Unreadable> {
        self.planners
            .push(answer.get_document("queryPlanner").map_err(|_| Unreadable::Shape("queryPlanner"))?);
        self.counted.extend(answer.get_document("executionStats").ok());
        Ok(())
    }
}

impl Explained {
    fn walk(&mut self, plan: &Document) -> Result<(), Unreadable> {
        // The slot-based engine shows the plan one level deeper.
        if let Ok(inner) = plan.get_document("queryPlan") {
            return self.walk(inner);
        }
        let stage = plan.get_str("stage").map_err(|_| Unreadable::Shape("stage in its plan"))?;
        self.see(stage, plan);
        let below = inputs(plan);
        if below.is_empty() && !is_access(stage) {
            return Err(Unreadable::Stage(stage.to_owned()));
        }
        below.into_iter().try_for_each(|input| self.walk(input))
    }

    fn see(&mut self, stage: &str, plan: &Document) {
        self.stages.push(stage.to_owned());
        let joins = stage == "EQ_LOOKUP" || stage == "EQ_LOOKUP_UNWIND";
        match stage {
            "COLLSCAN" => self.scans_collection = true,
            "SORT_MERGE" => {}
            _ if stage.starts_with("SORT") => {
                self.sorts = true;
                self.sorts_groups |= has_group_below(plan);
            }
            _ => {}
        }
        if joins {
            let strategy = plan.get_str("strategy").unwrap_or_default();
            self.scans_joined |= ["HashJoin", "NestedLoopJoin"].contains(&strategy);
        } else if let Ok(index) = plan.get_str("indexName") {
            self.use_index(index);
        } else if BY_ID.contains(&stage) {
            self.use_index(ID_INDEX);
        }
    }

    fn use_index(&mut self, name: &str) {
        if !self.indexes.iter().any(|known| known == name) {
            self.indexes.push(name.to_owned());
        }
    }

    /// A stage of an aggregation outside the query planner.
    fn pass(&mut self, stage: &Document) {
        let Some(name) = stage.keys().find(|key| key.starts_with('$')) else { return };
        if name == "$sort" {
            self.sorts = true;
            self.sorts_groups |= self.stages.iter().any(|before| before == "$group" || before == "GROUP");
        }
        self.scans_joined |= stage.get("collectionScans").and_then(count).is_some_and(|scans| scans > 0);
        self.stages.push(name.clone());
    }
}

fn is_access(stage: &str) -> bool {
    ACCESS.contains(&stage)
}

fn has_group_below(plan: &Document) -> bool {
    inputs(plan).iter().any(|input| input.get_str("stage").is_ok_and(is_grouping) || has_group_below(input))
}

/// The slot-based engine writes its own stages in small letters.
fn is_grouping(stage: &str) -> bool {
    ["GROUP", "group", "block_group"].contains(&stage)
}

/// The stages that feed one.
fn inputs(stage: &Document) -> Vec<&Document> {
    let single = ["inputStage", "outerStage", "innerStage", "thenStage", "elseStage"];
    let single = single.into_iter().filter_map(|name| stage.get_document(name).ok());
    let shards = documents(stage, "shards").filter_map(|shard| shard.get_document("winningPlan").ok());
    single.chain(documents(stage, "inputStages")).chain(shards).collect()
}

fn documents<'d>(of: &'d Document, name: &str) -> impl Iterator<Item = &'d Document> + use<'d> {
    of.get_array(name).into_iter().flatten().filter_map(Bson::as_document)
}

/// The sum over the shards; `None` when one did not run to its end, or did not count.
fn add_up(counted: &[&Document]) -> Option<Figures> {
    let (mut returned, mut keys, mut docs) = (0, 0, 0);
    for stats in counted {
        if stats.get_bool("executionSuccess").is_ok_and(|success| !success) {
            return None;
        }
        keys += stats.get("totalKeysExamined").and_then(count)?;
        docs += stats.get("totalDocsExamined").and_then(count)?;
        returned += returned_of(stats)?;
    }
    Some(Figures::new(returned, keys, docs))
}

/// Documents that the scans yielded: what is counted, updated, deleted or grouped from them is not returned.
fn returned_of(stats: &Document) -> Option<u64> {
    let Ok(top) = stats.get_document("executionStages") else {
        return stats.get("nReturned").and_then(count);
    };
    let shards: Vec<&Document> = documents(top, "shards").collect();
    if !shards.is_empty() {
        return shards.into_iter().map(returned_of).sum();
    }
    let mut stage = Some(top);
    while let Some(this) = stage {
        let input = this.get_document("inputStage").ok();
        let told = match this.get_str("stage").unwrap_or_default() {
            "COUNT" | "RECORD_STORE_FAST_COUNT" => this.get("nCounted"),
            "UPDATE" => this.get("nMatched"),
            "DELETE" | "BATCHED_DELETE" => this.get("nWouldDelete"),
            name if is_grouping(name) => input.and_then(|input| input.get("nReturned")),
            _ => None,
        };
        if let Some(told) = told.and_then(count) {
            return Some(told);
        }
        stage = input;
    }
    stats.get("nReturned").and_then(count)
}

fn count(value: &Bson) -> Option<u64> {
    match value {
        Bson::Int32(n) => u64::try_from(*n).ok(),
        Bson::Int64(n) => u64::try_from(*n).ok(),
        Bson::Double(n) if *n >= 0.0 => Some(*n as u64),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
