//! Answers one connection, a line after the other.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use state_map::redis::RedisPort;
use state_map::{Change, Map, Node, Refused, Status};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::pause;
use crate::protocol::{Answer, Request};

type Lists = Map<Vec<u64>, RedisPort>;
type Connection = BufReader<TcpStream>;

/// The application.
pub struct App {
    pub node: Arc<Node<RedisPort>>,
    pub lists: Lists,
    pub merged: Lists,
    pub presence: Map<String, RedisPort>,
}

/// Serves until the peer closes. A connection that fails is the peer's business.
pub async fn serve(connection: TcpStream, app: Arc<App>) {
    let mut connection = BufReader::new(connection);
    while let Ok(Some(request)) = receive(&mut connection).await {
        let answered = match request {
            Request::SlowAppend { key, item } => slow_append(&mut connection, &app, key, item).await,
            request => send(&mut connection, &app.answer(request).await).await,
        };
        if answered.is_err() {
            return;
        }
    }
}

async fn receive(connection: &mut Connection) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if connection.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&line)?))
}

async fn send(connection: &mut Connection, answer: &Answer) -> io::Result<()> {
    let line = format!("{}\n", json!(answer));
    connection.get_mut().write_all(line.as_bytes()).await
}

async fn slow_append(connection: &mut Connection, app: &Arc<App>, key: String, item: u64) -> io::Result<()> {
    let paused = pause::append(Arc::clone(app), key, item);
    if paused.reached.await.is_ok() {
        send(connection, &Answer::Paused).await?;
        let Some(Request::Go) = receive(connection).await? else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        // An operation that was given up in the meantime does not listen any more.
        let _ = paused.go.send(());
    }
    let outcome = paused.outcome.await.map_err(io::Error::other)?;
    send(connection, &outcome.into()).await
}

impl App {
    async fn answer(&self, request: Request) -> Answer {
        match request {
            Request::Get { key } => {
                self.lists.get(&key).await.map(|list| list.map(|list| list.to_vec())).into()
            }
            Request::Set { key, list } => {
                replace(&self.lists, &key, |_| Change::Set(list.clone(), None)).await.into()
            }
            Request::Append { key, item } => append(&self.lists, &key, item).await.into(),
            Request::Insert { key, item } => self.lists.insert_new(&key, vec![item], None).await.into(),
            Request::Delete { key } => replace(&self.lists, &key, |_| Change::Delete).await.into(),
            Request::DeleteIf { key, list } => delete_if(&self.lists, &key, &list).await.into(),
            Request::AppendMerged { key, item } => append(&self.merged, &key, item).await.into(),
            Request::GetMerged { key } => {
                self.merged.get(&key).await.map(|list| list.map(|list| list.to_vec())).into()
            }
            Request::Connect { .. } | Request::Heartbeat { .. } | Request::Disconnect { .. } => {
                self.changed_presence(request).await.into()
            }
            Request::Whereis { user } => {
                self.presence.get(&user).await.map(|socket| socket.map(|socket| socket.to_string())).into()
            }
            Request::Peek { key } => Answer::Ok(json!(self.lists.peek(&key).map(|list| list.to_vec()))),
            Request::Status => Answer::Ok(shown(&self.node.status())),
            Request::Leave { within_ms } => {
                Answer::Ok(json!(self.node.leave(Duration::from_millis(within_ms)).await))
            }
            Request::SlowAppend { .. } | Request::Go => Answer::Refused("nothing is paused".to_owned()),
        }
    }

    async fn changed_presence(&self, request: Request) -> Result<Option<String>, Refused> {
        let (user, socket, change) = match request {
            Request::Connect { user, socket, ttl_ms } => (user, socket, Online::Is(ttl_ms)),
            Request::Heartbeat { user, socket, ttl_ms } => (user, socket, Online::Still(ttl_ms)),
            Request::Disconnect { user, socket } => (user, socket, Online::NoMore),
            _ => return Ok(None),
        };
        let decide = |now: Option<&String>| {
            let is_this = now == Some(&socket);
            match change {
                Online::Is(ttl) => Change::Set(socket.clone(), Some(Duration::from_millis(ttl))),
                Online::Still(ttl) if is_this => {
                    Change::Set(socket.clone(), Some(Duration::from_millis(ttl)))
                }
                Online::NoMore if is_this => Change::Delete,
                Online::Still(_) | Online::NoMore => Change::Keep,
            }
        };
        self.presence.update(&user, |now| (decide(now), now.cloned())).await
    }
}

/// What a user's socket tells.
#[derive(Clone, Copy)]
enum Online {
    Is(u64),
    Still(u64),
    NoMore,
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
        "maps": status.maps,
    })
}
