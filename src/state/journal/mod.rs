//! The journal of a migration: what was decided, on which evidence, before it was done.
//!
//! It is on the operator's disk and, as a copy, in the target Redis. The file outlives a Redis that loses its last
//! changes in a fail-over; the copy is there for an operator at another machine. The highest epoch of both counts
//! (C12). Whichever is behind is brought up to date with the next entry.

mod file;
mod line;
mod stream;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use state_map::operator::{self, Entry, Notes, Step};
use state_map::{Id, Phase, Stamp};

pub use self::line::{Flaw, Line};
use crate::clients::redis::Link;
use crate::clock::now;
use crate::owner::Owner;
use crate::state::target::REPLICATION_SHARE;
use crate::state::{Refusal, StateError, Target};

/// Where the journal of a migration is, if nothing else is said.
pub fn default_path(namespace: &str) -> PathBuf {
    Path::new(".scalectl").join(format!("state-{namespace}.jsonl"))
}

/// The two copies, as they were read.
#[derive(Debug)]
pub struct Copies {
    path: PathBuf,
    disk: Vec<Line>,
    redis: Vec<Line>,
    /// Whether the last entry on disk was only begun.
    pub torn: bool,
    flaws: Vec<Place>,
}

/// A flaw, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// `file`, `redis` or `both`.
    #[serde(rename = "in")]
    pub copy: &'static str,
    /// The flaw.
    #[serde(flatten)]
    pub flaw: Flaw,
}

impl Copies {
    /// Reads both.
    pub async fn read(target: &Target, link: &mut Link, path: &Path) -> Result<Self, StateError> {
        let content = file::read(path)?;
        let stream = stream::read(link, &target.space().journal()).await;
        let (redis, in_redis) = stream.map_err(|error| target.fault("read the journal", &error))?;
        let on_disk = content.flaws.into_iter().chain(line::flaws(&content.lines));
        let in_redis = in_redis.into_iter().chain(line::flaws(&redis));
        let flaws = on_disk.map(|flaw| Place { copy: "file", flaw });
        let flaws = flaws.chain(in_redis.map(|flaw| Place { copy: "redis", flaw })).collect();
        Ok(Self { path: path.to_owned(), disk: content.lines, redis, torn: content.torn, flaws })
    }

    /// What is wrong with them.
    pub fn flaws(&self) -> &[Place] {
        &self.flaws
    }

    /// A journal that was changed is no ground for decisions.
    pub fn refuse_flaws(&self, target: &Target) -> Result<(), StateError> {
        let Some(first) = self.flaws().first() else { return Ok(()) };
        let flaws = self.flaws().iter().filter(|place| place.copy == first.copy);
        let flaws: Vec<String> =
            flaws.map(|place| format!("entry {} {}", place.flaw.number, place.flaw.what)).collect();
        let file = self.path().display();
        let key = target.space().journal();
        let (place, repair) = match first.copy {
            "file" => (format!("the journal {file}"), format!("move {file} out of the way")),
            _ => (format!("the journal's copy in Redis ({key})"), format!("rename the key {key}")),
        };
        Err(Refusal::Journal { place, flaws: flaws.join("; "), repair }.into())
    }

    /// The first entry in which the copies differ: another machine went on with a copy that had lost entries.
    pub fn differ_from(&self) -> Option<u64> {
        let pair = self.disk.iter().zip(&self.redis).find(|(disk, redis)| disk.checksum != redis.checksum);
        pair.map(|(disk, _)| disk.number)
    }

    /// The copy that is gone on with: Redis' where they differ, else the longer one.
    pub fn lines(&self) -> &[Line] {
        let is_behind = self.redis.len() < self.disk.len() && self.differ_from().is_none();
        if is_behind { &self.disk } else { &self.redis }
    }

    /// Where the one on disk is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the gates need of it. The highest epoch is that of both copies.
    pub fn notes(&self) -> Notes {
        let mut notes = Notes::default();
        self.lines().iter().for_each(|line| notes.take(&line.entry));
        notes.highest_epoch = notes.highest_epoch.max(highest_epoch(&self.disk));
        notes
    }

    /// The runs that were rolled back to `off`: what they have left in Redis is nobody's. That one was is known by the
    /// next start, which was decided on its last record; a rollback that was written down may not have been made.
    pub fn rolled_back(&self) -> BTreeSet<Id> {
        let intents = || {
            self.disk.iter().chain(&self.redis).filter_map(|line| match &line.entry {
                Entry::Intended(intent) => Some(intent),
                _ => None,
            })
        };
        let ended =
            intents().filter(|intent| intent.record.phase == Phase::Off && !intent.record.run.is_none());
        let ended: HashMap<Stamp, Id> =
            ended.map(|intent| (intent.record.stamp, intent.record.run)).collect();
        let starts = intents().filter(|intent| matches!(intent.step, Step::Start { .. }));
        starts.filter_map(|start| ended.get(&start.expected).copied()).collect()
    }

    /// The highest token of a lock under which an entry was written.
    pub fn highest_token(&self) -> u64 {
        self.disk.iter().chain(&self.redis).map(|line| line.token).max().unwrap_or_default()
    }
}

fn highest_epoch(lines: &[Line]) -> u64 {
    let mut notes = Notes::default();
    lines.iter().for_each(|line| notes.take(&line.entry));
    notes.highest_epoch
}

/// The journal, for adding to it.
pub struct Journal {
    appender: file::Appender,
    link: Link,
    place: stream::Place,
    within: Duration,
    owner: Owner,
    token: u64,
    /// The newest entry's number and checksum.
    end: (u64, String),
    behind: Behind,
    notes: Notes,
}

/// What has to be made good before the first entry is added.
#[derive(Debug, Default)]
struct Behind {
    on_disk: Vec<Line>,
    in_redis: Vec<Line>,
    /// The highest epoch of a file that is not gone on with.
    replaced: Option<u64>,
}

impl Journal {
    /// Goes on where the copies end.
    pub fn open(target: &Target, link: &Link, copies: &Copies, owner: Owner, token: u64) -> Self {
        let lines = copies.lines();
        let newest = lines.last().map(|line| (line.number, line.checksum.clone()));
        let replaced = copies.differ_from().map(|_| highest_epoch(&copies.disk));
        let known = if replaced.is_some() { 0 } else { copies.disk.len().min(lines.len()) };
        let behind = Behind {
            on_disk: lines[known..].to_vec(),
            in_redis: lines[copies.redis.len().min(lines.len())..].to_vec(),
            replaced,
        };
        Self {
            appender: file::Appender::new(&copies.path),
            link: link.clone(),
            place: stream::Place { stream: target.space().journal(), lock: target.space().lock(), token },
            within: target.timeout / REPLICATION_SHARE,
            owner,
            token,
            end: newest.unwrap_or_default(),
            behind,
            notes: copies.notes(),
        }
    }

    /// Brings the copy up to date that is behind. A file that went another way is kept aside.
    async fn catch_up(&mut self) -> Result<(), String> {
        let behind = std::mem::take(&mut self.behind);
        if behind.replaced.is_some() {
            self.appender.set_aside().map_err(|error| error.to_string())?;
        }
        for line in &behind.on_disk {
            self.appender.add(line).map_err(|error| error.to_string())?;
        }
        self.tell_redis(&behind.in_redis, 0).await?;
        match behind.replaced {
            Some(epoch) => self.append(Entry::Heard { epoch }, 0).await,
            None => Ok(()),
        }
    }

    async fn append(&mut self, entry: Entry, replicas: u32) -> Result<(), String> {
        let line = Line {
            number: self.end.0 + 1,
            at: now(),
            owner: self.owner.clone(),
            token: self.token,
            entry,
            previous: self.end.1.clone(),
            checksum: String::new(),
        };
        let line = line.sealed();
        // Redis first: it refuses whoever has lost the lock, and the file stays whole.
        self.tell_redis(std::slice::from_ref(&line), replicas).await?;
        self.appender.add(&line).map_err(|error| error.to_string())?;
        self.end = (line.number, line.checksum.clone());
        self.notes.take(&line.entry);
        Ok(())
    }

    async fn tell_redis(&mut self, lines: &[Line], replicas: u32) -> Result<(), String> {
        let added = stream::add(&mut self.link, &self.place, lines, replicas, self.within).await;
        added.map_err(|error| match error.to_string() {
            text if text.contains("equal or smaller") => format!(
                "its copy in Redis ({}) has had entries that were not read: somebody else writes to it as well, or its \
                 last ones were deleted; in that case rename the key, and it is written anew",
                self.place.stream
            ),
            text => format!("its copy in Redis: {text}"),
        })
    }
}

impl operator::Journal for Journal {
    fn notes(&self) -> &Notes {
        &self.notes
    }

    async fn add(&mut self, entry: Entry, replicas: u32) -> Result<(), String> {
        self.catch_up().await?;
        self.append(entry, replicas).await
    }
}

/// The journal for people and programs.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JournalListing {
    /// Version of this layout.
    pub schema: &'static str,
    /// The name under which the migration is steered.
    pub namespace: String,
    /// Where the copy on disk is.
    pub file: String,
    /// The entries, oldest first.
    pub entries: Vec<Line>,
    /// What is wrong with them.
    pub flaws: Vec<Place>,
    /// The first entry in which the copies differ.
    pub differ_from: Option<u64>,
    /// Whether the last entry on disk was only begun.
    pub torn: bool,
}

impl JournalListing {
    /// What was read.
    pub fn new(namespace: &str, copies: &Copies) -> Self {
        Self {
            schema: "scalectl.state.journal/1",
            namespace: namespace.to_owned(),
            file: copies.path.display().to_string(),
            entries: copies.lines().to_vec(),
            flaws: copies.flaws.clone(),
            differ_from: copies.differ_from(),
            torn: copies.torn,
        }
    }

    /// Whether it is as it was written. An entry that was only begun is no fault: nothing was decided on it.
    pub fn is_whole(&self) -> bool {
        self.flaws.is_empty() && self.differ_from.is_none()
    }
}
