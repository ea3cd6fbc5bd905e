//! `$queryStats` (MongoDB 7.1 and later): every query shape since the server started, without values.

use bson::{Document, doc};
use futures_util::TryStreamExt;

use super::unreadable;
use crate::indexes::advise::catalog::Catalog;
use crate::indexes::advise::operation::Operation;
use crate::indexes::advise::report::{Source, SourceReport, SourceState};
use crate::indexes::advise::workload::{Cost, Workload};
use crate::indexes::live::{Deployment, Member};
use crate::indexes::number::truncated;

/// Shapes that are read of each member; the server's own store holds fewer.
const MAX_ENTRIES: usize = 100_000;

/// Reads the shapes that one member knows.
pub async fn read(
    deployment: &Deployment,
    member: &Member,
    catalog: &Catalog,
    workload: &mut Workload,
) -> SourceReport {
    let command = doc! { "aggregate": 1, "pipeline": [{ "$queryStats": {} }], "cursor": {} };
    let failed = |error| unreadable(Source::QueryStats, deployment, member, "read $queryStats", &error);
    let mut cursor = match member.database("admin").run_cursor_command(command).await {
        Ok(cursor) => cursor,
        Err(error) => return failed(error),
    };
    let mut report = SourceReport {
        source: Source::QueryStats,
        place: member.address.clone(),
        state: SourceState::Read,
        entries: 0,
        detail: String::new(),
    };
    let mut all = 0;
    for _ in 0..MAX_ENTRIES {
        let entry = match cursor.try_next().await {
            Ok(Some(entry)) => entry,
            Ok(None) => break,
            Err(error) => return failed(error),
        };
        all += 1;
        let Some((operation, cost)) = parse(&entry) else { continue };
        let Some(collection) = catalog.get(&operation.database, &operation.collection) else { continue };
        workload.add(Source::QueryStats, &operation, collection.collation.as_ref(), cost);
        report.entries += 1;
    }
    if all == 0 {
        report.state = SourceState::Off;
        report.detail = "the server collects nothing (its parameter internalQueryStatsRateLimit)".to_owned();
    }
    report
}

/// One shape with its numbers; servers before 8.0 do not say how many documents were examined.
fn parse(entry: &Document) -> Option<(Operation, Cost)> {
    let shape = entry.get_document("key").ok()?.get_document("queryShape").ok()?;
    let namespace = shape.get_document("cmdNs").ok()?;
    let (database, collection) = (namespace.get_str("db").ok()?, namespace.get_str("coll").ok()?);
    let verb = shape.get_str("command").ok()?;
    let mut command = doc! { verb: collection };
    command.extend(shape.clone());
    let operation = Operation::read(&format!("{database}.{collection}"), &command)?;
    let metrics = entry.get_document("metrics").ok()?;
    let sum = |name: &str| {
        let sum = metrics.get_document(name).ok()?.get("sum").and_then(truncated)?;
        u64::try_from(sum).ok()
    };
    let times = |name: &str| {
        let told = metrics.get_document(name).ok()?.get("true").and_then(truncated)?;
        u64::try_from(told).ok()
    };
    let count = metrics.get("execCount").and_then(truncated).and_then(|count| u64::try_from(count).ok())?;
    let is_measured = sum("docsExamined").is_some();
    let cost = Cost {
        count,
        unmeasured: if is_measured { 0 } else { count },
        millis: sum("totalExecMicros").unwrap_or_default() as f64 / 1e3,
        keys: sum("keysExamined").unwrap_or_default(),
        docs: sum("docsExamined").unwrap_or_default(),
        returned: if is_measured { sum("docsReturned").unwrap_or_default() } else { 0 },
        // Neither keys nor few documents: that is how a scan looks from here.
        scans: if is_measured && sum("keysExamined") == Some(0) && sum("docsExamined") > Some(0) {
            count
        } else {
            0
        },
        sorts: times("hasSortStage").unwrap_or_default(),
    };
    Some((operation, cost))
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::parse;

    /// As the page "$queryStats (aggregation)" of MongoDB's manual shows an entry.
    #[test]
    fn an_entry_becomes_a_shape_with_its_cost() {
        let entry = doc! {
            "key": { "queryShape": {
                "cmdNs": { "db": "shop", "coll": "orders" }, "command": "find",
                "filter": { "$and": [{ "a": { "$eq": "?number" } }, { "b": { "$gt": "?date" } }] },
                "sort": { "c": -1 }, "limit": "?number",
            } },
            "metrics": {
                "execCount": 4_i64, "totalExecMicros": { "sum": 8_000_i64 }, "docsReturned": { "sum": 8_i64 },
                "keysExamined": { "sum": 0_i64 }, "docsExamined": { "sum": 4_000_i64 },
                "hasSortStage": { "true": 4_i64, "false": 0_i64 },
            },
        };
        let (operation, cost) = parse(&entry).unwrap();
        let shapes = operation.shapes(None).unwrap();
        assert_eq!(shapes[0].to_string(), "find: a =, sort c -1, range b");
        assert_eq!((cost.count, cost.docs, cost.scans, cost.sorts), (4, 4_000, 4, 4));
        assert!((cost.millis - 8.0).abs() < 1e-9);
    }
}
