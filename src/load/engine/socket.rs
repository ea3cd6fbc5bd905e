//! The Socket.IO steps.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::answer;
use super::session::{Received, Session};
use super::user::{Ending, StepResult, VirtualUser};
use crate::clients::ClientError;
use crate::clients::socketio::{OpenOptions, Packet, SocketIo};
use crate::load::recorder::{Failure, Sample};
use crate::load::scenario::plan::{AnswerPlan, EmitStep, Join, JsonPath, MetricId, ReceiveStep, Source};
use crate::load::scenario::template::{Slots, Template};

impl VirtualUser {
    /// Opens the connection, or joins one more namespace on it.
    pub(super) async fn connect(&mut self, join: &Join) -> StepResult {
        let begun = Instant::now();
        let result = self.join(join).await;
        self.finish(join.metric, begun, result)
    }

    async fn ensure_joined(&mut self, join: &Join) -> StepResult {
        let is_joined = |session: &Session| session.joined.contains(&join.namespace);
        if self.session.as_ref().is_some_and(is_joined) { Ok(()) } else { self.connect(join).await }
    }

    /// A connection that fails to join is given up.
    async fn join(&mut self, join: &Join) -> Result<(), Failure> {
        let auth = join.auth.as_ref().map(|auth| auth.render(&self.slots)).transpose();
        let auth = auth.map_err(unrendered)?;
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.open(join).await?,
        };
        let joined = session.io.join(&join.namespace, auth.as_ref(), join.timeout).await;
        joined.map_err(|error| refused(&error))?;
        session.joined.push(join.namespace.clone());
        self.session = Some(session);
        Ok(())
    }

    async fn open(&self, join: &Join) -> Result<Session, Failure> {
        let options = OpenOptions {
            path: self.shared.plan.socket_path.clone(),
            query: rendered(&join.query, &self.slots)?,
            headers: rendered(&join.headers, &self.slots)?,
        };
        let opened = SocketIo::open(&self.shared.connector, &options, join.timeout).await;
        Ok(Session::new(opened.map_err(|error| Failure::from(&error))?, join.metric))
    }

    /// Sends an event and waits for what is to come back.
    pub(super) async fn emit(&mut self, step: &EmitStep) -> StepResult {
        self.ensure_joined(&step.join).await?;
        let payload = step.payload.render(&self.slots).map_err(|error| self.broken(&error))?;
        let begun = Instant::now();
        let result = self.emit_and_wait(step, payload.to_string()).await;
        match result {
            Ok(()) if step.acknowledge.is_none() && step.response.is_none() => {
                self.shared.recorder.sent(step.metric);
                self.due = Instant::now();
                Ok(())
            }
            result => self.finish(step.metric, begun, result),
        }
    }

    async fn emit_and_wait(&mut self, step: &EmitStep, payload: String) -> Result<(), Failure> {
        let shared = Arc::clone(&self.shared);
        let awaited = &shared.plan.scenarios[self.scenario].awaited;
        let session = self.session.as_mut().ok_or_else(no_session)?;
        let sent = session.io.emit(&step.join.namespace, payload, step.acknowledge.is_some()).await;
        let id = sent.map_err(|error| lost(&mut self.session, &error))?;
        if let (Some(plan), Some(id)) = (&step.acknowledge, id) {
            let ack = acknowledgement(&mut self.session, id, awaited);
            let ack =
                timeout(plan.timeout, ack).await.map_err(|_| late("acknowledgement", plan.timeout))??;
            self.take_answer_of(plan, &ack)?;
        }
        if let Some((event, plan)) = &step.response {
            let wait = event_of(&mut self.session, &step.join.namespace, event, awaited);
            let received = timeout(plan.timeout, wait).await.map_err(|_| late(event, plan.timeout))??;
            self.take_answer_of(plan, &received.packet)?;
        }
        Ok(())
    }

    /// Waits for an event. The run's end is no failure of the one who waits: the other side ended too.
    pub(super) async fn receive(&mut self, step: &ReceiveStep) -> StepResult {
        self.ensure_joined(&step.join).await?;
        let shared = Arc::clone(&self.shared);
        let awaited = &shared.plan.scenarios[self.scenario].awaited;
        let (begun, limit) = (Instant::now(), step.answer.timeout);
        let received = tokio::select! {
            biased;
            received = timeout(limit, event_of(&mut self.session, &step.join.namespace, &step.event, awaited)) => received,
            () = shared.stop.soft.cancelled() => return Err(Ending::Cut),
        };
        match received {
            Err(_) => self.finish(step.metric, begun, Err(late(&step.event, limit))),
            Ok(Err(failure)) => {
                self.session = None;
                self.finish(step.metric, begun, Err(failure))
            }
            Ok(Ok(received)) => self.take_event(step, begun, &received),
        }
    }

    fn take_event(&mut self, step: &ReceiveStep, begun: Instant, received: &Received) -> StepResult {
        let checked = self.take_answer_of(&step.answer, &received.packet);
        let checked = checked.and_then(|root| match &step.delivery {
            Some((metric, path)) => self.record_delivery(*metric, path, &root, received),
            None => Ok(()),
        });
        self.finish_at(received.at, step.metric, begun, checked)
    }

    fn record_delivery(
        &self,
        metric: MetricId,
        path: &JsonPath,
        root: &Value,
        received: &Received,
    ) -> Result<(), Failure> {
        let found = answer::find(path, root);
        let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
        let Some(sent_at) = found.and_then(number) else { return Err(answer::missing(&path.source, root)) };
        let delivery = Duration::from_micros(received.at_epoch_micros.saturating_sub(sent_at));
        self.shared.recorder.success(metric, &Sample { response: delivery, service: delivery });
        Ok(())
    }

    /// Checks the arguments, keeps what is asked for, and gives them back as a list.
    fn take_answer_of(&mut self, plan: &AnswerPlan, packet: &Packet) -> Result<Value, Failure> {
        let arguments =
            packet.arguments().map_err(|error| Failure::answered("malformed arguments", error))?;
        let root = Value::Array(arguments);
        for check in &plan.checks {
            answer::check(check, &root, &self.slots)?;
        }
        for capture in &plan.captures {
            let Source::Json(path) = &capture.from else { continue };
            match answer::find(path, &root) {
                Some(value) => self.slots[capture.slot] = Some(value.clone()),
                None if capture.strict => return Err(answer::missing(&path.source, &root)),
                None => {}
            }
        }
        Ok(root)
    }
}

/// Waits for the acknowledgement `id`; events that come first are kept, late acknowledgements dropped.
async fn acknowledgement(
    session: &mut Option<Session>,
    id: u32,
    awaited: &[String],
) -> Result<Packet, Failure> {
    let open = session.as_mut().ok_or_else(no_session)?;
    loop {
        match open.take_in(awaited).await {
            Ok(Some(ack)) if ack.id == Some(id) => return Ok(ack),
            Ok(_) => {}
            Err(failure) => {
                *session = None;
                return Err(failure);
            }
        }
    }
}

/// Waits for an event of that name, beginning with those that have already come.
async fn event_of(
    session: &mut Option<Session>,
    namespace: &str,
    event: &str,
    awaited: &[String],
) -> Result<Received, Failure> {
    let session = session.as_mut().ok_or_else(no_session)?;
    loop {
        if let Some(received) = session.received(namespace, event) {
            return Ok(received);
        }
        session.take_in(awaited).await?;
    }
}

fn rendered(map: &BTreeMap<String, Template>, slots: &Slots) -> Result<HashMap<String, String>, Failure> {
    let render = |(key, template): (&String, &Template)| Ok((key.clone(), template.render(slots)?));
    map.iter().map(render).collect::<Result<_, String>>().map_err(unrendered)
}

/// Nothing was sent, because there was no value to send.
fn unrendered(error: String) -> Failure {
    Failure { cause: "script error".to_owned(), detail: error, is_timed: false }
}

fn lost(session: &mut Option<Session>, error: &ClientError) -> Failure {
    *session = None;
    Failure::from(error)
}

/// A refusal is an answer: the server was there and took its time.
fn refused(error: &ClientError) -> Failure {
    Failure {
        is_timed: matches!(error, ClientError::Refused(_) | ClientError::Timeout(_)),
        ..Failure::from(error)
    }
}

fn late(what: &str, limit: Duration) -> Failure {
    let detail = format!("no {what} within {}", crate::config::duration::humanize(limit));
    Failure::answered(if what == "acknowledgement" { "ack timeout" } else { "event timeout" }, detail)
}

fn no_session() -> Failure {
    Failure::from(&ClientError::Closed("before this step"))
}
