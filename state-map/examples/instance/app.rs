//! The application: three maps and what is asked of them.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use state_map::{Change, Json, Map, MapSpec, Misfit, Node, Refused, Status, Takeover, Text};

use crate::protocol::{Answer, Request};
use crate::skewed::Skewed;

type Lists = Map<Vec<u64>, Skewed>;

/// See the module.
pub struct App {
    node: Arc<Node<Skewed>>,
    /// Lists that belong to whoever has them.
    pub lists: Lists,
    /// Lists of which the longer one wins.
    merged: Lists,
    /// Users and the socket over which they are online.
    presence: Map<String, Skewed>,
}

impl App {
    pub fn new(node: Arc<Node<Skewed>>) -> Result<Self, Misfit> {
        let merged = MapSpec::new("merged", "merged:", Json);
        let presence = MapSpec::new("presence", "presence:", Text);
        Ok(Self {
            lists: node.map(MapSpec::new("lists", "list:", Json))?,
            merged: node.map(merged.merging(|held: &Vec<u64>, stored| longer(held, stored)))?,
            presence: node.map(presence.takeover(Takeover::LastWins))?,
            node,
        })
    }

    pub async fn answer(&self, request: Request) -> Answer {
        match request {
            Request::Get { key } => self.lists.get(&key).await.into(),
            Request::GetMerged { key } => self.merged.get(&key).await.into(),
            Request::Set { key, list } => {
                replace(&self.lists, &key, |_| Change::Set(list.clone(), None)).await.into()
            }
            Request::Append { key, item } => append(&self.lists, &key, item).await.into(),
            Request::AppendMerged { key, item } => append(&self.merged, &key, item).await.into(),
            Request::Insert { key, item } => self.lists.insert_new(&key, vec![item], None).await.into(),
            Request::Delete { key } => replace(&self.lists, &key, |_| Change::Delete).await.into(),
            Request::DeleteIf { key, list } => delete_if(&self.lists, &key, &list).await.into(),
            Request::Connect { user, socket, ttl_ms } => {
                self.tell_presence(&user, &socket, Online::Is(ttl_ms)).await.into()
            }
            Request::Heartbeat { user, socket, ttl_ms } => {
                self.tell_presence(&user, &socket, Online::Still(ttl_ms)).await.into()
            }
            Request::Disconnect { user, socket } => {
                self.tell_presence(&user, &socket, Online::NoMore).await.into()
            }
            Request::Whereis { user } => self.presence.get(&user).await.into(),
            Request::Peek { key } => Answer::Ok(json!(self.lists.peek(&key))),
            Request::Status => Answer::Ok(shown(&self.node.status())),
            Request::Leave { within_ms } => {
                Answer::Ok(json!(self.node.leave(Duration::from_millis(within_ms)).await))
            }
            Request::SlowAppend { .. } | Request::Go => Answer::Refused("nothing is stopped".to_owned()),
        }
    }

    async fn tell_presence(
        &self,
        user: &str,
        socket: &String,
        online: Online,
    ) -> Result<Option<String>, Refused> {
        let here = |ttl_ms| Change::Set(socket.clone(), Some(Duration::from_millis(ttl_ms)));
        let decide = |now: Option<&String>| match online {
            Online::Is(ttl_ms) => here(ttl_ms),
            _ if now != Some(socket) => Change::Keep,
            Online::Still(ttl_ms) => here(ttl_ms),
            Online::NoMore => Change::Delete,
        };
        self.presence.update(user, |now| (decide(now), now.cloned())).await
    }
}

/// What a user's socket tells.
#[derive(Clone, Copy)]
enum Online {
    Is(u64),
    Still(u64),
    NoMore,
}

/// Of two lists the longer one; nothing when they are equally long.
fn longer(held: &[u64], stored: &[u64]) -> Option<Vec<u64>> {
    match held.len().cmp(&stored.len()) {
        Ordering::Less => Some(stored.to_vec()),
        Ordering::Equal => None,
        Ordering::Greater => Some(held.to_vec()),
    }
}

/// Changes a list and hands out the one before.
async fn replace(
    lists: &Lists,
    key: &str,
    mut change: impl FnMut(Option<&Vec<u64>>) -> Change<Vec<u64>> + Send,
) -> Result<Option<Vec<u64>>, Refused> {
    lists.update(key, |list| (change(list), list.cloned())).await
}

async fn append(lists: &Lists, key: &str, item: u64) -> Result<Option<Vec<u64>>, Refused> {
    replace(lists, key, |list| Change::Set(appended(list, item), None)).await
}

async fn delete_if(lists: &Lists, key: &str, only: &Vec<u64>) -> Result<Option<Vec<u64>>, Refused> {
    let decide = |list: Option<&Vec<u64>>| if list == Some(only) { Change::Delete } else { Change::Keep };
    replace(lists, key, decide).await
}

/// The list with one more item.
pub fn appended(list: Option<&Vec<u64>>, item: u64) -> Vec<u64> {
    let mut list = list.cloned().unwrap_or_default();
    list.push(item);
    list
}

fn shown(status: &Status) -> Value {
    json!({
        "registered": status.registered,
        "retired": status.retired,
        "incarnation": status.incarnation,
        "phase": status.phase,
        "acknowledged": status.acknowledged,
        "waiting_for": status.waiting_for,
        "unavailable": status.unavailable,
        "maps": status.maps,
    })
}
