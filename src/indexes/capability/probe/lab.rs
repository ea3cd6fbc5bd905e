//! A scratch collection, and what is seen in it.

use bson::{Bson, Document, doc};
use mongodb::error::ErrorKind;

use super::finding::{Findings, Refused, Stop};
use crate::indexes::IndexError;
use crate::indexes::index::Index;
use crate::indexes::live::{Deployment, LiveIndex, read_indexes};
use crate::text::excerpt;

/// The name of every index that is tried.
pub const INDEX: &str = "probe";
/// The server's word for a key that is there already.
pub const DUPLICATE_KEY: i32 = 11_000;
/// The server's word for a collection that is not there.
const NAMESPACE_NOT_FOUND: i32 = 26;

/// A scratch collection; it comes into being with the first index or document.
#[derive(Debug)]
pub struct Lab<'a> {
    deployment: &'a Deployment,
    database: &'a str,
    /// Its name.
    pub name: &'a str,
}

impl<'a> Lab<'a> {
    /// A collection that is not there yet.
    pub fn new(deployment: &'a Deployment, database: &'a str, name: &'a str) -> Self {
        Self { deployment, database, name }
    }

    /// The answer to a command; the server's refusal is an answer too.
    pub async fn ask(&self, command: Document) -> Result<Result<Document, Refused>, Stop> {
        let answer = self.deployment.database(self.database).run_command(command).await;
        let error = match answer {
            Ok(answer) => return Ok(refused_write(&answer).map_or(Ok(answer), Err)),
            Err(error) => error,
        };
        if matches!(error.kind.as_ref(), ErrorKind::InvalidResponse { .. }) {
            let words = "the server answered with an error that has no number".to_owned();
            return Ok(Err(Refused { code: None, words }));
        }
        let doing = format!("try options of indexes in {} (--no-probes writes nothing)", self.database);
        match self.deployment.fault(&doing, &error) {
            IndexError::Server { code, message, .. } if !code.is_some_and(is_of_election) => {
                Ok(Err(Refused { code, words: message.replace(self.name, "scratch") }))
            }
            error => Err(Stop::Fault(error)),
        }
    }

    /// The answer to a command that is part of what the class is.
    pub async fn demand(&self, command: Document) -> Result<Document, Stop> {
        self.ask(command).await?.map_err(Stop::Refused)
    }

    /// Makes an index, and notes how it is listed afterwards.
    pub async fn make(&self, index: &Index, findings: &mut Findings) -> Result<(), Stop> {
        self.demand(self.creation(index)).await?;
        self.compare(index, findings).await
    }

    /// The command that makes one index.
    pub fn creation(&self, index: &Index) -> Document {
        doc! { "createIndexes": self.name, "indexes": [index.to_command()] }
    }

    /// Notes how the index is listed.
    pub async fn compare(&self, wanted: &Index, findings: &mut Findings) -> Result<(), Stop> {
        let listed = read_indexes(&self.deployment.database(self.database), self.name).await;
        let doing = format!("list the indexes of {}.{}", self.database, self.name);
        let listed = listed.map_err(|error| Stop::Fault(self.deployment.fault(&doing, &error)))?;
        let listed = listed.unwrap_or_default();
        match listed.iter().find(|found| found.name() == wanted.name) {
            Some(LiveIndex::Known(found)) if found.is_same_as(wanted) => {
                findings.acts("listed as it was asked for");
            }
            Some(found) => findings.fails(format!("listed as {}", shown(found))),
            None => {
                let mut others = listed.iter();
                let other = others.find(|found| !matches!(found, LiveIndex::Known(index) if index.is_id()));
                findings.fails(other.map_or_else(
                    || "not listed afterwards".to_owned(),
                    |found| format!("listed under another name as {}", shown(found)),
                ));
            }
        }
        Ok(())
    }

    /// Inserts a document, which may be refused.
    pub async fn try_insert(&self, document: Document) -> Result<Result<(), Refused>, Stop> {
        let inserted = self.ask(doc! { "insert": self.name, "documents": [document] }).await?;
        Ok(inserted.map(drop))
    }

    /// Inserts documents that no server has a reason to refuse.
    pub async fn fill(&self, documents: impl IntoIterator<Item = Document>) -> Result<(), Stop> {
        let documents: Vec<Bson> = documents.into_iter().map(Bson::Document).collect();
        self.demand(doc! { "insert": self.name, "documents": documents }).await.map(drop)
    }

    /// The documents that a filter finds.
    pub async fn find(&self, filter: Document) -> Result<Result<usize, Refused>, Stop> {
        let found = self.ask(doc! { "find": self.name, "filter": filter }).await?;
        Ok(found.map(|answer| first_batch(&answer).len()))
    }

    /// Whether `explain` says that the index serves a filter; nothing when it does not speak of stages.
    pub async fn is_used(&self, filter: Document) -> Result<Option<bool>, Stop> {
        let find = doc! { "find": self.name, "filter": filter };
        let explained = self.ask(doc! { "explain": find, "verbosity": "queryPlanner" }).await?;
        let plan = explained.ok().and_then(|answer| answer.get_document("queryPlanner").ok().cloned());
        Ok(plan.and_then(|plan| plan.get("winningPlan").and_then(names_index)))
    }

    /// Notes whether `explain` says that the index serves a filter.
    pub async fn expect_use(&self, filter: Document, findings: &mut Findings) -> Result<(), Stop> {
        match self.is_used(filter).await? {
            Some(does) => {
                findings.check(does, "explain uses it", "explain does not use it: the collection is scanned");
            }
            None => findings.unseen("explain does not say whether it is used"),
        }
        Ok(())
    }
}

/// Drops a scratch collection; one that is not there is fine.
pub async fn drop_collection(deployment: &Deployment, database: &str, name: &str) -> Result<(), IndexError> {
    let doing = format!("drop the scratch collection {database}.{name}");
    let drop_once = || deployment.run(database, &doing, doc! { "drop": name });
    let mut dropped = drop_once().await;
    for _ in 1..super::ATTEMPTS {
        if dropped.as_ref().is_err_and(super::is_passing) {
            dropped = drop_once().await;
        }
    }
    match dropped {
        Err(IndexError::Unreachable { who, source }) => {
            let who = format!("{who}: the scratch collection {database}.{name} may have stayed behind");
            Err(IndexError::Unreachable { who, source })
        }
        Err(error) if error.code() != Some(NAMESPACE_NOT_FOUND) => Err(error),
        _ => Ok(()),
    }
}

/// What servers answer while they change roles or shut down; they say nothing about the command.
pub fn is_of_election(code: i32) -> bool {
    matches!(code, 91 | 189 | 10_058 | 10_107 | 11_600 | 11_602 | 13_435 | 13_436)
}

/// The documents of a cursor's first batch.
pub fn first_batch(answer: &Document) -> Vec<Document> {
    let batch = answer.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
    batch.into_iter().flatten().filter_map(Bson::as_document).cloned().collect()
}

/// A write that was refused comes in an answer that says ok.
fn refused_write(answer: &Document) -> Option<Refused> {
    let first = answer.get_array("writeErrors").ok()?.first()?.as_document()?;
    let words = first.get_str("errmsg").unwrap_or_default().to_owned();
    Some(Refused { code: first.get_i32("code").ok(), words })
}

/// Whether a plan names the index; nothing when it has no stages at all.
fn names_index(plan: &Bson) -> Option<bool> {
    match plan {
        Bson::Document(stage) => {
            let own = stage
                .get_str("stage")
                .ok()
                .map(|_| stage.get_str("indexName").is_ok_and(|name| name == INDEX));
            stage.values().map(names_index).fold(own, either)
        }
        Bson::Array(stages) => stages.iter().map(names_index).fold(None, either),
        _ => None,
    }
}

fn either(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one || other),
        (one, other) => one.or(other),
    }
}

fn shown(found: &LiveIndex) -> String {
    match found {
        LiveIndex::Known(index) => {
            let options = index.shown_options();
            let options = if options.is_empty() { String::new() } else { format!(" {options}") };
            format!("{}{options}", index.shown_keys())
        }
        LiveIndex::Unknown { listed, .. } => excerpt(listed),
    }
}

#[cfg(test)]
mod tests {
    use bson::{Bson, doc};

    use super::names_index;

    #[test]
    fn a_plan_is_read_at_any_depth() {
        let of = |plan| names_index(&Bson::Document(plan));
        let scan = doc! { "stage": "IXSCAN", "indexName": "probe" };
        assert_eq!(of(doc! { "stage": "FETCH", "inputStage": scan.clone() }), Some(true));
        let shards = doc! { "stage": "SINGLE_SHARD", "shards": [{ "winningPlan": scan }] };
        assert_eq!(of(shards), Some(true));
        assert_eq!(of(doc! { "stage": "COLLSCAN" }), Some(false));
        assert_eq!(of(doc! { "detail": "SCAN c2" }), None);
    }
}
