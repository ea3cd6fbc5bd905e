//! The way to the sockets of other instances, and the one adapter type that handlers know.

use std::convert::Infallible;
use std::sync::Arc;

use socketioxide::SocketIo;
use socketioxide::adapter::Emitter;
use socketioxide_redis::drivers::{ChanItem, Driver, MessageStream};
use socketioxide_redis::{CustomRedisAdapter, RedisAdapterConfig, RedisAdapterCtr};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::redis::{Notice, Redis};

/// What knows the rooms of all instances.
pub type Adapter = CustomRedisAdapter<Emitter, Backplane>;

/// Emits to sockets.
pub type Io = SocketIo<Adapter>;

/// A socket of this instance.
pub type SocketRef = socketioxide::extract::SocketRef<Adapter>;

/// Carries what the adapters of the instances tell one another through Redis; nothing when there is none.
///
/// It never fails and never waits: the adapter would not tell its own sockets when the others cannot be told.
#[derive(Clone)]
pub struct Backplane {
    redis: Option<Arc<Redis>>,
    closed: CancellationToken,
}

impl Backplane {
    /// The way over this Redis, or no way.
    pub fn new(redis: Option<Arc<Redis>>) -> Self {
        Self { redis, closed: CancellationToken::new() }
    }

    /// What builds the adapter.
    pub fn into_state(self) -> RedisAdapterCtr<Self> {
        RedisAdapterCtr::new_with_driver(self, RedisAdapterConfig::default())
    }
}

impl Driver for Backplane {
    type Error = Infallible;

    async fn publish(&self, channel: String, message: Vec<u8>) -> Result<(), Infallible> {
        if let Some(redis) = &self.redis {
            redis.publish(&channel, message);
        }
        Ok(())
    }

    async fn subscribe(&self, channel: String, size: usize) -> Result<MessageStream<ChanItem>, Infallible> {
        let Some(redis) = &self.redis else { return Ok(MessageStream::new_empty()) };
        let (sender, receiver) = mpsc::channel(size);
        let (notices, closed) = (redis.subscribe(&channel), self.closed.clone());
        tokio::spawn(closed.run_until_cancelled_owned(forward(channel, notices, sender)));
        Ok(MessageStream::new(receiver))
    }

    async fn unsubscribe(&self, _: String) -> Result<(), Infallible> {
        self.closed.cancel();
        Ok(())
    }

    async fn num_serv(&self, channel: &str) -> Result<u16, Infallible> {
        let Some(redis) = &self.redis else { return Ok(1) };
        let mut ask = redis::cmd("PUBSUB");
        ask.arg("NUMSUB").arg(channel);
        let counted: Result<(String, u16), _> = redis.query("pubsub_numsub", ask).await;
        Ok(counted.map_or(1, |(_, servers)| servers))
    }
}

async fn forward(channel: String, mut notices: mpsc::Receiver<Notice>, sender: mpsc::Sender<ChanItem>) {
    while let Some(notice) = notices.recv().await {
        let Notice::Message(message) = notice else { continue };
        if sender.send((channel.clone(), message)).await.is_err() {
            return;
        }
    }
}
