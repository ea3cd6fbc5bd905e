//! Which node of a Cluster serves a slot.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::select_ok;
use redis::{Client, RedisError, RedisResult, Value, cmd, from_redis_value};
use tokio::time::timeout;

use super::address::{host, sibling};
use super::identity::Alarm;
use super::lane::Goal;
use super::node::{Limits, Node};
use crate::sync::lock;

/// Least time between two questions about the slots.
const BREATH: Duration = Duration::from_millis(50);

/// Host and port of a node.
type Place = (String, u16);

/// First slot, last slot, place, identity.
type Range = (u16, u16, Place, String);

/// A Cluster as far as it is known.
#[derive(Debug)]
pub struct Cluster {
    seeds: Vec<Client>,
    alarm: Arc<Alarm>,
    limits: Limits,
    map: Mutex<Map>,
    asked: tokio::sync::Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
struct Map {
    ranges: Vec<Range>,
    /// Slots that have moved since the ranges were asked for.
    moved: BTreeMap<u16, Place>,
    nodes: HashMap<Place, Arc<Node>>,
}

impl Cluster {
    /// A Cluster of which nothing is known yet.
    pub fn new(seeds: Vec<Client>, alarm: &Arc<Alarm>, limits: Limits) -> Self {
        Self {
            seeds,
            alarm: Arc::clone(alarm),
            limits,
            map: Mutex::default(),
            asked: tokio::sync::Mutex::default(),
        }
    }

    /// The node that serves a slot; none when nobody is known to.
    pub async fn node(&self, slot: u16) -> Option<Arc<Node>> {
        if let Some(node) = self.known(slot) {
            return Some(node);
        }
        self.refresh().await;
        self.known(slot)
    }

    /// A slot of each master.
    pub async fn shards(&self) -> Vec<u16> {
        if lock(&self.map).ranges.is_empty() {
            self.refresh().await;
        }
        let map = lock(&self.map);
        let by_master: BTreeMap<_, _> =
            map.ranges.iter().map(|(first, _, place, _)| (place, *first)).collect();
        by_master.into_values().collect()
    }

    /// A node that another one has named.
    pub fn node_at(&self, address: &str) -> Option<Arc<Node>> {
        let place = self.place(address)?;
        Some(self.enter(&mut lock(&self.map), &place))
    }

    /// A node says that another one serves a slot.
    pub async fn moved(&self, slot: u16, address: &str) {
        self.refresh().await;
        let Some(place) = self.place(address) else { return };
        let mut map = lock(&self.map);
        if map.place(slot) == Some(&place) {
            return;
        }
        if !map.ranges.iter().any(|(_, _, master, _)| *master == place) {
            self.alarm.raise();
        }
        map.moved.insert(slot, place);
    }

    /// Asks the nodes who serves what. Whoever answers first is believed: a wrong answer is corrected by the node
    /// that a command is sent to.
    pub async fn refresh(&self) {
        let mut asked = self.asked.lock().await;
        if asked.is_some_and(|asked| asked.elapsed() < BREATH) {
            return;
        }
        let questions = self.sources().into_iter().map(|client| ask(client, self.limits.call).boxed());
        match select_ok(questions).await {
            Ok((ranges, _)) => self.take(ranges),
            Err(error) => tracing::debug!(%error, "no node of the Cluster tells who serves what"),
        }
        *asked = Some(Instant::now());
    }

    fn sources(&self) -> Vec<Client> {
        let places: BTreeSet<Place> =
            lock(&self.map).ranges.iter().map(|(_, _, place, _)| place.clone()).collect();
        let known = places.iter().filter_map(|(host, port)| sibling(self.seeds.first()?, host, *port).ok());
        known.chain(self.seeds.iter().cloned()).collect()
    }

    fn take(&self, ranges: Vec<Range>) {
        let mut map = lock(&self.map);
        let masters = |ranges: &[Range]| ranges.iter().map(|(.., id)| id.clone()).collect::<BTreeSet<_>>();
        let (before, now) = (masters(&map.ranges), masters(&ranges));
        // A new master was a replica, and may lack what its master had. A slot that moves between masters lacks nothing.
        if !before.is_empty() && !now.is_subset(&before) {
            self.alarm.raise();
        }
        map.nodes.retain(|place, _| ranges.iter().any(|(_, _, master, _)| master == place));
        map.moved.clear();
        map.ranges = ranges;
    }

    /// As [`Self::node`], without asking anybody.
    pub fn known(&self, slot: u16) -> Option<Arc<Node>> {
        let mut map = lock(&self.map);
        let place = map.place(slot)?.clone();
        Some(self.enter(&mut map, &place))
    }

    fn enter(&self, map: &mut Map, place: &Place) -> Arc<Node> {
        let made = || {
            // An address that is none leads to a node that cannot be connected to.
            let client = sibling(&self.seeds[0], &place.0, place.1).unwrap_or_else(|_| self.seeds[0].clone());
            Arc::new(Node::new(Goal::Node(Arc::new(client)), &self.alarm, self.limits))
        };
        Arc::clone(map.nodes.entry(place.clone()).or_insert_with(made))
    }

    /// `host:port`; a node that does not know its own host says the port only.
    fn place(&self, address: &str) -> Option<Place> {
        let (named, port) = address.rsplit_once(':')?;
        let named = if named.is_empty() { host(self.seeds.first()?) } else { named.to_owned() };
        Some((named, port.parse().ok()?))
    }
}

impl Map {
    fn place(&self, slot: u16) -> Option<&Place> {
        let within = |(first, last, ..): &&Range| (*first..=*last).contains(&slot);
        self.moved.get(&slot).or_else(|| self.ranges.iter().find(within).map(|(_, _, place, _)| place))
    }
}

/// What a node says.
async fn ask(client: Client, limit: Duration) -> RedisResult<Vec<Range>> {
    let here = host(&client);
    let asking = async {
        let mut connection = client.get_multiplexed_async_connection().await?;
        cmd("CLUSTER").arg("SLOTS").query_async::<Vec<Vec<Value>>>(&mut connection).await
    };
    let late = || RedisError::from((redis::ErrorKind::Io, "no answer in time"));
    let rows = timeout(limit, asking).await.map_err(|_| late())??;
    let ranges: Vec<Range> = rows.into_iter().map(|row| range(row, &here)).collect::<RedisResult<_>>()?;
    if ranges.is_empty() {
        return Err((redis::ErrorKind::Client, "the node serves no Cluster").into());
    }
    Ok(ranges)
}

/// First slot, last slot, master, replicas. A host that is not given is the one that was asked.
fn range(row: Vec<Value>, here: &str) -> RedisResult<Range> {
    let mut row = row.into_iter();
    let mut next = || row.next().unwrap_or_default();
    let (first, last) = (from_redis_value(next())?, from_redis_value(next())?);
    let master: Vec<Value> = from_redis_value(next())?;
    let mut master = master.into_iter();
    let mut part = || master.next().unwrap_or_default();
    let named: Option<String> = from_redis_value(part())?;
    let port = from_redis_value(part())?;
    let id = from_redis_value(part())?;
    let named = named.filter(|host| !host.is_empty() && host != "?").unwrap_or_else(|| here.to_owned());
    Ok((first, last, (named, port), id))
}
