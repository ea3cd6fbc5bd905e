//! Messages on their way in: one task holds one connection for the steering channel and the inbox, and makes it again
//! when it is lost. Whoever listens is told each time to look at the control record, for messages may have been missed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::{PubSubSink, PubSubStream};
use redis::{Msg, Value};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::address::Address;
use super::events::Events;
use super::trouble::cause;
use crate::control::Id;
use crate::port::Event;
use crate::wire::key::Space;

/// Time between two signs of life.
const PING: Duration = Duration::from_secs(2);

/// Pause between two attempts.
const BREATH: Duration = Duration::from_millis(100);

/// What the task needs.
pub struct Subscriber {
    pub address: Arc<Address>,
    pub space: Space,
    pub events: Arc<Events>,
    pub limit: Duration,
    /// The incarnation whose inbox is listened to; none at first.
    pub incarnation: watch::Receiver<Id>,
    /// Changes when a server is another one than before.
    pub alarms: watch::Receiver<u64>,
}

impl Subscriber {
    /// Runs for ever.
    pub async fn run(mut self) {
        for attempt in 0.. {
            let ended = match timeout(self.limit, self.connect(attempt)).await {
                Ok(Ok((sink, stream))) => self.listen(sink, stream).await,
                Ok(Err(why)) => why,
                Err(_) => "no connection in time".to_owned(),
            };
            tracing::debug!(%ended, "the subscriptions are interrupted");
            sleep(BREATH).await;
        }
    }

    async fn connect(&mut self, attempt: usize) -> Result<(PubSubSink, PubSubStream), String> {
        let incarnation = *self.incarnation.borrow_and_update();
        self.alarms.mark_unchanged();
        let connecting = async {
            let node = self.address.find_node(attempt).await?;
            let (mut sink, stream) = node.get_async_pubsub().await?.split();
            sink.subscribe(self.space.steering()).await?;
            if !incarnation.is_none() {
                sink.subscribe(self.space.inbox(incarnation)).await?;
            }
            Ok((sink, stream))
        };
        let connected = connecting.await.map_err(|error| cause(&error))?;
        self.events.put(Event::Steered);
        Ok(connected)
    }

    /// Until the connection is lost, or another one is needed: why.
    async fn listen(&mut self, mut sink: PubSubSink, mut stream: PubSubStream) -> String {
        let mut pings = interval(PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = stream.next() => match message {
                    Some(message) => self.take(&message),
                    None => return "the connection is lost".to_owned(),
                },
                _ = pings.tick() => match timeout(self.limit, sink.ping::<Value>()).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => return cause(&error),
                    Err(_) => return "no answer in time".to_owned(),
                },
                Ok(()) = self.incarnation.changed() => return "another inbox is wanted".to_owned(),
                Ok(()) = self.alarms.changed() => return "another server is in charge".to_owned(),
            }
        }
    }

    fn take(&self, message: &Msg) {
        if message.get_channel_name() == self.space.steering() {
            return self.events.put(Event::Steered);
        }
        match serde_json::from_slice(message.get_payload_bytes()) {
            Ok(message) => self.events.put(Event::Message(message)),
            Err(error) => tracing::warn!(%error, "a message in the inbox cannot be read"),
        }
    }
}
