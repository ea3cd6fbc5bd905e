//! What the profiler of each member recorded. It is never switched on from here.

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;

use super::unreadable;
use crate::indexes::advise::catalog::Catalog;
use crate::indexes::advise::report::{Source, SourceReport, SourceState};
use crate::indexes::advise::workload::{Workload, read_entry};
use crate::indexes::live::{Deployment, Member};
use crate::indexes::number::truncated;

/// Entries that are read of each member, the newest first.
const MAX_ENTRIES: i64 = 20_000;

/// The profiler's words for what looks for documents.
const OPERATIONS: [&str; 5] = ["query", "command", "update", "remove", "getmore"];
/// What is read of an entry.
const FIELDS: [&str; 12] = [
    "op",
    "ns",
    "command",
    "originatingCommand",
    "planSummary",
    "keysExamined",
    "docsExamined",
    "hasSortStage",
    "nreturned",
    "nMatched",
    "ndeleted",
    "millis",
];

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
    let level = level.ok().and_then(|answer| answer.get("was").and_then(truncated));
    let find = doc! {
        "find": "system.profile", "filter": { "op": { "$in": OPERATIONS.to_vec() } },
        "sort": { "$natural": -1 }, "limit": MAX_ENTRIES, "projection": fields(),
    };
    let doing = format!("read {name}.system.profile");
    let failed = |error| unreadable(Source::Profiler, deployment, member, &doing, &error);
    let mut cursor = match database.run_cursor_command(find).await {
        Ok(cursor) => cursor,
        Err(error) => return failed(error),
    };
    let mut found = Found::default();
    loop {
        match cursor.try_next().await {
            Ok(Some(entry)) => found.take(&entry, name, catalog, workload),
            Ok(None) => break,
            Err(error) => return failed(error),
        }
    }
    let is_off = found.used == 0 && level.unwrap_or_default() == 0;
    SourceReport {
        source: Source::Profiler,
        place: format!("{name} on {}", member.address),
        state: if is_off { SourceState::Off } else { SourceState::Read },
        entries: found.used,
        detail: if is_off { how_to_switch_on(name) } else { found.detail(level) },
    }
}

#[derive(Debug, Default)]
struct Found {
    entries: i64,
    used: u64,
    truncated: u64,
}

impl Found {
    fn take(&mut self, entry: &Document, name: &str, catalog: &Catalog, workload: &mut Workload) {
        self.entries += 1;
        if entry.get_document("command").is_ok_and(|command| command.contains_key("$truncated")) {
            self.truncated += 1;
        } else if let Some((operation, cost)) = read_entry(entry, "millis")
            && let Some(collection) = catalog.get(name, &operation.collection)
        {
            workload.add(Source::Profiler, &operation, collection.collation.as_ref(), cost);
            self.used += 1;
        }
    }

    fn detail(&self, level: Option<i64>) -> String {
        let mut parts = Vec::new();
        parts.extend(level.map(|level| match level {
            0 => "off by now; this is what it recorded".to_owned(),
            level => format!("level {level}"),
        }));
        if self.truncated > 0 {
            parts.push(format!("{} too long to be recorded whole", self.truncated));
        }
        if self.entries >= MAX_ENTRIES {
            parts.push(format!("the newest {MAX_ENTRIES} entries"));
        }
        parts.join(", ")
    }
}

fn how_to_switch_on(name: &str) -> String {
    format!("profiling is off; db.setProfilingLevel(1, {{slowms: 100}}) in {name} records what takes longer")
}

fn fields() -> Document {
    FIELDS.iter().map(|field| ((*field).to_owned(), Bson::Int32(1))).collect()
}
