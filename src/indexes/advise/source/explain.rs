//! Asks the server how it would answer what was seen, where no source told the cost.
//!
//! Writes are asked about as the `find` that looks for the same documents: nothing is ever changed.

use bson::{Bson, Document, doc};

use crate::indexes::advise::operation::Operation;
use crate::indexes::advise::report::{Source, SourceReport, SourceState};
use crate::indexes::advise::workload::{Cost, Seen, Workload};
use crate::indexes::live::Deployment;
use crate::indexes::number::truncated;

/// Shapes that are asked about, those seen most often first.
const MAX_SHAPES: usize = 200;
/// How long one answer may take.
const MAX_MILLIS: i32 = 10_000;

/// Fills in what is not known; nothing to report when all is.
pub async fn fill(deployment: &Deployment, workload: &mut Workload) -> Option<SourceReport> {
    let mut unknown: Vec<_> = workload.shapes.iter_mut().filter(|(_, seen)| is_unknown(seen)).collect();
    unknown.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.cost().count));
    if unknown.is_empty() {
        return None;
    }
    let (all, mut asked, mut reason) = (unknown.len(), 0, String::new());
    for (_, seen) in unknown.into_iter().take(MAX_SHAPES) {
        match measure(deployment, &seen.examples).await {
            Ok(measured) => {
                seen.by_source
                    .values_mut()
                    .filter(|cost| cost.unmeasured > 0)
                    .for_each(|cost| cost.fill(&measured));
                asked += 1;
            }
            Err(error) => reason = error,
        }
    }
    let state = if asked > 0 { SourceState::Read } else { SourceState::Failed };
    let detail = match (all - asked, reason.as_str()) {
        (0, _) => "shapes, whose cost no other source tells".to_owned(),
        (left, "") => format!("{left} shapes more were not asked about"),
        (left, reason) => format!("{left} shapes could not be measured: {reason}"),
    };
    let entries = u64::try_from(asked).unwrap_or(u64::MAX);
    Some(SourceReport { source: Source::Explain, place: deployment.name(), state, entries, detail })
}

fn is_unknown(seen: &Seen) -> bool {
    !seen.examples.is_empty() && seen.by_source.values().any(|cost| cost.unmeasured > 0)
}

async fn measure(deployment: &Deployment, examples: &[Operation]) -> Result<Cost, String> {
    let mut measured = Cost::default();
    for example in examples {
        let command = doc! {
            "explain": example.as_find(), "verbosity": "executionStats", "maxTimeMS": MAX_MILLIS,
        };
        let doing = format!("explain a query on {}.{}", example.database, example.collection);
        let answer = deployment.database(&example.database).run_command(command).await;
        // The server's words may quote the values of the query.
        let answer = answer.map_err(|error| match crate::indexes::error::code(&error) {
            Some(code) => format!("the server would not {doing} (code {code})"),
            None => deployment.fault(&doing, &error).to_string(),
        })?;
        measured.add(&read_answer(&answer).ok_or("the server explains in a form that is not understood")?);
    }
    Ok(measured)
}

fn read_answer(answer: &Document) -> Option<Cost> {
    let stats = answer.get_document("executionStats").ok()?;
    let number =
        |name: &str| stats.get(name).and_then(truncated).and_then(|number| u64::try_from(number).ok());
    let plan = answer.get_document("queryPlanner").ok()?.get("winningPlan")?;
    Some(Cost {
        count: 1,
        keys: number("totalKeysExamined")?,
        docs: number("totalDocsExamined")?,
        returned: number("nReturned")?,
        scans: u64::from(has_stage(plan, "COLLSCAN")),
        sorts: u64::from(has_stage(plan, "SORT")),
        ..Cost::default()
    })
}

/// Whether a plan has a stage, at any depth and on any shard.
fn has_stage(plan: &Bson, wanted: &str) -> bool {
    match plan {
        Bson::Document(plan) => {
            let is_here = plan.get_str("stage").is_ok_and(|stage| stage == wanted);
            is_here || plan.values().any(|below| has_stage(below, wanted))
        }
        Bson::Array(plans) => plans.iter().any(|below| has_stage(below, wanted)),
        _ => false,
    }
}
