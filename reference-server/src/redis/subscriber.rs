//! Messages on their way in. One task holds the one connection for all channels, makes it again when it is
//! lost, and tells every listener that messages may have been missed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use redis::Msg;
use redis::aio::{PubSubSink, PubSubStream};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Shared;
use super::failure::{Failure, within};
use super::link::{CONNECT_TIMEOUT, Link};

/// Notices that may wait for one listener.
const CAPACITY: usize = 4_096;

/// Time between two signs of life.
const PING: Duration = Duration::from_secs(5);

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A message.
    Message(Vec<u8>),
    /// Messages before this one may have been missed: the subscription begins, was lost, is back, or the
    /// listener was too slow.
    Interrupted,
}

/// Where listeners announce themselves.
pub struct Subscriptions {
    sender: mpsc::UnboundedSender<(Box<str>, Listener)>,
}

impl Subscriptions {
    /// A new listener.
    pub fn add(&self, channel: &str) -> mpsc::Receiver<Notice> {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        // The task ends with the handle only.
        let _ = self.sender.send((channel.into(), Listener { sender, missed: false }));
        receiver
    }
}

struct Listener {
    sender: mpsc::Sender<Notice>,
    missed: bool,
}

impl Listener {
    /// Whether it still listens.
    fn tell(&mut self, notice: &Notice, shared: &Shared) -> bool {
        if self.missed {
            match self.sender.try_send(Notice::Interrupted) {
                Ok(()) => self.missed = false,
                Err(TrySendError::Full(_)) => return self.miss(shared),
                Err(TrySendError::Closed(_)) => return false,
            }
        }
        match self.sender.try_send(notice.clone()) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => self.miss(shared),
            Err(TrySendError::Closed(_)) => false,
        }
    }

    fn miss(&mut self, shared: &Shared) -> bool {
        self.missed = true;
        shared.telemetry.redis_dropped("received", 1);
        true
    }
}

/// Starts the task.
pub fn start(shared: Arc<Shared>, tasks: &mut JoinSet<()>) -> Subscriptions {
    let (sender, receiver) = mpsc::unbounded_channel();
    let links = shared.links.subscribe();
    let mut desk = Desk { shared, links, requests: receiver, listeners: HashMap::new() };
    tasks.spawn(async move { desk.run().await });
    Subscriptions { sender }
}

struct Desk {
    shared: Arc<Shared>,
    links: watch::Receiver<Option<Link>>,
    requests: mpsc::UnboundedReceiver<(Box<str>, Listener)>,
    listeners: HashMap<Box<str>, Vec<Listener>>,
}

impl Desk {
    async fn run(&mut self) {
        for attempt in 0.. {
            if self.wait_for_redis().await.is_none() {
                return;
            }
            let ended = match self.connect(attempt).await {
                Ok((sink, stream)) => self.listen(sink, stream).await,
                Err(failure) => failure,
            };
            tracing::debug!(%ended, "the subscriptions are interrupted");
            self.shared.subscribed.store(false, Ordering::Relaxed);
            self.shared.telemetry.redis_subscribed(false);
            self.tell_all(&Notice::Interrupted);
            self.shared.suspect.notify_one();
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Takes listeners in meanwhile. Nothing, once the handle is gone.
    async fn wait_for_redis(&mut self) -> Option<()> {
        loop {
            tokio::select! {
                biased;
                link = self.links.wait_for(Option::is_some) => {
                    link.ok()?;
                    break;
                }
                request = self.requests.recv() => {
                    let (channel, listener) = request?;
                    self.listeners.entry(channel).or_default().push(listener);
                }
            }
        }
        self.links.mark_unchanged();
        Some(())
    }

    async fn connect(&mut self, attempt: usize) -> Result<(PubSubSink, PubSubStream), Failure> {
        let connecting = async {
            let node = self.shared.address.find_node(attempt).await?;
            let (mut sink, stream) = node.get_async_pubsub().await?.split();
            for channel in self.listeners.keys() {
                sink.subscribe(&**channel).await?;
            }
            Ok((sink, stream))
        };
        let connected = within(CONNECT_TIMEOUT, connecting).await?;
        self.shared.subscribed.store(true, Ordering::Relaxed);
        self.shared.telemetry.redis_subscribed(true);
        self.tell_all(&Notice::Interrupted);
        Ok(connected)
    }

    /// Until the connection is lost, or another server is in charge.
    async fn listen(&mut self, mut sink: PubSubSink, mut stream: PubSubStream) -> Failure {
        let mut pings = interval(PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let went_on = tokio::select! {
                message = stream.next() => match message {
                    Some(message) => self.deliver(&mut sink, &message).await,
                    None => Err(Failure::Down("the connection is lost".into())),
                },
                request = self.requests.recv() => match request {
                    Some((channel, listener)) => self.begin(&mut sink, channel, listener).await,
                    None => Err(Failure::Down("nobody listens any more".into())),
                },
                _ = pings.tick() => within(self.shared.timeout, sink.ping::<redis::Value>()).await.map(|_| ()),
                _ = self.links.changed(), if self.shared.address.has_one_master() => Err(Failure::Down("the connection for commands is another".into())),
            };
            if let Err(failure) = went_on {
                return failure;
            }
        }
    }

    async fn begin(
        &mut self,
        sink: &mut PubSubSink,
        channel: Box<str>,
        mut listener: Listener,
    ) -> Result<(), Failure> {
        let known = self.listeners.contains_key(&channel);
        let begun = if known { Ok(()) } else { within(self.shared.timeout, sink.subscribe(&*channel)).await };
        if begun.is_ok() {
            listener.tell(&Notice::Interrupted, &self.shared);
        }
        self.listeners.entry(channel).or_default().push(listener);
        begun
    }

    async fn deliver(&mut self, sink: &mut PubSubSink, message: &Msg) -> Result<(), Failure> {
        let channel = message.get_channel_name();
        let Some(listeners) = self.listeners.get_mut(channel) else { return Ok(()) };
        let notice = Notice::Message(message.get_payload_bytes().to_vec());
        listeners.retain_mut(|listener| listener.tell(&notice, &self.shared));
        if listeners.is_empty() {
            self.listeners.remove(channel);
            return within(self.shared.timeout, sink.unsubscribe(channel)).await;
        }
        Ok(())
    }

    fn tell_all(&mut self, notice: &Notice) {
        let shared = &self.shared;
        self.listeners.retain(|_, listeners| {
            listeners.retain_mut(|listener| listener.tell(notice, shared));
            !listeners.is_empty()
        });
    }
}
