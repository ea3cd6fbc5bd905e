//! One step, done. Whatever is interrupted and done again comes to the same: that is MongoDB's promise for each of
//! these commands, and the reason why a lost connection is answered by asking again.

use std::time::{Duration, Instant};

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;

use super::patience::Patience;
use super::{Progress, Stop, Watcher, journal::Entry, journal::Event};
use crate::config::duration::humanize;
use crate::indexes::IndexError;
use crate::indexes::diff::Step;
use crate::indexes::error::code;
use crate::indexes::index::{Index, shown_value};
use crate::indexes::live::{Deployment, LiveIndex, Member, read_indexes};
use crate::indexes::number::truncated;
use crate::indexes::spec::Quorum;

/// Between two looks at a build.
const LOOK: Duration = Duration::from_millis(500);
/// How long a stage of a TTL may take to be deleted before the next begins all the same: three passes.
const TTL_PATIENCE: Duration = Duration::from_secs(180);

const INDEX_NOT_FOUND: i32 = 27;
const NAMESPACE_NOT_FOUND: i32 = 26;
const CANNOT_CONVERT: i32 = 359;

/// Does the steps of one database.
pub struct Executor<'a> {
    pub deployment: &'a mut Deployment,
    pub database: &'a str,
    pub quorum: Option<&'a Quorum>,
    pub history: &'a [Entry],
    pub watcher: Watcher<'a>,
    pub patience: &'a Patience,
}

impl Executor<'_> {
    /// Does one step.
    pub async fn perform(&mut self, collection: &str, step: &Step) -> Result<(), Stop> {
        match step {
            Step::Build { index } => self.build(collection, index).await,
            Step::Verify { index } => self.verify(collection, index).await,
            Step::Hide { name } => self.modify(collection, name, doc! { "hidden": true }).await,
            Step::Unhide { name } => self.modify(collection, name, doc! { "hidden": false }).await,
            Step::Soak { name, seconds } => self.soak(collection, name, *seconds).await,
            Step::Drop { index } => self.drop(collection, index).await,
            Step::Expire { name, from, to, expired } => {
                if let (Some(from), Some(1..)) = (from, expired) {
                    self.wait_for_deletes(collection, name, *from).await?;
                }
                self.modify(collection, name, doc! { "expireAfterSeconds": *to }).await
            }
            Step::PrepareUnique { name, on } => {
                self.modify(collection, name, doc! { "prepareUnique": *on }).await
            }
            Step::CheckUnique { name } => self.make_unique(collection, name, true).await,
            Step::MakeUnique { name } => self.make_unique(collection, name, false).await,
        }
    }

    async fn build(&mut self, collection: &str, index: &Index) -> Result<(), Stop> {
        let mut command = doc! { "createIndexes": collection, "indexes": [index.to_command()] };
        if let Some(quorum) = self.quorum.filter(|_| self.deployment.has_quorum()) {
            let quorum = match quorum {
                Quorum::Members(count) => Bson::Int32(i32::from(*count)),
                Quorum::Word(word) => Bson::String(word.clone()),
            };
            command.insert("commitQuorum", quorum);
        }
        let doing = format!("build {} on {}.{collection}", index.name, self.database);
        let looks = self.look_at_build(collection, &index.name);
        tokio::select! {
            built = self.persist(&doing, command) => built.map(drop),
            () = looks => Ok(()),
        }
    }

    /// Tells how far each member is; never ends by itself.
    async fn look_at_build(&self, collection: &str, name: &str) {
        let namespace = format!("{}.{collection}", self.database);
        loop {
            tokio::time::sleep(LOOK).await;
            for member in self.deployment.data_members() {
                if let Some((done, total)) = progress_on(member, &namespace, name).await {
                    (self.watcher)(Progress::Build { member: &member.address, done, total });
                }
            }
        }
    }

    /// Every member that holds data lists the index as it must be.
    async fn verify(&mut self, collection: &str, index: &Index) -> Result<(), Stop> {
        let (begun, limit) = (Instant::now(), self.patience.limit);
        loop {
            let missing = match self.first_without(collection, index).await {
                Ok(None) => return Ok(()),
                Ok(Some(missing)) if begun.elapsed() > limit => {
                    return Err(Stop::Failed(format!("{missing}, after {}", humanize(limit))));
                }
                Err(error) if begun.elapsed() > limit => return Err(error.into()),
                Ok(Some(missing)) => missing,
                Err(error) => error.to_string(),
            };
            let left = limit.saturating_sub(begun.elapsed());
            (self.watcher)(Progress::Waiting { what: &missing, left });
            self.pause().await?;
            self.deployment.refresh().await.ok();
        }
    }

    async fn first_without(&self, collection: &str, index: &Index) -> Result<Option<String>, IndexError> {
        for member in self.deployment.data_members() {
            let listed = self.deployment.indexes_on(member, self.database, collection).await?;
            // A shard without a part of the collection has none of its indexes either.
            if listed.is_none() && member.shard.is_some() {
                continue;
            }
            let listed = listed.unwrap_or_default();
            let found = listed.iter().find(|found| found.name() == index.name);
            let is_as_wanted =
                |found: &LiveIndex| matches!(found, LiveIndex::Known(i) if i.is_same_as(index));
            if !found.is_some_and(is_as_wanted) {
                let state = if found.is_some() { "is listed with other options" } else { "is not listed" };
                let seconds = member.lag.map_or(0, |lag| lag.as_secs());
                let lag = if seconds > 0 { format!(", it is {seconds} s behind") } else { String::new() };
                return Ok(Some(format!("{}: {} {state}{lag}", member.address, index.name)));
            }
        }
        Ok(None)
    }

    async fn modify(&mut self, collection: &str, name: &str, change: Document) -> Result<(), Stop> {
        let mut index = doc! { "name": name };
        index.extend(change);
        let doing = format!("modify {name} on {}.{collection}", self.database);
        self.persist(&doing, doc! { "collMod": collection, "index": index }).await.map(drop)
    }

    async fn make_unique(&mut self, collection: &str, name: &str, dry_run: bool) -> Result<(), Stop> {
        let mut command = doc! { "collMod": collection, "index": { "name": name, "unique": true } };
        if dry_run {
            command.insert("dryRun", true);
        }
        let doing = format!("make {name} on {}.{collection} unique", self.database);
        match self.persist(&doing, command).await {
            Err(Stop::Refused { code: Some(CANNOT_CONVERT), answer, .. }) => {
                Err(Stop::Duplicates(violations(&answer)))
            }
            outcome => outcome.map(drop),
        }
    }

    async fn drop(&mut self, collection: &str, index: &Index) -> Result<(), Stop> {
        let listed = self.listed(collection).await?;
        let Some(found) = listed.iter().find(|found| found.name() == index.name) else { return Ok(()) };
        let mut expected = index.clone();
        expected.options.hidden = true;
        let is_expected = |found: &Index| found.is_same_as(index) || found.is_same_as(&expected);
        if !matches!(found, LiveIndex::Known(found) if is_expected(found)) {
            return Err(Stop::Failed(format!(
                "{} is no longer the index that was to be dropped",
                index.name
            )));
        }
        let doing = format!("drop {} on {}.{collection}", index.name, self.database);
        match self.persist(&doing, doc! { "dropIndexes": collection, "index": &index.name }).await {
            Err(Stop::Refused { code: Some(INDEX_NOT_FOUND | NAMESPACE_NOT_FOUND), .. }) => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    /// Counts from when the index was hidden: an interrupted soak need not begin anew.
    async fn soak(&mut self, collection: &str, name: &str, seconds: u64) -> Result<(), Stop> {
        let whole = Duration::from_secs(seconds);
        let passed = hidden_for(self.history, collection, name).unwrap_or_default();
        let end = Instant::now() + whole.saturating_sub(passed);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            (self.watcher)(Progress::Waiting { what: &format!("{name} is hidden"), left });
            tokio::select! {
                () = tokio::time::sleep(left.min(Duration::from_secs(1))) => {}
                () = self.patience.interrupt.cancelled() => return Err(Stop::Interrupted),
            }
        }
    }

    /// The documents of the stage before are deleted by the server's own passes.
    async fn wait_for_deletes(&mut self, collection: &str, name: &str, seconds: i64) -> Result<(), Stop> {
        let listed = self.listed(collection).await?;
        let field = listed.iter().find_map(|found| match found {
            LiveIndex::Known(index) if index.name == name => index.keys.first().map(|key| key.field.clone()),
            _ => None,
        });
        let Some(field) = field else { return Ok(()) };
        let begun = Instant::now();
        while begun.elapsed() < TTL_PATIENCE {
            let since =
                bson::DateTime::now().timestamp_millis().saturating_sub(seconds.saturating_mul(1_000));
            let filter = doc! { &field: { "$lt": bson::DateTime::from_millis(since) } };
            let doing = format!("look for expired documents of {}.{collection}", self.database);
            let left =
                self.persist(&doing, doc! { "count": collection, "query": filter, "limit": 1 }).await?;
            if left.get("n").and_then(Bson::as_i32).unwrap_or_default() == 0 {
                return Ok(());
            }
            let left = TTL_PATIENCE.saturating_sub(begun.elapsed());
            (self.watcher)(Progress::Waiting {
                what: "the server deletes a stage of expired documents",
                left,
            });
            self.pause().await?;
        }
        Ok(())
    }

    async fn listed(&self, collection: &str) -> Result<Vec<LiveIndex>, Stop> {
        let database = self.deployment.database(self.database);
        let listed = self.patience.persist(async || read_indexes(&database, collection).await).await;
        let doing = format!("list the indexes of {}.{collection}", self.database);
        Ok(listed.map_err(|error| self.deployment.fault(&doing, &error))?.unwrap_or_default())
    }

    /// Asks again after what passes by itself, for a while.
    async fn persist(&self, doing: &str, command: Document) -> Result<Document, Stop> {
        let database = self.deployment.database(self.database);
        let answer = tokio::select! {
            biased;
            () = self.patience.interrupt.cancelled() => return Err(Stop::Interrupted),
            answer = self.patience.persist(async || database.run_command(command.clone()).await) => answer,
        };
        answer.map_err(|error| self.stop(doing, &command, &error))
    }

    fn stop(&self, doing: &str, command: &Document, error: &mongodb::error::Error) -> Stop {
        let answer = error.server_response().and_then(|answer| Document::try_from(answer).ok());
        match self.deployment.fault(doing, error) {
            cause @ IndexError::Server { .. } => {
                Stop::Refused { code: code(error), answer: answer.unwrap_or_default(), cause }
            }
            IndexError::Privilege { who, doing, message } => {
                let message = format!("{message} (it needs the action {})", action(command));
                Stop::Error(IndexError::Privilege { who, doing, message })
            }
            cause => Stop::Error(cause),
        }
    }

    async fn pause(&self) -> Result<(), Stop> {
        if self.patience.pause().await { Ok(()) } else { Err(Stop::Interrupted) }
    }
}

/// What a role must allow for a command.
/// <https://www.mongodb.com/docs/manual/reference/privilege-actions/>
fn action(command: &Document) -> &str {
    match command.keys().next().map(String::as_str).unwrap_or_default() {
        "createIndexes" => "createIndex",
        "dropIndexes" => "dropIndex",
        "count" => "find",
        name => name,
    }
}

/// How far a build is on a member, as MongoDB's manual describes `$currentOp` for index builds.
async fn progress_on(member: &Member, namespace: &str, name: &str) -> Option<(u64, u64)> {
    let pipeline = vec![
        doc! { "$currentOp": { "allUsers": true, "idleConnections": false } },
        doc! { "$match": { "$or": [
            { "command.createIndexes": { "$exists": true } },
            { "msg": { "$regex": "^Index Build" } },
        ] } },
    ];
    let command = doc! { "aggregate": 1, "pipeline": pipeline, "cursor": {} };
    let cursor = member.database("admin").run_cursor_command(command).await.ok()?;
    let found: Vec<Document> = cursor.try_collect().await.ok()?;
    found.iter().find_map(|operation| {
        let is_ours = operation.get_str("ns").is_ok_and(|ns| ns == namespace) || names(operation, name);
        let progress = operation.get_document("progress").ok().filter(|_| is_ours)?;
        let part = |name: &str| u64::try_from(truncated(progress.get(name)?)?).ok();
        Some((part("done")?, part("total")?))
    })
}

fn names(operation: &Document, name: &str) -> bool {
    let indexes =
        operation.get_document("command").ok().and_then(|command| command.get_array("indexes").ok());
    let mut indexes = indexes.into_iter().flatten().filter_map(Bson::as_document);
    indexes.any(|index| index.get_str("name").is_ok_and(|found| found == name))
}

/// For how long an index has been hidden by us, as the history tells.
fn hidden_for(history: &[Entry], collection: &str, name: &str) -> Option<Duration> {
    let hidden = history.iter().rev().find(|entry| match &entry.event {
        Event::Done { collection: of, step: Step::Hide { name: hidden }, .. } => {
            of == collection && hidden == name
        }
        _ => false,
    })?;
    let at = bson::DateTime::parse_rfc3339_str(&hidden.at).ok()?;
    bson::DateTime::now().checked_duration_since(at)
}

/// The identifiers of documents with the same key, as the server names them.
fn violations(answer: &Document) -> Vec<String> {
    let groups = answer.get_array("violations").into_iter().flatten().filter_map(Bson::as_document);
    let ids = |group: &Document| {
        let ids: Vec<String> =
            group.get_array("ids").into_iter().flatten().take(5).map(shown_value).collect();
        ids.join(", ")
    };
    groups.take(10).map(ids).collect()
}
