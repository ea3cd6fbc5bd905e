//! Asks the instances through Redis, and collects what they answer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use redis::{Pipeline, RedisResult, cmd};
use state_map::Id;
use state_map::verify::answer::part_field;
use state_map::verify::{Inquiry, Question, Told};
use tokio::time::{Instant, sleep};

use super::servers::Servers;
use crate::state::StateError;

/// How often answers are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// Parts that are fetched at once.
const PARTS_AT_ONCE: u32 = 16;
/// How long questions stay after the last one: a tool that was killed leaves nothing behind.
const KEPT: Duration = Duration::from_secs(120);

/// What one instance answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The header.
    pub told: Told,
    /// The parts, in their order.
    pub parts: Vec<Vec<u8>>,
}

/// All answers to one question.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// By incarnation.
    pub of: BTreeMap<Id, Answer>,
    /// Who did not answer in time.
    pub silent: BTreeSet<Id>,
}

/// Whom to ask, and how long to wait.
#[derive(Debug, Clone)]
pub struct Asking {
    /// The incarnations that have to answer.
    pub of: BTreeSet<Id>,
    /// How long they may take.
    pub patience: Duration,
}

impl Asking {
    /// Asks all of them one question.
    pub async fn ask(
        &self,
        servers: &Servers,
        question: Question,
        expiring_before_ms: u64,
    ) -> Result<Answers, StateError> {
        let deadline_ms =
            servers.now_ms().await? + u64::try_from(self.patience.as_millis()).unwrap_or(u64::MAX);
        let inquiry = Inquiry { id: random(), question, deadline_ms, expiring_before_ms };
        let fault = |error| servers.target.fault("ask the instances", &error);
        post(servers, &inquiry).await.map_err(fault)?;
        let answers = self.collect(servers, inquiry.id).await;
        // A question that is taken back late is no harm: it has a deadline.
        take_back(servers, inquiry.id).await.ok();
        answers.map_err(fault)
    }

    async fn collect(&self, servers: &Servers, inquiry: Id) -> RedisResult<Answers> {
        let until = Instant::now() + self.patience;
        let mut answers = Answers { of: BTreeMap::new(), silent: self.of.clone() };
        loop {
            for (incarnation, told) in headers(servers, inquiry, &answers.silent).await? {
                if let Some(parts) = parts(servers, inquiry, &told).await? {
                    answers.silent.remove(&incarnation);
                    answers.of.insert(incarnation, Answer { told, parts });
                }
            }
            if answers.silent.is_empty() || Instant::now() >= until {
                return Ok(answers);
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

/// A new identity.
pub fn random() -> Id {
    Id(rand::random::<u128>().max(1))
}

async fn post(servers: &Servers, inquiry: &Inquiry) -> RedisResult<()> {
    let key = servers.target.space().inquiry();
    // Inquiries are plain values: they cannot fail to become JSON.
    let text = serde_json::to_string(inquiry).unwrap_or_default();
    let mut pipeline = Pipeline::new();
    pipeline.cmd("HSET").arg(&key).arg(inquiry.id.to_string()).arg(text).ignore();
    pipeline.cmd("EXPIRE").arg(&key).arg(KEPT.as_secs()).ignore();
    pipeline.query_async(&mut servers.link.clone()).await
}

async fn take_back(servers: &Servers, inquiry: Id) -> RedisResult<()> {
    let space = servers.target.space();
    let mut pipeline = Pipeline::new();
    pipeline.cmd("HDEL").arg(space.inquiry()).arg(inquiry.to_string()).ignore();
    pipeline.cmd("UNLINK").arg(space.answers(&inquiry.to_string())).ignore();
    pipeline.query_async(&mut servers.link.clone()).await
}

/// The headers of those who have answered since.
async fn headers(servers: &Servers, inquiry: Id, of: &BTreeSet<Id>) -> RedisResult<Vec<(Id, Told)>> {
    if of.is_empty() {
        return Ok(Vec::new());
    }
    let fields: Vec<String> = of.iter().map(Id::to_string).collect();
    let found = fields_of(servers, inquiry, &fields).await?;
    let told =
        of.iter().zip(found).filter_map(|(id, body)| Some((*id, serde_json::from_slice(&body?).ok()?)));
    Ok(told.collect())
}

/// All parts of an answer; none when one is not there: an answer with a hole says nothing.
async fn parts(servers: &Servers, inquiry: Id, told: &Told) -> RedisResult<Option<Vec<Vec<u8>>>> {
    let mut parts = Vec::new();
    for first in (0..told.parts).step_by(PARTS_AT_ONCE as usize) {
        let numbers = first..told.parts.min(first + PARTS_AT_ONCE);
        let fields: Vec<String> = numbers.map(|part| part_field(told.incarnation, part)).collect();
        parts.extend(fields_of(servers, inquiry, &fields).await?);
    }
    Ok(parts.into_iter().collect())
}

async fn fields_of(servers: &Servers, inquiry: Id, fields: &[String]) -> RedisResult<Vec<Option<Vec<u8>>>> {
    let key = servers.target.space().answers(&inquiry.to_string());
    cmd("HMGET").arg(key).arg(fields).query_async(&mut servers.link.clone()).await
}
