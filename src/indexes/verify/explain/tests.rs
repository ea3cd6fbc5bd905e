//! `recorded.json` holds answers of a real server (secantusd-rs 0.5.3, which answers as MongoDB 8.2), shortened by
//! fields that nobody reads. Shapes that it does not have are written by hand.

use std::collections::BTreeMap;

use bson::{Bson, Document, doc};

use super::{Explained, Unreadable, read};

fn recorded(name: &str) -> Explained {
    let file: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(include_str!("recorded.json")).unwrap();
    match Bson::try_from(file[name].clone()).unwrap() {
        Bson::Document(answer) => read(&answer).unwrap(),
        other => panic!("{other}"),
    }
}

/// Returned, keys examined, documents examined.
fn figures(explained: &Explained) -> (u64, u64, u64) {
    let figures = explained.figures.unwrap();
    (figures.returned, figures.keys_examined, figures.docs_examined)
}

fn stats(returned: i32, keys: i32, docs: i32, stages: Document) -> Document {
    doc! {
        "executionSuccess": true, "nReturned": returned, "totalKeysExamined": keys, "totalDocsExamined": docs,
        "executionStages": stages,
    }
}

fn index_scan(index: &str) -> Document {
    doc! { "stage": "FETCH", "inputStage": { "stage": "IXSCAN", "indexName": index } }
}

#[test]
fn finds() {
    let found = recorded("find");
    assert_eq!((&found.indexes[..], figures(&found)), (&["a_1_b_-1".to_owned()][..], (5, 5, 5)));
    assert_eq!(found.stages, ["LIMIT", "FETCH", "IXSCAN"]);
    assert!(!found.sorts && !found.scans_collection);
    let by_id = recorded("find by _id");
    assert_eq!((&by_id.indexes[..], figures(&by_id)), (&["_id_".to_owned()][..], (1, 1, 1)));
    assert_eq!(figures(&recorded("find covered")), (100, 100, 0));
    assert_eq!(recorded("find with $or").indexes, ["a_1_b_-1", "c_1"]);
}

#[test]
fn a_scan_is_seen_under_every_operation() {
    for name in ["find without an index", "update without an index"] {
        let found = recorded(name);
        assert!(found.scans_collection && found.indexes.is_empty(), "{name}: {found:?}");
        assert_eq!(figures(&found).2, 1000, "{name}");
    }
}

#[test]
fn sorting_blocks_merging_sorted_branches_does_not() {
    let sorted = recorded("find sorted in memory");
    assert!(sorted.sorts && !sorted.sorts_groups);
    assert_eq!(figures(&sorted), (5, 143, 143));
    let merged = recorded("find with $in");
    assert!(!merged.sorts, "{merged:?}");
    assert_eq!(figures(&merged), (5, 6, 5));
}

#[test]
fn counts_and_writes_return_what_they_count_and_would_write() {
    assert_eq!(figures(&recorded("count")), (100, 101, 0));
    assert_eq!(figures(&recorded("count of all")), (1000, 0, 0));
    assert_eq!(figures(&recorded("distinct")), (7, 7, 0));
    assert_eq!(figures(&recorded("update")), (100, 100, 100));
    assert_eq!(figures(&recorded("delete")), (100, 100, 100));
}

#[test]
fn aggregations_are_judged_by_what_reaches_their_other_stages() {
    let whole = recorded("aggregate");
    assert!(!whole.sorts);
    assert_eq!(figures(&whole), (3, 3, 3));
    let grouped = recorded("aggregate with $group and $sort");
    assert!(grouped.sorts && grouped.sorts_groups);
    assert_eq!(figures(&grouped), (100, 100, 100));
    assert_eq!(recorded("aggregate with $lookup").indexes, ["a_1_b_-1"]);
}

#[test]
fn a_collection_that_is_not_there_has_no_plan() {
    assert!(recorded("find in no collection").is_void);
}

/// `winningPlan.queryPlan` beside `slotBasedPlan`, execution stages in small letters, `$group` pushed down:
/// <https://www.mongodb.com/docs/v7.0/reference/explain-results/>, "Explain Output for MongoDB 5.1 and Later".
#[test]
fn the_slot_based_engine() {
    let group = doc! { "stage": "GROUP", "planNodeId": 3, "inputStage": index_scan("item_1_price_1") };
    let scan =
        doc! { "stage": "nlj", "nReturned": 200, "outerStage": { "stage": "ixseek" }, "innerStage": {} };
    let answer = doc! {
        "explainVersion": "2",
        "queryPlanner": { "winningPlan": { "queryPlan": group, "slotBasedPlan": { "stages": "[3] project" } } },
        "executionStats": stats(7, 200, 200, doc! {
            "stage": "mkobj", "nReturned": 7, "inputStage": { "stage": "group", "nReturned": 7, "inputStage": scan },
        }),
    };
    let explained = read(&answer).unwrap();
    assert_eq!(
        (&explained.indexes[..], figures(&explained)),
        (&["item_1_price_1".to_owned()][..], (200, 200, 200))
    );
    assert!(!explained.sorts);
}

/// `EQ_LOOKUP` says how it joins, and its index is not one of the collection's own:
/// <https://www.mongodb.com/docs/v7.0/reference/explain-results/>.
#[test]
fn joins() {
    let join = |strategy: &str| {
        let join = doc! {
            "stage": "EQ_LOOKUP", "foreignCollection": "d.users", "strategy": strategy, "indexName": "email_1",
            "inputStage": index_scan("a_1"),
        };
        read(&doc! { "queryPlanner": { "winningPlan": { "queryPlan": join, "slotBasedPlan": {} } } }).unwrap()
    };
    let indexed = join("IndexedLoopJoin");
    assert!(!indexed.scans_joined && indexed.indexes == ["a_1"] && indexed.figures.is_none());
    assert!(join("NestedLoopJoin").scans_joined);
    // The classic engine counts the scans of a `$lookup` that stands outside the query planner.
    let cursor = doc! { "queryPlanner": { "winningPlan": index_scan("a_1") } };
    let lookup = doc! { "$lookup": { "from": "users" }, "collectionScans": 3_i64, "indexesUsed": [] };
    assert!(read(&doc! { "stages": [{ "$cursor": cursor }, lookup] }).unwrap().scans_joined);
}

/// `EXPRESS_*` stages have no input: <https://www.mongodb.com/docs/manual/reference/explain-results/>.
#[test]
fn the_express_path() {
    for (stage, index) in
        [("EXPRESS_IXSCAN", "email_1"), ("EXPRESS_IDHACK", "_id_"), ("EXPRESS_CLUSTERED_IXSCAN", "_id_")]
    {
        let mut plan = doc! { "stage": stage };
        if index != "_id_" {
            plan.insert("indexName", index);
        }
        let counted = doc! { "stage": stage, "keysExamined": 1, "docsExamined": 1, "nReturned": 1 };
        let answer =
            doc! { "queryPlanner": { "winningPlan": plan }, "executionStats": stats(1, 1, 1, counted) };
        let explained = read(&answer).unwrap();
        assert_eq!((&explained.indexes[..], figures(&explained)), (&[index.to_owned()][..], (1, 1, 1)));
    }
}

/// A router shows the shards' plans in arrays for finds and writes, in a document for aggregations:
/// <https://www.mongodb.com/docs/manual/reference/explain-results/>, "Sharded Collections".
#[test]
fn shards() {
    let plan = |index: &str| doc! { "shardName": index, "winningPlan": index_scan(index) };
    let ran = |returned: i32, keys: i32, stage: Document| {
        let mut ran = stats(returned, keys, keys, stage);
        ran.insert("shardName", "s");
        ran
    };
    let find = doc! {
        "queryPlanner": { "winningPlan": { "stage": "SHARD_MERGE_SORT", "shards": [plan("a_1"), plan("b_1")] } },
        "executionStats": stats(8, 12, 12, doc! { "stage": "SHARD_MERGE_SORT", "nReturned": 8, "shards": [
            ran(5, 7, doc! { "stage": "FETCH", "nReturned": 5 }), ran(3, 5, doc! { "stage": "FETCH", "nReturned": 3 }),
        ] }),
    };
    let explained = read(&find).unwrap();
    assert_eq!(
        (&explained.indexes[..], figures(&explained)),
        (&["a_1".to_owned(), "b_1".to_owned()][..], (8, 12, 12))
    );
    assert!(!explained.sorts, "the router merges what the shards have sorted");
    let write = doc! {
        "queryPlanner": { "winningPlan": { "stage": "SHARD_WRITE", "shards": [plan("a_1")] } },
        "executionStats": stats(0, 9, 9, doc! { "stage": "SHARD_WRITE", "shards": [
            ran(0, 9, doc! { "stage": "UPDATE", "nMatched": 9, "nWouldModify": 9 }),
        ] }),
    };
    assert_eq!(figures(&read(&write).unwrap()), (9, 9, 9));
    let part = |scan: Document| {
        doc! {
            "stages": [
                { "$cursor": { "queryPlanner": { "winningPlan": scan }, "executionStats": stats(2, 2, 2, doc! {}) } },
                { "$group": { "_id": "$a" } },
            ],
        }
    };
    let aggregate = doc! {
        "splitPipeline": { "shardsPart": [], "mergerPart": [{ "$group": {} }, { "$sort": { "n": -1 } }] },
        "shards": { "one": part(index_scan("a_1")), "two": part(doc! { "stage": "COLLSCAN" }) },
    };
    let explained = read(&aggregate).unwrap();
    assert!(explained.scans_collection && explained.sorts && explained.sorts_groups);
    assert_eq!(figures(&explained), (4, 4, 4));
}

/// Text and places: <https://www.mongodb.com/docs/manual/reference/explain-results/>.
#[test]
fn text_and_places() {
    let text = doc! {
        "stage": "TEXT_MATCH", "indexName": "body_text",
        "inputStage": { "stage": "FETCH", "inputStage": { "stage": "IXSCAN", "indexName": "body_text" } },
    };
    let near = doc! { "stage": "GEO_NEAR_2DSPHERE", "indexName": "at_2dsphere", "inputStages": [] };
    for (plan, index) in [(text, "body_text"), (near, "at_2dsphere")] {
        assert_eq!(read(&doc! { "queryPlanner": { "winningPlan": plan } }).unwrap().indexes, [index]);
    }
}

#[test]
fn what_is_not_built_as_mongodbs_is_refused() {
    let list = doc! { "queryPlanner": { "winningPlan": [{ "detail": "SEARCH t USING INDEX idx_t_a" }] } };
    assert_eq!(read(&list), Err(Unreadable::Shape("winning plan")));
    let nodes = doc! { "queryPlanner": { "winningPlan": { "Node Type": "Index Scan" } } };
    assert_eq!(read(&nodes), Err(Unreadable::Shape("stage in its plan")));
    let odd =
        doc! { "queryPlanner": { "winningPlan": { "stage": "LIMIT", "inputStage": { "stage": "ORACLE" } } } };
    assert_eq!(read(&odd), Err(Unreadable::Stage("ORACLE".to_owned())));
    for empty in [doc! { "ok": 1 }, doc! { "shards": {} }] {
        assert_eq!(read(&empty), Err(Unreadable::Shape("queryPlanner")));
    }
}

#[test]
fn a_run_that_failed_counted_nothing() {
    let mut ran = stats(1, 1, 1, doc! { "stage": "FETCH" });
    ran.insert("executionSuccess", false);
    let answer = doc! { "queryPlanner": { "winningPlan": index_scan("a_1") }, "executionStats": ran };
    assert_eq!(read(&answer).unwrap().figures, None);
}
