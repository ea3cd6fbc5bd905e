//! `migrate indexes advise`: what the servers saw becomes shapes, and shapes become proposals.
//!
//! [`source`] gathers evidence into a [`workload`] of query shapes; [`needs`] finds those that lack an index,
//! [`mod@propose`] makes indexes for them; [`redundant`] and [`unused`] judge what is there. Values of queries stay in
//! memory for `explain`, and are in no report. Nothing here changes a server.

mod branch;
mod catalog;
mod filter;
mod needs;
mod operation;
mod patch;
mod propose;
mod reasons;
mod redundant;
pub mod report;
mod serving;
pub mod shape;
mod source;
mod unused;
mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use bson::DateTime;

use self::catalog::Catalog;
use self::needs::{Need, Needs, without_parallel_arrays};
use self::propose::propose;
pub use self::report::AdviseReport;
use self::report::{MissingIndex, RedundantIndex, Source, SourceReport, SourceState, Verdict};
use self::source::sample::{self, Sample};
use self::source::usage::Usage;
use self::source::{explain, log, profiler, query_stats};
use self::workload::Workload;
use super::IndexError;
use super::live::{Deployment, LiveDatabase, LiveIndex, Topology, read_database};
use super::spec::Spec;

/// What advice is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// For these databases.
    pub databases: &'r [String],
    /// Relative to this specification.
    pub spec: Option<&'r Spec>,
    /// With this log file of a server.
    pub log: Option<&'r Path>,
    /// How long an index must have been counted before it is called unused.
    pub min_age: Duration,
    /// Whether documents may be sampled.
    pub may_sample: bool,
    /// How many missing indexes are named at most.
    pub limit: usize,
}

/// Gathers evidence from every member, and judges it.
pub async fn advise(deployment: &Deployment, request: Request<'_>) -> Result<AdviseReport, IndexError> {
    let mut databases = Vec::new();
    for name in request.databases {
        databases.push(read_database(deployment, name, |_| true).await?);
    }
    let catalog = Catalog::new(&databases, request.spec);
    let (workload, sources) = observe(deployment, request, &catalog).await?;
    let mut report = AdviseReport {
        schema: "scalectl.indexes.advise/1",
        deployment: deployment.name(),
        databases: request.databases.to_vec(),
        verdict: Verdict::Inconclusive,
        sources,
        shapes_seen: workload.shapes.len(),
        missing: Vec::new(),
        redundant: Vec::new(),
        unused: Vec::new(),
        spared: Vec::new(),
        notes: notes_on(&databases, &workload),
        patch: None,
    };
    let is_query_source = |source: &SourceReport| source.source != Source::Explain;
    let is_conclusive =
        report.sources.iter().any(|source| is_query_source(source) && source.state == SourceState::Read);
    find_missing(&mut report, deployment, request, &catalog, &workload).await;
    let (usage, sources) = Usage::read(deployment, &catalog).await;
    report.sources.extend(sources);
    judge_existing(&mut report, deployment, request, &catalog, &usage);
    report.patch = patch::write(&report.missing, &report.redundant, &report.unused, &catalog);
    report.verdict = match (is_conclusive, report.has_advice()) {
        (false, _) => Verdict::Inconclusive,
        (true, true) => Verdict::Advice,
        (true, false) => Verdict::NothingFound,
    };
    Ok(report)
}

async fn find_missing(
    report: &mut AdviseReport,
    deployment: &Deployment,
    request: Request<'_>,
    catalog: &Catalog,
    workload: &Workload,
) {
    let needs = Needs::find(workload, catalog, &sizes(deployment, workload).await);
    for ((database, collection), found) in needs.by_collection {
        let place = (database.as_str(), collection.as_str());
        let sampled = sample_of(deployment, request, place, &found, &mut report.sources).await;
        report.missing.extend(propose_for(catalog, place, found, sampled.as_ref()));
    }
    rank(&mut report.missing, request.limit, &mut report.notes);
    if needs.small > 0 {
        let count = needs.small;
        let note = "without an index examine fewer than 100 documents each time: left alone";
        report.notes.push(format!("{count} query shapes {note}"));
    }
    report.notes.extend(needs.notes);
}

/// What every source tells of queries.
async fn observe(
    deployment: &Deployment,
    request: Request<'_>,
    catalog: &Catalog,
) -> Result<(Workload, Vec<SourceReport>), IndexError> {
    let (mut workload, mut sources) = (Workload::default(), Vec::new());
    if let Some(path) = request.log {
        sources.push(log::read(path, catalog, &mut workload)?);
    }
    for member in deployment.data_members() {
        for database in request.databases {
            sources.push(profiler::read(deployment, member, database, catalog, &mut workload).await);
        }
        sources.push(query_stats::read(deployment, member, catalog, &mut workload).await);
    }
    sources.extend(explain::fill(deployment, &mut workload).await);
    Ok((workload, sources))
}

/// How large the collections are of whose queries nothing is known but their shape.
async fn sizes(deployment: &Deployment, workload: &Workload) -> BTreeMap<(String, String), u64> {
    let unknown = workload.shapes.iter().filter(|(_, seen)| seen.cost().unmeasured > 0);
    let places: BTreeSet<(String, String)> =
        unknown.map(|(asked, _)| (asked.database.clone(), asked.collection.clone())).collect();
    let mut sizes = BTreeMap::new();
    for place in places {
        let size = sample::size(deployment, &place.0, &place.1).await.unwrap_or_default();
        sizes.insert(place, size);
    }
    sizes
}

async fn sample_of(
    deployment: &Deployment,
    request: Request<'_>,
    (database, collection): (&str, &str),
    needs: &[Need],
    sources: &mut Vec<SourceReport>,
) -> Option<Sample> {
    if !request.may_sample {
        return None;
    }
    let fields: BTreeSet<String> =
        needs.iter().flat_map(|need| need.shape.fields()).map(str::to_owned).collect();
    let place = format!("{database}.{collection}");
    match Sample::take(deployment, database, collection, &fields).await {
        Ok(sample) => {
            let entries = u64::try_from(sample.documents).unwrap_or_default();
            let detail = "documents, of which values are counted; --no-sample goes without".to_owned();
            let state = SourceState::Read;
            sources.push(SourceReport { source: Source::Sample, place, state, entries, detail });
            Some(sample)
        }
        Err(error) => {
            let detail = deployment.fault(&format!("sample {place}"), &error).to_string();
            let state = SourceState::Failed;
            sources.push(SourceReport { source: Source::Sample, place, state, entries: 0, detail });
            None
        }
    }
}

fn propose_for(
    catalog: &Catalog,
    (database, name): (&str, &str),
    needs: Vec<Need>,
    sample: Option<&Sample>,
) -> Vec<MissingIndex> {
    let Some(collection) = catalog.get(database, name) else { return Vec::new() };
    let narrowed = needs.into_iter().map(|need| match sample {
        Some(sample) => Need { shape: without_parallel_arrays(need.shape, sample), ..need },
        None => need,
    });
    let unserved = narrowed.filter(|need| collection.server_of(&need.shape).is_none());
    let proposals = propose(unserved.collect(), sample).into_iter();
    proposals.map(|proposal| proposal.report(database, name, collection, sample)).collect()
}

/// The most useful first, and no more than are wanted.
fn rank(missing: &mut Vec<MissingIndex>, limit: usize, notes: &mut Vec<String>) {
    missing.sort_by(|a, b| b.docs_saved.cmp(&a.docs_saved).then(a.name.cmp(&b.name)));
    point_to_better(missing);
    let more = missing.len().saturating_sub(limit);
    missing.truncate(limit);
    if more > 0 {
        notes.push(format!("{more} missing indexes that would save less are not shown; --limit shows more"));
    }
}

/// Of indexes that begin alike, the first may be enough.
fn point_to_better(missing: &mut [MissingIndex]) {
    for number in 1..missing.len() {
        let (before, rest) = missing.split_at_mut(number);
        let Some(index) = rest.first_mut() else { return };
        let begins_alike = |other: &&MissingIndex| {
            (&other.database, &other.collection) == (&index.database, &index.collection)
                && other.collation == index.collation
                && other.keys.first() == index.keys.first()
        };
        if let Some(other) = before.iter().find(begins_alike) {
            let reason =
                format!("`{}` begins alike and saves more: build that first, and ask again", other.name);
            index.reasons.push(reason);
        }
    }
}

fn notes_on(databases: &[LiveDatabase], workload: &Workload) -> Vec<String> {
    let mut notes = Vec::new();
    for (reason, count) in &workload.left_out {
        notes.push(format!("{count} operations left out: {}", reason.words()));
    }
    if workload.overflow > 0 {
        notes.push(format!("{} operations of further shapes were not counted", workload.overflow));
    }
    for database in databases {
        for (collection, live) in &database.collections {
            for index in &live.indexes {
                if let LiveIndex::Unknown { name, .. } = index {
                    let place = format!("{}.{collection}", database.name);
                    notes.push(format!("{place}: `{name}` is of a kind that is not known here: not judged"));
                }
            }
        }
    }
    notes
}

/// Redundant and unused indexes; one that is both is called redundant.
fn judge_existing(
    report: &mut AdviseReport,
    deployment: &Deployment,
    request: Request<'_>,
    catalog: &Catalog,
    usage: &Usage,
) {
    // Ages are told by the servers' clocks; this one may go differently.
    let now = deployment.hello.get_datetime("localTime").copied().unwrap_or_else(|_| DateTime::now());
    let judge = unused::Judge { usage, min_age: request.min_age, now };
    for (database, name, collection) in catalog.iter() {
        let uses = |index: &str| usage.counts(database, name, index).iter().map(|count| count.uses).sum();
        let (redundant, spared) = redundant::find(database, name, collection, uses);
        let (unused, undecided) = judge.find(database, name, collection);
        let is_unused = |index: &str| unused.iter().any(|found| found.name == index);
        // Two pieces of advice must not take away both the short index and the long one that does its work.
        let (leaning, redundant): (Vec<_>, Vec<_>) =
            redundant.into_iter().partition(|found| is_unused(&found.covered_by));
        let leaning = leaning.into_iter().filter(|found| !is_unused(&found.name));
        report.spared.extend(leaning.map(RedundantIndex::spare_for_unused));
        let is_redundant = |index: &str| redundant.iter().any(|found| found.name == index);
        report.unused.extend(unused.into_iter().filter(|found| !is_redundant(&found.name)));
        report.spared.extend(undecided.into_iter().filter(|found| !is_redundant(&found.name)));
        report.spared.extend(spared);
        report.redundant.extend(redundant);
    }
    if deployment.topology == Topology::Sharded && report.has_advice() {
        let caveat = "a sharded collection needs an index that begins with its shard key: keep one";
        report.notes.push(caveat.to_owned());
    }
    if !report.redundant.is_empty() {
        let caveat = "before a redundant index goes: where the longer one has an array among its later fields it \
                      has more keys, and reads more of them; hidden first and dropped later is safe";
        report.notes.push(caveat.to_owned());
    }
}
