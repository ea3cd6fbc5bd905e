//! The port to a real Redis: standalone, behind Sentinels, or a Cluster.
//!
//! Nothing is sent twice: a call ends with its reply, with the certainty that it was not carried out, or with neither.
//! Above it the protocol decides what that means.

mod address;
mod answer;
mod cluster;
mod events;
mod identity;
mod lane;
mod node;
mod request;
mod router;
mod subscriber;
mod trouble;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use rand::RngExt;
use tokio::sync::watch;
use tokio::task::AbortHandle;

pub use self::address::{Address, sibling};
use self::events::Events;
use self::identity::Alarm;
use self::node::Limits;
use self::request::Request;
use self::router::Router;
use self::subscriber::Subscriber;
use crate::control::Id;
use crate::port::{Event, Port};
use crate::wire::call::{Call, Failure, Reply};
use crate::wire::key::Space;

/// How Redis is reached.
#[derive(Clone)]
pub struct RedisSettings {
    /// `redis://`, `rediss://`, `redis+sentinel://host:port,…/master`, `redis+cluster://host:port,…`. May hold a
    /// password: never shown.
    pub url: String,
    /// Names of the keys that steer.
    pub space: Space,
    /// Time that a call may take.
    pub timeout: Duration,
    /// Of it, the time to wait for replicas.
    pub replicate_within: Duration,
}

impl std::fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { url: _, space, timeout, replicate_within } = self;
        let mut shown = f.debug_struct("RedisSettings");
        shown.field("space", space).field("timeout", timeout).field("replicate_within", replicate_within);
        shown.finish_non_exhaustive()
    }
}

/// Why there is no port. Says nothing of what the URL holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The URL is malformed.
    #[error(
        "the URL of Redis is malformed: expected redis://[user:password@]host:port[/db] (rediss:// with TLS), \
         redis+sentinel://[user:password@]host:port,host:port/master[/db] \
         or redis+cluster://[user:password@]host:port,host:port"
    )]
    Malformed,
    /// Nobody answers.
    #[error("Redis cannot be reached: {0}")]
    Unreachable(String),
}

/// Redis: standalone, behind Sentinels, or a Cluster.
pub struct RedisPort {
    router: Router,
    space: Space,
    events: Arc<Events>,
    incarnation: watch::Sender<Id>,
    subscriber: AbortHandle,
    begun: Instant,
}

impl RedisPort {
    /// Reads the URL and makes a port; connections are made when they are needed, and again when they are lost.
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`ConnectError::Malformed`].
    pub fn new(settings: RedisSettings) -> Result<Arc<Self>, ConnectError> {
        let RedisSettings { url, space, timeout, replicate_within } = settings;
        let address = Arc::new(Address::parse(&url)?);
        let events = Arc::new(Events::default());
        let alarm = Arc::new(Alarm::new(Arc::clone(&events)));
        let limits = Limits { call: timeout, replicate: replicate_within };
        let incarnation = watch::Sender::new(Id::NONE);
        let subscriber = Subscriber {
            address: Arc::clone(&address),
            space: space.clone(),
            events: Arc::clone(&events),
            limit: timeout,
            incarnation: incarnation.subscribe(),
            alarms: alarm.watch(),
        };
        let subscriber = tokio::spawn(subscriber.run()).abort_handle();
        let router = Router::new(&address, &alarm, limits);
        Ok(Arc::new(Self { router, space, events, incarnation, subscriber, begun: Instant::now() }))
    }

    async fn barrier(&self, replicas: u32) -> Result<Reply, Failure> {
        // Also without replicas: a server that has restarted is noticed when it is spoken to.
        self.router.wait_for_replicas(replicas).await?;
        // An operator, who hears no events, has nothing in memory that Redis may have forgotten.
        let is_heard = !self.incarnation.borrow().is_none();
        if is_heard && self.events.has_forgot() {
            return Err(Failure::Refused("a server is another one than before".to_owned()));
        }
        Ok(Reply::Done)
    }
}

impl Drop for RedisPort {
    fn drop(&mut self) {
        self.subscriber.abort();
    }
}

impl Port for RedisPort {
    async fn call(&self, call: Call, replicas: u32) -> Result<Reply, Failure> {
        // Boxed: compilers give up on futures as deep as those of connections, wherever a caller spawns one.
        let Some(request) = Request::of(&call, &self.space) else {
            let barrier: BoxFuture<'_, _> = Box::pin(self.barrier(replicas));
            return barrier.await;
        };
        let replicas = if call.is_durable() { replicas } else { 0 };
        let answer: BoxFuture<'_, _> = Box::pin(self.router.run(&request, replicas));
        answer::read(&call, answer.await?)
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    fn wall_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn random(&self) -> Id {
        Id(rand::rng().random_range(1..=u128::MAX))
    }

    async fn event(&self, incarnation: Id) -> Event {
        self.incarnation.send_if_modified(|known| std::mem::replace(known, incarnation) != incarnation);
        self.events.next().await
    }
}
