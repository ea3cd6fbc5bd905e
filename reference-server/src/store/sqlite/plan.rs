//! How SQLite would run a query, for tests that lists stay cheap.

use rusqlite::Connection;

use super::{index, schema};

/// The steps of a query's plan, with or without the declared indexes.
pub fn plan(sql: &str, indexes: bool) -> Vec<String> {
    let mut db = Connection::open_in_memory().unwrap();
    schema::migrate(&mut db).unwrap();
    index::declare(&db, indexes).unwrap();
    let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    explain.raw_query().mapped(|row| row.get(3)).map(Result::unwrap).collect()
}

/// Fails unless one step of the plan reads this way, and no step reads or sorts a whole table.
pub fn assert_reads_by(sql: &str, way: &str) {
    let steps = plan(sql, true);
    assert!(steps.iter().any(|step| step.contains(way)), "no '{way}' in\n{}", steps.join("\n"));
    let costly = |step: &&String| step.starts_with("SCAN ") || step.starts_with("USE TEMP B-TREE");
    assert_eq!(steps.iter().find(costly), None, "{}", steps.join("\n"));
}

/// Fails unless the plan sorts or walks through a whole table when the declared indexes are off. A search by a
/// place in the order of the identifiers alone is such a walk.
pub fn assert_costly_without_indexes(sql: &str) {
    let steps = plan(sql, false).join("\n");
    let costly = ["SCAN ", "USE TEMP B-TREE", "USING PRIMARY KEY (id<?)", "USING PRIMARY KEY (user<?)"];
    assert!(costly.iter().any(|way| steps.contains(way)), "{steps}");
}
