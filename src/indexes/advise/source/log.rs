//! A log file of a server: structured lines (MongoDB 4.4 and later), of which the slow queries count.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use bson::Bson;
use serde_json::Value;

use crate::indexes::IndexError;
use crate::indexes::advise::catalog::Catalog;
use crate::indexes::advise::report::{Source, SourceReport, SourceState};
use crate::indexes::advise::workload::{Workload, read_entry};

/// Longer lines are passed over; the server cuts its own at a tenth of this.
const MAX_LINE: u64 = 1 << 20;

/// The attributes of a slow query that count.
const RELEVANT: [&str; 12] = [
    "type",
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
    "durationMillis",
];

/// What the lines came to.
#[derive(Debug, Default)]
struct Lines {
    all: u64,
    structured: u64,
    slow: u64,
    used: u64,
    truncated: u64,
    too_long: u64,
    odd: u64,
}

/// Reads a file line by line.
pub fn read(path: &Path, catalog: &Catalog, workload: &mut Workload) -> Result<SourceReport, IndexError> {
    let name = path.display().to_string();
    let failed = |source| IndexError::File { what: format!("{name} could not be read"), source };
    let mut reader = BufReader::new(File::open(path).map_err(failed)?);
    let mut lines = Lines::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).map_err(failed)? == 0 {
            break;
        }
        lines.all += 1;
        if line.len() as u64 == MAX_LINE && !line.ends_with(b"\n") {
            lines.too_long += 1;
            reader.skip_until(b'\n').map_err(failed)?;
            continue;
        }
        take_line(&line, catalog, workload, &mut lines);
    }
    let state = if lines.structured > 0 { SourceState::Read } else { SourceState::Failed };
    let detail = lines.detail();
    Ok(SourceReport { source: Source::Log, place: name, state, entries: lines.used, detail })
}

fn take_line(line: &[u8], catalog: &Catalog, workload: &mut Workload, lines: &mut Lines) {
    let Ok(Value::Object(mut line)) = serde_json::from_slice::<Value>(line) else { return };
    let Some(message) = line.get("msg").and_then(Value::as_str) else { return };
    lines.structured += 1;
    if message != "Slow query" {
        return;
    }
    lines.slow += 1;
    let is_truncated = line.get("truncated").is_some();
    let entry = line.remove("attr").and_then(|attributes| Bson::try_from(relevant(attributes)).ok());
    let Some(Bson::Document(entry)) = entry else {
        lines.odd += 1;
        return;
    };
    let namespace = entry.get_str("ns").unwrap_or_default();
    let (database, collection) = namespace.split_once('.').unwrap_or_default();
    let Some(known) = catalog.get(database, collection) else { return };
    // What is left of a long command would be taken for a shape that was never asked.
    if is_truncated {
        lines.truncated += 1;
    } else if let Some((operation, cost)) = read_entry(&entry, "durationMillis") {
        workload.add(Source::Log, &operation, known.collation.as_ref(), cost);
        lines.used += 1;
    }
}

/// The attributes that count: in the others there may be numbers that BSON does not have.
fn relevant(mut attributes: Value) -> Value {
    if let Value::Object(attributes) = &mut attributes {
        attributes.retain(|name, _| RELEVANT.contains(&name.as_str()));
        for command in ["command", "originatingCommand"] {
            if let Some(Value::Object(command)) = attributes.get_mut(command) {
                command
                    .retain(|name, _| !["lsid", "$clusterTime", "$readPreference"].contains(&name.as_str()));
            }
        }
    }
    attributes
}

impl Lines {
    fn detail(&self) -> String {
        let Self { all, structured, slow, used: _, truncated, too_long, odd } = self;
        if *structured == 0 {
            return format!("none of {all} lines is a structured log line (MongoDB 4.4 and later)");
        }
        let mut parts = vec![format!("{slow} slow queries in {all} lines")];
        for (count, what) in [
            (truncated, "cut off by the server, not used (raise maxLogSizeKB)"),
            (too_long, "longer than 1 MiB, passed over"),
            (odd, "not understood"),
        ] {
            if *count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        parts.join(", ")
    }
}
