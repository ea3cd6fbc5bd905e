//! One connection to one server, made when it is needed and again when it is lost. It sends each command once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Pipeline, Value, cmd, pipe};
use tokio::sync::Mutex;

use super::address::Address;
use super::identity::Identity;
use super::trouble::{Sent, Trouble, cause};
use crate::wire::script;

/// Where a lane leads.
#[derive(Debug, Clone)]
pub enum Goal {
    /// To whoever is in charge at this address.
    Master(Arc<Address>),
    /// To this node of a Cluster.
    Node(Arc<Client>),
}

impl Goal {
    async fn find(&self) -> redis::RedisResult<Client> {
        match self {
            Self::Master(address) => address.find_node(0).await,
            Self::Node(client) => Ok(Client::clone(client)),
        }
    }
}

/// A connection.
#[derive(Debug)]
pub struct Lane {
    goal: Goal,
    identity: Arc<Identity>,
    connect_within: Duration,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    connection: Option<MultiplexedConnection>,
    number: u64,
    turns: u64,
}

impl Lane {
    /// A lane that is not connected yet.
    pub fn new(goal: Goal, identity: Arc<Identity>, connect_within: Duration) -> Self {
        Self { goal, identity, connect_within, open: Mutex::default() }
    }

    /// Sends commands in one go, and gives each one's answer: an error of the server is [`Value::ServerError`].
    pub async fn send(&self, commands: &Pipeline, sent: &[&Sent]) -> Result<Vec<Value>, Trouble> {
        let (mut connection, number) = self.connection().await.map_err(Trouble::NotSent)?;
        sent.iter().for_each(|sent| sent.set());
        match connection.send_packed_commands(commands, 0, commands.len()).await {
            Ok(answers) => Ok(answers),
            Err(error) => {
                self.leave(number).await;
                Err(Trouble::Unknown(cause(&error)))
            }
        }
    }

    /// Leaves the present connection: whoever is behind it does not answer, or is not in charge. One that is being
    /// made is new enough.
    pub fn reset(&self) {
        if let Ok(mut open) = self.open.try_lock() {
            open.connection = None;
        }
    }

    async fn leave(&self, number: u64) {
        let mut open = self.open.lock().await;
        if open.number == number {
            open.connection = None;
            // What was cut here is cut in the server's other lane too, and nobody else is to find out by an error.
            self.identity.turn();
        }
    }

    /// Connecting is boxed: its depth would show in every future of an application's requests.
    async fn connection(&self) -> Result<(MultiplexedConnection, u64), String> {
        let mut open = self.open.lock().await;
        if let Some(connection) = open.connection.as_ref().filter(|_| open.turns == self.identity.turns()) {
            return Ok((connection.clone(), open.number));
        }
        let connection = match tokio::time::timeout(self.connect_within, self.connect().boxed()).await {
            Ok(connected) => connected?,
            Err(_) => return Err("no connection in time".to_owned()),
        };
        (open.number, open.turns) = (open.number + 1, self.identity.turns());
        open.connection = Some(connection.clone());
        Ok((connection, open.number))
    }

    /// A connection to a master, which has all scripts and whose identity is known.
    async fn connect(&self) -> Result<MultiplexedConnection, String> {
        let client = self.goal.find().await.map_err(|error| cause(&error))?;
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let connected = client.get_multiplexed_async_connection_with_config(&config).await;
        let mut connection = connected.map_err(|error| cause(&error))?;
        let mut greeting = pipe();
        greeting.cmd("INFO").arg("server").cmd("INFO").arg("replication");
        add_scripts(&mut greeting);
        let answers: Vec<String> =
            greeting.query_async(&mut connection).await.map_err(|error| cause(&error))?;
        let field = |name| answers.iter().take(2).find_map(|text| field(text, name)).unwrap_or_default();
        if field("role") != "master" {
            return Err("the server is a replica: writes go to its master".to_owned());
        }
        self.identity.learn(&format!("{}:{}", field("master_replid"), field("run_id")));
        Ok(connection)
    }
}

/// The commands that make all scripts known.
pub fn add_scripts(commands: &mut Pipeline) {
    for script in script::ALL {
        commands.add_command(cmd("SCRIPT").arg("LOAD").arg(script.text).take());
    }
}

/// The value of a field in the answer of `INFO`.
fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
