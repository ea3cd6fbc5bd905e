//! Reads all that Redis has under the maps' names: every master at once, reading ahead of what is looked at.

use std::collections::{HashMap, HashSet};

use redis::{RedisResult, cmd};
use state_map::verify::digest::place;
use state_map::wire::key::Key;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::maps::Maps;
use super::servers::{Server, Servers};
use super::stored::{self, Stored};
use crate::state::StateError;

/// Names that one step of a scan asks for.
const PAGE: usize = 1_000;
/// Pages that are read ahead of each master.
const AHEAD: usize = 4;

/// A page of keys and what Redis has of them.
type Page = Vec<(Key, Stored)>;

/// Which keys are read: all, or those whose place is accepted.
pub type Wanted<'a> = &'a (dyn Fn(u64) -> bool + Sync);

/// What a scan went over.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scanned {
    /// Names of any kind.
    pub names: u64,
    /// Keys that were read.
    pub keys: u64,
    /// Bytes of their values.
    pub bytes: u64,
}

/// What one master's scan hands on.
enum Found {
    /// Keys with a record.
    Records(Page),
    /// Names of values: each must have a record.
    Values(Vec<Key>),
    /// Names that were gone over.
    Names(u64),
}

/// Reads every key of the maps once, and shows it. Values without a sidecar come last.
pub async fn scan(
    servers: &Servers,
    maps: &Maps,
    wanted: Wanted<'_>,
    mut show: impl FnMut(&Key, &Stored, Scanned),
) -> Result<Scanned, StateError> {
    let (sender, mut receiver) = mpsc::channel(AHEAD * servers.masters.len().max(1));
    let mut readers = JoinSet::new();
    for server in &servers.masters {
        readers.spawn(walk(server.clone(), maps.clone(), sender.clone()));
    }
    drop(sender);
    let mut seen = Seen::default();
    let mut scanned = Scanned::default();
    while let Some(found) = receiver.recv().await {
        match found {
            Found::Names(names) => scanned.names += names,
            Found::Values(keys) => seen.values(keys, wanted),
            Found::Records(page) => {
                for (key, stored) in page {
                    let place = place(key.value());
                    if seen.records.insert(place) && wanted(place) {
                        scanned.count(&stored);
                        show(&key, &stored, scanned);
                    }
                }
            }
        }
    }
    while let Some(ended) = readers.join_next().await {
        ended.unwrap_or(Ok(())).map_err(|error| servers.target.fault("read all keys", &error))?;
    }
    for (key, stored) in read_keys(servers, &seen.unrecorded()).await? {
        scanned.count(&stored);
        show(&key, &stored, scanned);
    }
    Ok(scanned)
}

impl Scanned {
    fn count(&mut self, stored: &Stored) {
        self.keys += 1;
        self.bytes += stored.bytes().map_or(0, |bytes| bytes.len() as u64);
    }
}

/// What was seen already: a scan may show a key more than once.
#[derive(Default)]
struct Seen {
    records: HashSet<u64>,
    /// Values whose record has not been met yet.
    values: HashMap<u64, Key>,
}

impl Seen {
    fn values(&mut self, keys: Vec<Key>, wanted: Wanted<'_>) {
        for key in keys {
            let place = place(key.value());
            if wanted(place) && !self.records.contains(&place) {
                self.values.insert(place, key);
            }
        }
        // What waits for its record is kept small: values and records of one key come far apart.
        if self.values.len() > PAGE * 64 && self.values.len().is_power_of_two() {
            self.values.retain(|place, _| !self.records.contains(place));
        }
    }

    fn unrecorded(self) -> Vec<Key> {
        let Self { records, values } = self;
        values.into_iter().filter(|(place, _)| !records.contains(place)).map(|(_, key)| key).collect()
    }
}

/// Goes over the names of one master and reads the maps' keys.
async fn walk(server: Server, maps: Maps, found: mpsc::Sender<Found>) -> RedisResult<()> {
    let mut connection = server.connection.clone();
    let mut cursor = 0_u64;
    loop {
        let scan = cmd("SCAN").arg(cursor).arg("COUNT").arg(PAGE).clone();
        let (next, names): (u64, Vec<Vec<u8>>) = scan.query_async(&mut connection).await?;
        let (records, values) = sort(&names, &maps);
        let read = stored::read(&mut server.connection.clone(), &records).await?;
        let page = records.into_iter().zip(read).collect();
        let parts = [Found::Records(page), Found::Values(values), Found::Names(names.len() as u64)];
        for part in parts {
            // Nobody listens any more: the verification was given up.
            if found.send(part).await.is_err() {
                return Ok(());
            }
        }
        cursor = next;
        if cursor == 0 {
            return Ok(());
        }
    }
}

/// Of some names, the keys of sidecars and those of values.
fn sort(names: &[Vec<u8>], maps: &Maps) -> (Vec<Key>, Vec<Key>) {
    let (mut records, mut values) = (Vec::new(), Vec::new());
    for name in names.iter().filter_map(|name| std::str::from_utf8(name).ok()) {
        match Key::of_sidecar(name) {
            Some(key) if maps.of(&key).is_some() => records.push(key),
            Some(_) => {}
            None => {
                let key = Key::from_name(name);
                if maps.of(&key).is_some() {
                    values.push(key);
                }
            }
        }
    }
    (records, values)
}

/// Reads single keys, wherever they are.
pub async fn read_keys(servers: &Servers, keys: &[Key]) -> Result<Vec<(Key, Stored)>, StateError> {
    let mut found = Vec::with_capacity(keys.len());
    for keys in keys.chunks(PAGE) {
        let read = stored::read(&mut servers.link.clone(), keys).await;
        let read = read.map_err(|error| servers.target.fault("read keys", &error))?;
        found.extend(keys.iter().cloned().zip(read));
    }
    Ok(found)
}
