//! Messages on their way out. One task sends them, as many at a time as have gathered, over a connection of its
//! own: messages of one instance arrive in the order in which they were put here, also through a Cluster.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::Pipeline;
use redis::aio::MultiplexedConnection;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Shared;
use super::failure::{Failure, within};
use super::link::{CONNECT_TIMEOUT, node_config};

/// Messages that may wait.
const CAPACITY: usize = 16_384;

/// Messages sent in one round trip.
const BATCH: usize = 256;

/// Pause after a failure.
const BREATH: Duration = Duration::from_millis(50);

/// Where messages are put.
pub struct Outbox {
    sender: mpsc::Sender<Message>,
}

struct Message {
    channel: Box<str>,
    payload: Vec<u8>,
}

impl Outbox {
    /// Takes a message, or drops and counts it.
    pub fn put(&self, shared: &Shared, channel: &str, payload: Vec<u8>) {
        let message = Message { channel: channel.into(), payload };
        if !shared.circuit.is_closed() || self.sender.try_send(message).is_err() {
            shared.telemetry.redis_dropped("published", 1);
        }
    }
}

/// Starts the task.
pub fn start(shared: Arc<Shared>, tasks: &mut JoinSet<()>) -> Outbox {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    tasks.spawn(publish(shared, receiver));
    Outbox { sender }
}

async fn publish(shared: Arc<Shared>, mut receiver: mpsc::Receiver<Message>) {
    let mut links = shared.links.subscribe();
    let mut batch = Vec::with_capacity(BATCH);
    let (mut connection, mut attempt) = (None, 0);
    while receiver.recv_many(&mut batch, BATCH).await > 0 {
        // Another master may be in charge since the commands got another connection.
        if shared.address.has_one_master() && links.has_changed().unwrap_or(false) {
            links.mark_unchanged();
            connection = None;
        }
        let (begun, count) = (Instant::now(), batch.len() as u64);
        let sent = send(&shared, &mut connection, attempt, batch.drain(..)).await;
        let outcome = sent.as_ref().err().map_or("ok", Failure::outcome);
        shared.telemetry.redis_call("publish", outcome, begun.elapsed());
        if let Err(failure) = sent {
            tracing::debug!(%failure, count, "messages were not published");
            shared.telemetry.redis_dropped("published", count);
            shared.suspect.notify_one();
            shared.lost.notify_one();
            (connection, attempt) = (None, attempt + 1);
            sleep(BREATH).await;
        }
    }
}

async fn send(
    shared: &Shared,
    connection: &mut Option<MultiplexedConnection>,
    attempt: usize,
    batch: impl Iterator<Item = Message>,
) -> Result<(), Failure> {
    let mut pipeline = Pipeline::new();
    for Message { channel, payload } in batch {
        pipeline.cmd("PUBLISH").arg(&*channel).arg(payload).ignore();
    }
    let open = match connection {
        Some(open) => open,
        None => connection.insert(connect(shared, attempt).await?),
    };
    within(shared.timeout, pipeline.query_async(open)).await
}

async fn connect(shared: &Shared, attempt: usize) -> Result<MultiplexedConnection, Failure> {
    let connecting = async {
        let node = shared.address.find_node(attempt).await?;
        node.get_multiplexed_async_connection_with_config(&node_config()).await
    };
    within(CONNECT_TIMEOUT, connecting).await
}
