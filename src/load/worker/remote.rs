//! Workers on other machines, met through a Redis: not the one under test, which would feel it.
//!
//! Orders and reports are two streams of the run; a worker takes a seat, and a seat is taken once: a worker that
//! comes back has lost its users, and must not begin again in the middle. Moments are told by Redis' clock.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::streams::{StreamReadOptions, StreamReadReply};
use redis::{AsyncCommands, ExistenceCheck, RedisError, RedisResult, SetExpiry, SetOptions};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::message::{Order, Report};
use super::{Said, Word, Worker};
use crate::clients::{ClientError, SecretUrl};
use crate::load::scenario::template::epoch_micros;

/// How long connecting or an answer may take, the waiting for entries included.
const PATIENCE: Duration = Duration::from_secs(10);
/// A read waits this long for an entry.
const BLOCK_MILLIS: usize = 1_000;
/// What a run leaves in Redis is gone after a day.
const KEPT: Duration = Duration::from_secs(86_400);
/// A lead that has not said for so long that it is there is gone.
const LEAD_LEASE: Duration = Duration::from_secs(15);
/// Entries of a stream that are kept.
const KEPT_ENTRIES: usize = 100_000;
const WAITING: usize = 64;

/// The place in Redis where a run meets.
#[derive(Debug, Clone)]
pub struct Meeting {
    /// The Redis.
    pub url: SecretUrl,
    /// The run's name.
    pub run: String,
}

/// A worker's end of a meeting.
#[derive(Debug)]
pub struct Seat {
    /// What the lead says; it ends when the lead is gone.
    pub orders: mpsc::Receiver<Order>,
    /// What the lead is told.
    pub reports: mpsc::Sender<Report>,
    /// Ends when everything was sent.
    pub sent: JoinHandle<()>,
}

/// Why a meeting did not take place.
#[derive(Debug, thiserror::Error)]
pub enum MeetingError {
    /// Redis cannot be reached.
    #[error("the workers' Redis {url} cannot be reached: {source}")]
    Unreachable {
        /// The Redis.
        url: SecretUrl,
        /// Why.
        source: ClientError,
    },
    /// Redis refused.
    #[error("the workers' Redis: {0}")]
    Redis(#[from] RedisError),
    /// The name is in use.
    #[error("a run called {0} has met here before; name this one otherwise with --run")]
    Taken(String),
    /// The seat is in use.
    #[error(
        "seat {seat} of run {run} was taken before: a worker that was lost cannot come back into its run"
    )]
    Seated {
        /// The run.
        run: String,
        /// The seat, from 0.
        seat: u32,
    },
    /// Nobody leads.
    #[error("nobody led run {0} within the time to wait")]
    NoLead(String),
}

impl Meeting {
    fn key(&self, what: &str) -> String {
        format!("{{scalectl:load:{}}}:{what}", self.run)
    }

    async fn connect(&self) -> Result<MultiplexedConnection, MeetingError> {
        let connected = crate::clients::redis::connect(&self.url, PATIENCE).await;
        connected.map_err(|source| MeetingError::Unreachable { url: self.url.clone(), source })
    }

    /// Opens the meeting as its lead, for this many workers.
    pub async fn lead(&self, count: usize) -> Result<(Vec<Worker>, mpsc::Receiver<Said>), MeetingError> {
        let mut writing = self.connect().await?;
        if !self.claim(&mut writing, "run").await? {
            return Err(MeetingError::Taken(self.run.clone()));
        }
        self.renew(&mut writing).await?;
        let offset = offset(&mut writing).await?;
        let (tell, said) = mpsc::channel(WAITING);
        let (all, orders) = mpsc::channel(WAITING);
        let workers = (0..count).map(|seat| self.seat(seat, &all)).collect();
        tokio::spawn(self.clone().send_orders(writing, orders, offset));
        tokio::spawn(self.clone().hear_reports(self.connect().await?, tell, count));
        Ok((workers, said))
    }

    fn seat(&self, seat: usize, all: &mpsc::Sender<(String, Order)>) -> Worker {
        let (orders, mut given) = mpsc::channel(WAITING);
        let all = all.clone();
        tokio::spawn(async move {
            while let Some(order) = given.recv().await {
                all.send((seat.to_string(), order)).await.ok();
            }
        });
        Worker { name: format!("worker {} (seat {seat} of {})", seat + 1, self.run), orders }
    }

    /// Writes what is ordered, and that there is a lead as long as anybody may order.
    async fn send_orders(
        self,
        mut redis: MultiplexedConnection,
        mut orders: mpsc::Receiver<(String, Order)>,
        offset: i64,
    ) {
        let mut renewal = tokio::time::interval(LEAD_LEASE / 4);
        loop {
            tokio::select! {
                order = orders.recv() => {
                    let Some((to, order)) = order else { break };
                    let order = serde_json::to_string(&shifted(order, offset)).unwrap_or_default();
                    self.add(&mut redis, "orders", &[("seat", to), ("message", order)]).await.ok();
                }
                _ = renewal.tick() => { self.renew(&mut redis).await.ok(); }
            }
        }
        redis.del::<_, ()>(self.key("lead")).await.ok();
    }

    async fn hear_reports(self, mut redis: MultiplexedConnection, tell: mpsc::Sender<Said>, count: usize) {
        let mut from = "0".to_owned();
        while !tell.is_closed() {
            let Ok(entries) = self.read(&mut redis, "reports", &mut from).await else {
                // The connection makes itself anew; a worker that is not heard of for long is lost.
                tokio::time::sleep(Duration::from_millis(BLOCK_MILLIS as u64)).await;
                continue;
            };
            for (seat, report) in entries {
                let Ok(worker) = seat.parse::<usize>() else { continue };
                let Ok(report) = serde_json::from_str::<Report>(&report) else { continue };
                if worker < count {
                    tell.send(Said { worker, word: Word::Report(report) }).await.ok();
                }
            }
        }
    }

    /// Takes a seat as a worker, the next free one when none is given, and waits until somebody leads.
    pub async fn join(&self, seat: Option<u32>, wait: Duration) -> Result<Seat, MeetingError> {
        let mut redis = self.connect().await?;
        let seat = match seat {
            Some(seat) => seat,
            None => redis.incr::<_, _, u32>(self.key("seats"), 1).await? - 1,
        };
        if !self.claim(&mut redis, &format!("seat:{seat}")).await? {
            return Err(MeetingError::Seated { run: self.run.clone(), seat });
        }
        self.await_lead(&mut redis, wait).await?;
        let offset = offset(&mut redis).await?;
        let (give, orders) = mpsc::channel(WAITING);
        let (reports, take) = mpsc::channel(WAITING);
        tokio::spawn(self.clone().hear_orders(self.connect().await?, give, seat, offset));
        let sent = tokio::spawn(self.clone().send_reports(redis, take, seat));
        Ok(Seat { orders, reports, sent })
    }

    async fn await_lead(
        &self,
        redis: &mut MultiplexedConnection,
        wait: Duration,
    ) -> Result<(), MeetingError> {
        let deadline = tokio::time::Instant::now() + wait;
        while !redis.exists::<_, bool>(self.key("lead")).await? {
            if tokio::time::Instant::now() > deadline {
                return Err(MeetingError::NoLead(self.run.clone()));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    /// Passes on what is ordered; ends, and with it the orders, when the lead is gone.
    async fn hear_orders(
        self,
        mut redis: MultiplexedConnection,
        give: mpsc::Sender<Order>,
        seat: u32,
        offset: i64,
    ) {
        let (mut from, own) = ("0".to_owned(), seat.to_string());
        while !give.is_closed() {
            let Ok(entries) = self.read(&mut redis, "orders", &mut from).await else { return };
            for (to, order) in entries {
                if to != own {
                    continue;
                }
                let Ok(order) = serde_json::from_str(&order) else { return };
                give.send(shifted(order, -offset)).await.ok();
            }
            let is_led: RedisResult<bool> = redis.exists(self.key("lead")).await;
            if !is_led.unwrap_or(false) {
                return;
            }
        }
    }

    async fn send_reports(
        self,
        mut redis: MultiplexedConnection,
        mut take: mpsc::Receiver<Report>,
        seat: u32,
    ) {
        while let Some(report) = take.recv().await {
            let report = serde_json::to_string(&report).unwrap_or_default();
            self.add(&mut redis, "reports", &[("seat", seat.to_string()), ("message", report)]).await.ok();
        }
    }

    async fn add(
        &self,
        redis: &mut MultiplexedConnection,
        stream: &str,
        fields: &[(&str, String)],
    ) -> RedisResult<()> {
        let key = self.key(stream);
        let most = redis::streams::StreamMaxlen::Approx(KEPT_ENTRIES);
        redis.xadd_maxlen::<_, _, _, _, ()>(&key, most, "*", fields).await?;
        redis.expire(&key, KEPT.as_secs() as i64).await
    }

    /// The next entries of a stream, after `from`, which moves on.
    async fn read(
        &self,
        redis: &mut MultiplexedConnection,
        stream: &str,
        from: &mut String,
    ) -> RedisResult<Vec<(String, String)>> {
        let options = StreamReadOptions::default().block(BLOCK_MILLIS).count(WAITING);
        let reply: Option<StreamReadReply> =
            redis.xread_options(&[self.key(stream)], &[from.as_str()], &options).await?;
        let mut read = Vec::new();
        for entry in reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids) {
            let field = |name: &str| entry.get::<String>(name).unwrap_or_default();
            read.push((field("seat"), field("message")));
            from.clone_from(&entry.id);
        }
        Ok(read)
    }

    async fn renew(&self, redis: &mut MultiplexedConnection) -> RedisResult<()> {
        redis.set_ex(self.key("lead"), "1", LEAD_LEASE.as_secs()).await
    }

    async fn claim(&self, redis: &mut MultiplexedConnection, what: &str) -> RedisResult<bool> {
        let kept = SetExpiry::EX(KEPT.as_secs());
        let options = SetOptions::default().conditional_set(ExistenceCheck::NX).with_expiration(kept);
        let claimed: Option<String> = redis.set_options(self.key(what), "1", options).await?;
        Ok(claimed.is_some())
    }
}

/// How far Redis' clock is ahead of this machine's, in microseconds.
async fn offset(redis: &mut MultiplexedConnection) -> RedisResult<i64> {
    let asked = epoch_micros();
    let (seconds, micros): (i64, i64) = redis::cmd("TIME").query_async(redis).await?;
    let midway = asked.midpoint(epoch_micros());
    Ok(seconds * 1_000_000 + micros - midway.cast_signed())
}

fn shifted(order: Order, by: i64) -> Order {
    match order {
        Order::Start { at_epoch_micros } => {
            Order::Start { at_epoch_micros: at_epoch_micros.saturating_add_signed(by) }
        }
        other => other,
    }
}
