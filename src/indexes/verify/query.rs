//! The proof by `explain`: a declared query is explained with real values, and judged by the worst of them.

use bson::{Bson, Document, doc};

use super::command::{command, word, written};
use super::explain::{self, Explained, Unreadable};
use super::finding::{Finding, FindingKind};
use super::report::{QueryProof, Verdict};
use super::{judge, matching, sample};
use crate::indexes::IndexError;
use crate::indexes::index::is_name_of;
use crate::indexes::live::{Deployment, LiveCollection, LiveIndex};
use crate::indexes::spec::{CollectionSpec, DeclaredQuery, Operation};

/// How long the server may work on one question, in milliseconds: a query without its index must not load a
/// server for longer.
pub const TIME_LIMIT: i64 = 30_000;
/// The server's word for a question that took longer.
const TOO_SLOW: i32 = 50;
/// Its words for what it does not know at all: unknown command, not implemented, unsupported, unknown stage.
const UNKNOWN_HERE: [i32; 4] = [59, 238, 115, 40324];
/// Its words for what has nothing to do with the query: shutting down, stepping down, not the primary any more.
const PASSING: [i32; 7] = [91, 189, 10107, 11600, 11602, 13435, 13436];

/// Explains a declared query on the deployment and judges its plan and figures. `live` is the collection as it
/// is; writes are explained, never executed.
pub async fn prove_query(
    deployment: &Deployment,
    database: &str,
    collection: &CollectionSpec,
    live: Option<&LiveCollection>,
    query: &DeclaredQuery,
) -> Result<QueryProof, IndexError> {
    let prover = Prover { deployment, database, collection, query, names: names(collection, live, query) };
    prover.prove().await
}

/// The names under which the declared index may be listed.
fn names(collection: &CollectionSpec, live: Option<&LiveCollection>, query: &DeclaredQuery) -> Vec<String> {
    let Some(wanted) = &query.index else { return Vec::new() };
    let mut names = vec![wanted.clone()];
    let declared = collection.indexes.iter().find(|declared| declared.index.name == *wanted);
    if let (Some(declared), Some(live)) = (declared, live) {
        let effective = declared.in_collection(live.collation.as_ref());
        names.extend(matching::find(&effective, &live.indexes).name);
        let replacements = live.indexes.iter().map(LiveIndex::name);
        names.extend(replacements.filter(|name| is_name_of(wanted, name)).map(str::to_owned));
    }
    names
}

/// What came of one explanation.
struct Attempt {
    explained: Explained,
    findings: Vec<Finding>,
}

impl Attempt {
    fn verdict(&self) -> Verdict {
        let found = self.findings.iter().map(|finding| finding.kind.verdict());
        Verdict::worst(found).unwrap_or(Verdict::Passed)
    }

    fn examined_per_returned(&self) -> f64 {
        self.explained.figures.map_or(0.0, |figures| figures.examined_per_returned)
    }
}

struct Prover<'a> {
    deployment: &'a Deployment,
    database: &'a str,
    collection: &'a CollectionSpec,
    query: &'a DeclaredQuery,
    names: Vec<String>,
}

impl Prover<'_> {
    async fn prove(&self) -> Result<QueryProof, IndexError> {
        let paths = self.query.sampled_paths();
        if paths.is_empty() {
            let attempt = self.measure(&self.query.operation).await?;
            return Ok(self.proof(attempt, 0));
        }
        let wanted = usize::from(self.query.samples);
        let (database, name) = (self.database, &self.collection.name);
        let documents = sample::draw(self.deployment, database, name, &paths, wanted).await?;
        let mut worst: Option<Attempt> = None;
        for document in &documents {
            let attempt = self.measure(&sample::fill(&self.query.operation, Some(document))).await?;
            if worst.as_ref().is_none_or(|worst| is_worse(&attempt, worst)) {
                worst = Some(attempt);
            }
        }
        let attempt = match worst {
            Some(attempt) => attempt,
            None => self.plan_without_values(&paths).await?,
        };
        Ok(self.proof(attempt, documents.len()))
    }

    /// Runs a query inside `explain`.
    async fn measure(&self, operation: &Operation) -> Result<Attempt, IndexError> {
        if let Some(attempt) = self.doubt(operation).await? {
            return Ok(attempt);
        }
        match self.explain(operation, "executionStats").await {
            Ok(answer) => self.judge(&answer).await,
            Err(error) if error.code() == Some(TOO_SLOW) => self.plan(operation, too_slow()).await,
            Err(error) => refused(error),
        }
    }

    /// A write is asked for only where the server explains a harmless find as MongoDB does: one that takes
    /// `explain` for something else must not come to delete.
    async fn doubt(&self, operation: &Operation) -> Result<Option<Attempt>, IndexError> {
        let Some(filter) = written(operation).cloned() else { return Ok(None) };
        let find = Operation::Find { filter, sort: None, projection: None, limit: None, skip: None };
        match self.explain(&find, "queryPlanner").await {
            Ok(answer) => Ok(explain::read(&answer).err().map(|error| unprovable(&error))),
            Err(error) => refused(error).map(Some),
        }
    }

    async fn judge(&self, answer: &Document) -> Result<Attempt, IndexError> {
        let explained = match explain::read(answer) {
            Ok(explained) => explained,
            Err(error) => return Ok(unprovable(&error)),
        };
        let mut findings = judge::judge(self.query, &self.names, &explained);
        match &explained.figures {
            None => {
                let message =
                    "the answer of `explain` counts no keys, documents and results as MongoDB's does";
                findings.push(Finding::new(FindingKind::NotProvable, message));
            }
            Some(figures) if figures.returned == 0 && !explained.is_void && self.is_empty().await? => {
                let message = "the collection is empty: its plan was judged, and nothing could be measured";
                findings.push(Finding::new(FindingKind::NothingToMeasure, message));
            }
            Some(_) => {}
        }
        Ok(Attempt { explained, findings })
    }

    /// Judges the plan alone, and says why.
    async fn plan(&self, operation: &Operation, why: Finding) -> Result<Attempt, IndexError> {
        let answer = match self.explain(operation, "queryPlanner").await {
            Ok(answer) => answer,
            Err(error) => return refused(error),
        };
        let explained = match explain::read(&answer) {
            Ok(explained) => explained,
            Err(error) => return Ok(unprovable(&error)),
        };
        let mut findings = judge::judge_plan(self.query, &self.names, &explained);
        findings.push(why);
        Ok(Attempt { explained, findings })
    }

    /// No document has the values: the plan is judged with stand-ins, as far as it does not depend on them.
    async fn plan_without_values(&self, paths: &[&str]) -> Result<Attempt, IndexError> {
        let paths_shown = paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
        let message = format!("no document has a value at {paths_shown}: only the plan was judged");
        let why = Finding::new(FindingKind::NothingToMeasure, message);
        let operation = sample::fill(&self.query.operation, None);
        if let Some(attempt) = self.doubt(&operation).await? {
            return Ok(attempt);
        }
        let mut attempt = self.plan(&operation, why.clone()).await?;
        let is_refused = attempt.findings.iter().any(|finding| finding.kind == FindingKind::Refused);
        if is_refused || self.depends_on_values(paths) {
            attempt.findings = vec![why];
        }
        Ok(attempt)
    }

    /// Whether a partial index asks for certain values at one of the paths.
    fn depends_on_values(&self, paths: &[&str]) -> bool {
        let filters = self.collection.indexes.iter();
        let mut filters =
            filters.filter_map(|declared| declared.index.options.partial_filter_expression.as_ref());
        filters.any(|filter| paths.iter().any(|path| mentions(filter, path)))
    }

    async fn explain(&self, operation: &Operation, verbosity: &str) -> Result<Document, IndexError> {
        let command = command(&self.collection.name, operation, self.query.collation.as_ref());
        let question = doc! { "explain": command, "verbosity": verbosity, "maxTimeMS": TIME_LIMIT };
        let doing =
            format!("explain the query `{}` of {}.{}", self.query.name, self.database, self.collection.name);
        self.deployment.run(self.database, &doing, question).await
    }

    async fn is_empty(&self) -> Result<bool, IndexError> {
        let name = &self.collection.name;
        let command = doc! { "find": name, "limit": 1, "singleBatch": true, "projection": { "_id": 1 } };
        let doing = format!("look into {}.{name}", self.database);
        let answer = self.deployment.run(self.database, &doing, command).await?;
        let batch = answer.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
        Ok(batch.is_ok_and(Vec::is_empty))
    }

    fn proof(&self, attempt: Attempt, samples: usize) -> QueryProof {
        let verdict = attempt.verdict();
        let Attempt { explained, findings } = attempt;
        QueryProof {
            query: self.query.name.clone(),
            line: self.query.place.line,
            operation: word(&self.query.operation),
            verdict,
            wanted_index: self.query.index.clone(),
            indexes: explained.indexes,
            stages: explained.stages,
            figures: explained.figures,
            keys_per_returned_limit: self.query.keys_per_returned,
            docs_per_returned_limit: self.query.docs_per_returned,
            samples,
            findings,
        }
    }
}

fn is_worse(attempt: &Attempt, than: &Attempt) -> bool {
    let of = |attempt: &Attempt| (attempt.verdict(), attempt.examined_per_returned());
    of(attempt) > of(than)
}

fn too_slow() -> Finding {
    let seconds = TIME_LIMIT / 1_000;
    let message = format!("it ran for longer than {seconds} s and was stopped: at most its plan was judged");
    Finding::new(FindingKind::TooSlow, message)
}

fn unprovable(error: &Unreadable) -> Attempt {
    let message = format!("not provable here: {error}");
    Attempt {
        explained: Explained::default(),
        findings: vec![Finding::new(FindingKind::NotProvable, message)],
    }
}

/// A refusal says something of the query, or of the server; what passes by itself or concerns the account is an
/// error.
fn refused(error: IndexError) -> Result<Attempt, IndexError> {
    let IndexError::Server { message, code, .. } = &error else { return Err(error) };
    let finding = match code {
        Some(code) if PASSING.contains(code) => return Err(error),
        Some(code) if *code == TOO_SLOW => too_slow(),
        Some(code) if !UNKNOWN_HERE.contains(code) => Finding::new(
            FindingKind::Refused,
            format!("the server refuses the query: {message} (code {code})"),
        ),
        _ => {
            Finding::new(FindingKind::NotProvable, format!("not provable here: the server answers {message}"))
        }
    };
    Ok(Attempt { explained: Explained::default(), findings: vec![finding] })
}

/// Whether a filter says something of a path.
fn mentions(filter: &Document, path: &str) -> bool {
    filter.iter().any(|(name, value)| match value {
        _ if name == path => true,
        Bson::Document(inner) => mentions(inner, path),
        Bson::Array(items) => items.iter().filter_map(Bson::as_document).any(|inner| mentions(inner, path)),
        _ => false,
    })
}
