//! One handle to Redis, whichever way it is run: standalone, behind Sentinel, or a Cluster.
//!
//! Redis is optional at any moment. A server starts without it, every call has a short time limit, and a
//! circuit breaker (`circuit`) answers at once while Redis is away. A keeper in the background (`keeper`) finds
//! the master anew and closes the circuit again. Callers get a result or [`Unavailable`], and then fall back.

mod address;
mod circuit;
mod dedicated;
mod failure;
mod keeper;
mod link;
mod publisher;
mod subscriber;
#[cfg(test)]
pub mod testing;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use redis::{Cmd, FromRedisValue, Pipeline, RedisResult, Script};
use secrecy::ExposeSecret;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

pub use dedicated::Dedicated;
pub use subscriber::Notice;

use self::address::Address;
use self::circuit::Circuit;
use self::failure::Failure;
use self::link::Link;
use self::publisher::Outbox;
use self::subscriber::Subscriptions;
use crate::config::RedisSettings;
use crate::error::StartError;
use crate::telemetry::Telemetry;

/// Commands of [`Redis::each`] that are under way together.
const PIPELINED: usize = 256;

/// The circuit is open, or the command timed out or failed; the log and the metrics know which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Redis is unavailable")]
pub struct Unavailable;

/// The handle. Its background tasks end with it.
pub struct Redis {
    shared: Arc<Shared>,
    outbox: Outbox,
    subscriptions: Subscriptions,
    _tasks: JoinSet<()>,
}

/// What the handle shares with its tasks.
struct Shared {
    address: Address,
    timeout: Duration,
    retry_interval: Duration,
    circuit: Circuit,
    links: watch::Sender<Option<Link>>,
    suspect: Notify,
    broken: AtomicBool,
    subscribed: AtomicBool,
    lost: Notify,
    telemetry: Arc<Telemetry>,
}

impl Redis {
    /// Connects, or starts with an open circuit when nobody answers. Refuses a malformed URL only.
    pub async fn connect(
        settings: &RedisSettings,
        telemetry: Arc<Telemetry>,
    ) -> Result<Arc<Self>, StartError> {
        let shared = Arc::new(Shared {
            address: Address::parse(settings.url.expose_secret())?,
            timeout: settings.timeout,
            retry_interval: settings.retry_interval,
            circuit: Circuit::open(settings.failures_to_open, Arc::clone(&telemetry)),
            links: watch::Sender::new(None),
            suspect: Notify::new(),
            broken: AtomicBool::new(false),
            subscribed: AtomicBool::new(false),
            lost: Notify::new(),
            telemetry,
        });
        keeper::first(&shared).await;
        let mut tasks = JoinSet::new();
        tasks.spawn(keeper::keep(Arc::clone(&shared)));
        let outbox = publisher::start(Arc::clone(&shared), &mut tasks);
        let subscriptions = subscriber::start(Arc::clone(&shared), &mut tasks);
        Ok(Arc::new(Self { shared, outbox, subscriptions, _tasks: tasks }))
    }

    /// Whether commands are sent at all: the circuit is closed.
    pub fn availability(&self) -> watch::Receiver<bool> {
        self.shared.circuit.watch()
    }

    /// Whether messages of other instances arrive.
    pub fn is_subscribed(&self) -> bool {
        self.shared.subscribed.load(Ordering::Relaxed)
    }

    /// Whether Redis answers now.
    pub async fn ping(&self) -> Result<(), Unavailable> {
        self.query("ping", redis::cmd("PING")).await
    }

    /// Runs a command.
    pub async fn query<T: FromRedisValue + Send>(
        &self,
        operation: &'static str,
        command: Cmd,
    ) -> Result<T, Unavailable> {
        self.shared.run(operation, async |mut link| command.query_async(&mut link).await).await
    }

    /// Runs commands in one round trip. In a Cluster, their keys must share a slot.
    pub async fn pipeline<T: FromRedisValue + Send>(
        &self,
        operation: &'static str,
        pipeline: Pipeline,
    ) -> Result<T, Unavailable> {
        self.shared.run(operation, async |mut link| pipeline.query_async(&mut link).await).await
    }

    /// Runs independent commands with few round trips, also where their keys lie on several nodes. Stops at the
    /// first that fails.
    pub async fn each(&self, operation: &'static str, commands: Vec<Cmd>) -> Result<(), Unavailable> {
        if self.shared.address.has_one_master() {
            let mut commands = commands.into_iter().peekable();
            while commands.peek().is_some() {
                let mut pipeline = Pipeline::new();
                for command in commands.by_ref().take(PIPELINED) {
                    pipeline.add_command(command).ignore();
                }
                self.pipeline::<()>(operation, pipeline).await?;
            }
            return Ok(());
        }
        let calls = commands.into_iter().map(|command| self.query::<redis::Value>(operation, command));
        stream::iter(calls).buffer_unordered(PIPELINED).try_for_each(async |_| Ok(())).await
    }

    /// Runs a script, which is loaded where it is not known yet. In a Cluster, its keys must share a slot.
    pub async fn script<T: FromRedisValue + Send>(
        &self,
        operation: &'static str,
        script: &Script,
        keys: &[&str],
        args: &[Vec<u8>],
    ) -> Result<T, Unavailable> {
        let mut call = script.prepare_invoke();
        for key in keys {
            call.key(*key);
        }
        for arg in args {
            call.arg(arg.as_slice());
        }
        self.shared.run(operation, async |mut link| call.invoke_async(&mut link).await).await
    }

    /// Sends a message to whoever listens. Never waits: while the circuit is open, or when messages come
    /// faster than Redis takes them, the message is dropped and counted.
    pub fn publish(&self, channel: &str, payload: Vec<u8>) {
        self.outbox.put(&self.shared, channel, payload);
    }

    /// Resolves when messages were lost although the circuit is closed: whoever listens does not know. For one
    /// task only.
    pub async fn lost(&self) {
        self.shared.lost.notified().await;
    }

    /// Listens to a channel until the receiver is dropped, across reconnects. The subscription begins with a
    /// [`Notice::Interrupted`] as soon as Redis has confirmed it.
    pub fn subscribe(&self, channel: &str) -> mpsc::Receiver<Notice> {
        self.subscriptions.add(channel)
    }
}

impl Shared {
    /// One call: counted, timed, bounded, and told to the circuit.
    async fn run<T, F, R>(&self, operation: &'static str, ask: F) -> Result<T, Unavailable>
    where
        F: FnOnce(Link) -> R,
        R: Future<Output = RedisResult<T>>,
    {
        if !self.circuit.is_closed() {
            self.telemetry.redis_call(operation, "rejected", Duration::ZERO);
            return Err(Unavailable);
        }
        let begun = Instant::now();
        let answer = tokio::time::timeout(self.timeout, async {
            let link = self.link().await.ok_or(Failure::Down("no connection".into()))?;
            ask(link).await.map_err(Failure::from)
        });
        let answer = answer.await.unwrap_or(Err(Failure::TimedOut));
        let outcome = answer.as_ref().err().map_or("ok", Failure::outcome);
        self.telemetry.redis_call(operation, outcome, begun.elapsed());
        match answer {
            Ok(value) => {
                self.circuit.succeeded();
                Ok(value)
            }
            Err(failure) => {
                self.note(operation, begun, &failure);
                Err(Unavailable)
            }
        }
    }

    /// The present connection; waits for the next one when it was lost a moment ago.
    async fn link(&self) -> Option<Link> {
        let mut links = self.links.subscribe();
        let mut availability = self.circuit.watch();
        tokio::select! {
            biased;
            link = links.wait_for(Option::is_some) => link.ok()?.clone(),
            _ = availability.wait_for(|available| !available) => None,
        }
    }

    /// Draws the consequences of a failed call, unless it failed on a connection that has been replaced since.
    fn note(&self, operation: &'static str, begun: Instant, failure: &Failure) {
        if let Failure::Refused(cause) = failure {
            return tracing::error!(operation, %cause, "Redis refused a command");
        }
        tracing::debug!(operation, %failure, "a call to Redis failed");
        if self.links.borrow().as_ref().is_some_and(|link| link.is_newer_than(begun)) {
            return;
        }
        if matches!(failure, Failure::Down(_)) {
            self.broken.store(true, Ordering::Relaxed);
            if self.address.has_one_master() {
                self.links.send_if_modified(|link| link.take().is_some());
            }
        }
        self.circuit.failed(failure);
        self.suspect.notify_one();
    }
}
