//! What the profiler of each member recorded. It is never switched on from here.

use bson::{Document, doc};
use futures_util::TryStreamExt;

use super::unreadable;
use crate::indexes::advise::catalog::Catalog;
use crate::indexes::advise::operation::whole;
use crate::indexes::advise::report::{Source, SourceReport, SourceState};
use crate::indexes::advise::workload::{Workload, read_entry};
use crate::indexes::live::{Deployment, Member};

/// Entries that are read of each member, the newest first.
const MAX_ENTRIES: i64 = 20_000;

/// Reads the entries of one database on one member.
pub async fn read(
    deployment: &Deployment,
    member: &Member,
    name: &str,
    catalog: &Catalog,
    workload: &mut Workload,
) -> SourceReport {
    let database = member.database(name);
    let level = database.run_command(doc! { "profile": -1 }).await;
    let level = level.ok().and_then(|answer| answer.get("was").and_then(whole));
    let find = doc! {
        "find": "system.profile", "filter": { "op": { "$in": OPERATIONS.to_vec() } },
        "sort": { "$natural": -1 }, "limit": MAX_ENTRIES,
    };
    let doing = format!("read {name}.system.profile");
    let entries: Vec<Document> = match database.run_cursor_command(find).await {
        Ok(cursor) => match cursor.try_collect().await {
            Ok(entries) => entries,
            Err(error) => return unreadable(Source::Profiler, deployment, member, &doing, &error),
        },
        Err(error) => return unreadable(Source::Profiler, deployment, member, &doing, &error),
    };
    let mut report = SourceReport {
        source: Source::Profiler,
        place: format!("{name} on {}", member.address),
        state: SourceState::Read,
        entries: 0,
        detail: String::new(),
    };
    if entries.is_empty() && level.unwrap_or_default() == 0 {
        report.state = SourceState::Off;
        report.detail = format!(
            "profiling is off; db.setProfilingLevel(1, {{slowms: 100}}) in {name} records what takes longer"
        );
        return report;
    }
    let mut truncated = 0;
    for entry in &entries {
        if entry.get_document("command").is_ok_and(|command| command.contains_key("$truncated")) {
            truncated += 1;
        } else if let Some((operation, cost)) = read_entry(entry, "millis") {
            let Some(collection) = catalog.get(name, &operation.collection) else { continue };
            workload.add(Source::Profiler, &operation, collection.collation.as_ref(), cost);
            report.entries += 1;
        }
    }
    report.detail = detail(level, truncated, entries.len());
    report
}

/// The profiler's words for what looks for documents.
const OPERATIONS: [&str; 5] = ["query", "command", "update", "remove", "getmore"];

fn detail(level: Option<i64>, truncated: usize, entries: usize) -> String {
    let mut parts = Vec::new();
    parts.extend(level.map(|level| match level {
        0 => "off by now".to_owned(),
        level => format!("level {level}"),
    }));
    if truncated > 0 {
        parts.push(format!("{truncated} too long to be recorded whole"));
    }
    if i64::try_from(entries).is_ok_and(|entries| entries >= MAX_ENTRIES) {
        parts.push(format!("the newest {MAX_ENTRIES} entries"));
    }
    parts.join(", ")
}
