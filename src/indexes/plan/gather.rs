//! What a difference alone cannot know: sizes, times, duplicates, documents that a TTL would delete.

use std::collections::BTreeMap;

use bson::{Bson, DateTime, Document, doc};
use futures_util::{TryStreamExt, stream};

use super::Allowances;
use crate::indexes::IndexError;
use crate::indexes::diff::{Blocker, Change, DuplicateGroup, Risk, Step};
use crate::indexes::index::{Index, shown_value};
use crate::indexes::live::Deployment;
use crate::indexes::number::count;

/// Documents a second that a build takes in, for the estimate: about what one core of a small server does.
const BUILD_RATE: f64 = 100_000.0;
/// Collections that are looked at at a time.
const AT_ONCE: usize = 16;
/// Documents that are looked at for the size of an index.
const SAMPLE: i32 = 100;
/// Bytes of an index entry beside the key: the record's number and its share of the page.
const ENTRY_BYTES: u64 = 10;
/// Builds over more documents than this are felt.
const MANY: u64 = 1_000_000;
/// Groups of duplicates that are named, and identifiers of each.
const GROUPS: i32 = 10;
const IDS: i32 = 5;
/// Documents that one pass of a TTL may delete; more are deleted in stages.
pub const TTL_BATCH: u64 = 50_000;
/// The longest TTL that the server takes: nothing expires by it.
const NEVER: i64 = 2_147_483_647;

/// Fills in what is measured and estimated, and what stands in the way because of it. Several collections are looked at
/// at a time, each only once.
pub async fn measure(
    deployment: &Deployment,
    allowed: &Allowances,
    changes: &mut [Change],
) -> Result<(), IndexError> {
    let same = |a: &Change, b: &Change| (&a.database, &a.collection) == (&b.database, &b.collection);
    let collections = stream::iter(changes.chunk_by_mut(same).map(Ok));
    collections
        .try_for_each_concurrent(AT_ONCE, |changes| measure_collection(deployment, allowed, changes))
        .await?;
    make_sure_of_room(deployment, changes).await
}

async fn measure_collection(
    deployment: &Deployment,
    allowed: &Allowances,
    changes: &mut [Change],
) -> Result<(), IndexError> {
    let Some(Change { database, collection, .. }) = changes.first().cloned() else { return Ok(()) };
    let asked = Asked { deployment, database: &database, collection: &collection };
    let documents = asked.count().await?;
    let mut sample = None;
    for change in changes {
        let builds = change.steps.iter().any(|step| matches!(step, Step::Build { .. }));
        if builds || change.becomes_unique() {
            change.estimate.documents = Some(documents);
        }
        let Some(index) = change.after.clone().filter(|_| documents > 0) else { continue };
        if builds {
            let sampled = match sample.take() {
                Some(sampled) => Ok(sampled),
                None => asked.sample().await,
            };
            match sampled {
                Ok(sampled) => estimate_build(change, &index, documents, sample.insert(sampled)),
                Err(error) => tolerate(change, Err(error))?,
            }
        }
        if change.becomes_unique() {
            let looked = asked.find_duplicates(change, &index).await;
            tolerate(change, looked)?;
        }
        let staged = asked.stage_expiry(change, allowed).await;
        tolerate(change, staged)?;
    }
    Ok(())
}

/// Each database is asked once, and only when something is built in it.
async fn make_sure_of_room(deployment: &Deployment, changes: &mut [Change]) -> Result<(), IndexError> {
    let mut room: BTreeMap<String, Option<u64>> = BTreeMap::new();
    for change in changes {
        let Some(disk) = change.estimate.disk_bytes else { continue };
        if !room.contains_key(&change.database) {
            room.insert(change.database.clone(), free_bytes(deployment, &change.database).await?);
        }
        if let Some(free) = room.get(&change.database).copied().flatten().filter(|free| disk > *free) {
            let what = format!("the build needs about {disk} bytes of disk, {free} are free");
            change.blockers.push(Blocker::new(what, "make room first"));
        }
    }
    Ok(())
}

/// What is free on the disk of a database, where the server says so.
async fn free_bytes(deployment: &Deployment, database: &str) -> Result<Option<u64>, IndexError> {
    let doing = format!("ask for the size of {database}");
    let answer = match deployment.run(database, &doing, doc! { "dbStats": 1 }).await {
        Err(IndexError::Server { .. }) => return Ok(None),
        answer => answer?,
    };
    let (total, used) = (count(answer.get("fsTotalSize")), count(answer.get("fsUsedSize")));
    Ok((total > 0 && used > 0).then(|| total.saturating_sub(used)))
}

fn estimate_build(change: &mut Change, index: &Index, documents: u64, sample: &[Document]) {
    let bytes = documents * (key_bytes(index, sample) + ENTRY_BYTES);
    change.estimate.index_bytes = Some(bytes);
    // Sorted runs lie beside the index until they are merged into it.
    change.estimate.disk_bytes = Some(bytes * 2);
    change.estimate.build_seconds = Some((documents as f64 / BUILD_RATE * 10.0).round() / 10.0);
    if documents > MANY {
        change.risk = change.risk.max(Risk::Medium);
        change.risks.push("a long build: reads and writes are slower meanwhile".to_owned());
    }
}

/// How long a key is on average.
fn key_bytes(index: &Index, sample: &[Document]) -> u64 {
    let length = |document: &Document| -> u64 {
        index.keys.iter().map(|key| value_bytes(at_path(document, &key.field))).sum()
    };
    sample.iter().map(length).sum::<u64>() / (sample.len() as u64).max(1)
}

/// What a server cannot answer is not known; that is said, and is no reason to stop.
fn tolerate(change: &mut Change, asked: Result<(), IndexError>) -> Result<(), IndexError> {
    match asked {
        Err(error @ IndexError::Server { .. }) => {
            change.risks.push(format!("not known: {error}"));
            Ok(())
        }
        outcome => outcome,
    }
}

impl Change {
    fn becomes_unique(&self) -> bool {
        let is_unique = |index: &Index| index.options.unique;
        self.after.as_ref().is_some_and(is_unique)
            && !(self.before.as_ref().is_some_and(is_unique) && self.keys_stay())
    }

    fn keys_stay(&self) -> bool {
        matches!((&self.before, &self.after), (Some(before), Some(after)) if before.keys == after.keys)
    }
}

struct Asked<'a> {
    deployment: &'a Deployment,
    database: &'a str,
    collection: &'a str,
}

impl Asked<'_> {
    async fn count(&self) -> Result<u64, IndexError> {
        let doing = format!("count the documents of {}.{}", self.database, self.collection);
        let answer = self.deployment.run(self.database, &doing, doc! { "count": self.collection }).await?;
        Ok(count(answer.get("n")))
    }

    async fn aggregate(&self, doing: &str, pipeline: Vec<Document>) -> Result<Vec<Document>, IndexError> {
        self.collate(doing, pipeline, None).await
    }

    async fn collate(
        &self,
        doing: &str,
        pipeline: Vec<Document>,
        collation: Option<&Document>,
    ) -> Result<Vec<Document>, IndexError> {
        let doing = format!("{doing} of {}.{}", self.database, self.collection);
        let mut command =
            doc! { "aggregate": self.collection, "pipeline": pipeline, "cursor": {}, "allowDiskUse": true };
        if let Some(collation) = collation {
            command.insert("collation", collation.clone());
        }
        let database = self.deployment.database(self.database);
        let fault = |error: mongodb::error::Error| self.deployment.fault(&doing, &error);
        let cursor = database.run_cursor_command(command).await.map_err(fault)?;
        cursor.try_collect().await.map_err(fault)
    }

    async fn sample(&self) -> Result<Vec<Document>, IndexError> {
        self.aggregate("sample documents", vec![doc! { "$sample": { "size": SAMPLE } }]).await
    }

    /// Documents with the same key; a missing field counts as null, as it does in the index.
    async fn find_duplicates(&self, change: &mut Change, index: &Index) -> Result<(), IndexError> {
        let options = &index.options;
        let mut pipeline = Vec::new();
        if let Some(filter) = &options.partial_filter_expression {
            pipeline.push(doc! { "$match": filter.clone() });
        }
        if options.sparse {
            let some: Vec<Document> =
                index.keys.iter().map(|key| doc! { &key.field: { "$exists": true } }).collect();
            pipeline.push(doc! { "$match": { "$or": some } });
        }
        let parts = index.keys.iter().enumerate();
        let parts: Document = parts
            .map(|(n, key)| {
                (format!("k{n}"), Bson::from(doc! { "$ifNull": [format!("${}", key.field), Bson::Null] }))
            })
            .collect();
        pipeline.extend([
            doc! { "$group": { "_id": parts, "count": { "$sum": 1 } } },
            doc! { "$match": { "count": { "$gt": 1 } } },
            doc! { "$limit": GROUPS },
        ]);
        let groups = self.collate("look for duplicates", pipeline, options.collation.as_ref()).await?;
        for group in &groups {
            let ids = self.ids_of(group, index).await?;
            change.estimate.duplicates.push(DuplicateGroup { count: count(group.get("count")), ids });
        }
        if !groups.is_empty() {
            let more = if groups.len() < GROUPS as usize { "" } else { " or more" };
            let noun = if groups.len() == 1 { "group" } else { "groups" };
            let what = format!("{}{more} {noun} of documents with the same key", groups.len());
            let help = "mend or delete the documents that are named, or let the index be partial";
            change.blockers.push(Blocker::new(what, help));
        }
        Ok(())
    }

    /// The identifiers of some documents of a group.
    async fn ids_of(&self, group: &Document, index: &Index) -> Result<Vec<String>, IndexError> {
        let values = group.get_document("_id").into_iter().flat_map(Document::values);
        let mut filter: Document =
            index.keys.iter().map(|key| key.field.clone()).zip(values.cloned()).collect();
        if let Some(partial) = &index.options.partial_filter_expression {
            filter = doc! { "$and": [filter, partial.clone()] };
        }
        let pipeline =
            vec![doc! { "$match": filter }, doc! { "$limit": IDS }, doc! { "$project": { "_id": 1 } }];
        let found = self.collate("name duplicates", pipeline, index.options.collation.as_ref()).await?;
        Ok(found.iter().filter_map(|document| document.get("_id")).map(shown_value).collect())
    }

    /// Counts what a TTL would delete at once, and lets much of it go in stages.
    async fn stage_expiry(&self, change: &mut Change, allowed: &Allowances) -> Result<(), IndexError> {
        let Some(index) = change.after.clone() else { return Ok(()) };
        let (Some(to), [key]) = (index.options.expire_after_seconds, &index.keys[..]) else { return Ok(()) };
        let sets = |step: &Step| match step {
            Step::Build { index: built } => built.options.expire_after_seconds.is_some(),
            Step::Expire { .. } => true,
            _ => false,
        };
        let Some(place) = change.steps.iter().position(sets) else { return Ok(()) };
        let now = DateTime::now();
        let filter = index.options.partial_filter_expression.clone().unwrap_or_default();
        let expiry = Expiry { asked: self, field: &key.field, filter, now };
        let count = expiry.older_than(to).await?;
        change.estimate.expired_documents = Some(count);
        if count > 0 {
            change.risk = Risk::High;
            let risk = "documents that are older already are deleted at the server's next pass".to_owned();
            if !change.risks.contains(&risk) {
                change.risks.push(risk);
            }
        }
        if count > 0 && !allowed.deletes {
            let what = format!("{count} documents are older than {to} s and would be deleted");
            let help = "make sure that nobody needs them, then allow it";
            change.blockers.push(Blocker::unless("--allow-deletes", what, help));
        }
        let stages = expiry.stages(to, count).await?;
        let name = index.name.clone();
        let expire = |from, to| Step::Expire { name: name.clone(), from, to, expired: Some(count) };
        match &mut change.steps[place] {
            Step::Build { index: built } if stages.len() > 1 => {
                built.options.expire_after_seconds = Some(NEVER);
                let steps = std::iter::once(NEVER).chain(stages.iter().copied()).zip(stages.iter().copied());
                let steps: Vec<Step> = steps.map(|(from, to)| expire(Some(from), to)).collect();
                change.steps.splice(place + 1..=place, steps);
            }
            Step::Expire { from, .. } => {
                let before = std::iter::once(*from).chain(stages.iter().copied().map(Some));
                let steps: Vec<Step> =
                    before.zip(stages.iter().copied()).map(|(from, to)| expire(from, to)).collect();
                change.steps.splice(place..=place, steps);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Documents by age.
struct Expiry<'a> {
    asked: &'a Asked<'a>,
    field: &'a str,
    filter: Document,
    now: DateTime,
}

impl Expiry<'_> {
    async fn older_than(&self, seconds: i64) -> Result<u64, IndexError> {
        let pipeline = vec![doc! { "$match": self.old(seconds) }, doc! { "$count": "n" }];
        let counted = self.asked.aggregate("count the expired documents", pipeline).await?;
        Ok(count(counted.first().and_then(|answer| answer.get("n"))))
    }

    fn old(&self, seconds: i64) -> Document {
        let mut filter = self.filter.clone();
        let since = self.now.timestamp_millis().saturating_sub(seconds.saturating_mul(1_000));
        filter.insert(self.field, doc! { "$lt": DateTime::from_millis(since) });
        filter
    }

    /// TTLs on the way to `to`, each of which deletes at most a batch.
    async fn stages(&self, to: i64, count: u64) -> Result<Vec<i64>, IndexError> {
        let mut stages = Vec::new();
        let mut passed = TTL_BATCH;
        while passed < count {
            let pipeline = vec![
                doc! { "$match": self.old(to) },
                doc! { "$sort": { self.field: 1 } },
                doc! { "$skip": i64::try_from(passed).unwrap_or(i64::MAX) },
                doc! { "$limit": 1 },
            ];
            let next = self.asked.aggregate("sort the expired documents", pipeline).await?;
            let Some(at) = next.first().and_then(|document| at_path(document, self.field)?.as_datetime())
            else {
                break;
            };
            let seconds = (self.now.timestamp_millis() - at.timestamp_millis()) / 1000;
            if stages.last().is_none_or(|last| seconds < *last) && seconds > to {
                stages.push(seconds);
            }
            passed += TTL_BATCH;
        }
        stages.push(to);
        Ok(stages)
    }
}

/// The value at a dotted path; of lists, the first item.
fn at_path<'d>(document: &'d Document, path: &str) -> Option<&'d Bson> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let value = document.get(first)?;
    match (rest, value) {
        (None, value) => Some(value),
        (Some(rest), Bson::Document(inner)) => at_path(inner, rest),
        (Some(rest), Bson::Array(items)) => at_path(items.first()?.as_document()?, rest),
        _ => None,
    }
}

fn value_bytes(value: Option<&Bson>) -> u64 {
    match value {
        None | Some(Bson::Null) => 1,
        Some(Bson::String(text)) => text.len() as u64 + 1,
        Some(Bson::Array(items)) => items.iter().map(|item| value_bytes(Some(item))).sum::<u64>().max(1),
        Some(Bson::ObjectId(_)) => 12,
        Some(Bson::Binary(binary)) => binary.bytes.len() as u64 + 2,
        Some(_) => 9,
    }
}
