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
use crate::config::duration::humanize;
use crate::load::recorder::{Failure, Sample};
use crate::load::scenario::plan::{AnswerPlan, EmitStep, Join, JsonPath, MetricId, ReceiveStep, Source};
use crate::load::scenario::template::{Slots, Template};

impl VirtualUser {
    /// Opens the connection, or joins one more namespace on it.
    pub(super) async fn connect(&mut self, join: &Join) -> StepResult {
        let begun = self.begin(join.metric);
        // Boxed: a handshake's state is ten times what a user holds for the rest of its life.
        let result = Box::pin(self.join(join)).await;
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
        let begun = self.begin(step.metric);
        let answers = self.emit_and_wait(step, payload.to_string()).await;
        let ended = Instant::now();
        let is_answered = step.acknowledge.is_some() || step.response.is_some();
        let result = answers.and_then(|answers| self.take_answers(step, &answers));
        if result.is_ok() && !is_answered {
            self.in_flight = None;
            self.shared.recorder.sent(step.metric);
            self.due = Instant::now();
            return Ok(());
        }
        self.finish_at(ended, step.metric, begun, result)
    }

    /// The acknowledgement and the event in answer, as far as they are asked for. Sending has the same time
    /// limit as what it waits for: a server that reads no more would hold the user for ever.
    async fn emit_and_wait(
        &mut self,
        step: &EmitStep,
        payload: String,
    ) -> Result<(Option<Packet>, Option<Packet>), Failure> {
        let shared = Arc::clone(&self.shared);
        let awaited = &shared.plan.scenarios[self.scenario].awaited;
        let namespace = &step.join.namespace;
        let limit = step.acknowledge.as_ref().map_or(step.join.timeout, |plan| plan.timeout);
        let mut session = self.session.take().ok_or_else(no_session)?;
        let acknowledged = timeout(limit, async {
            let sent = session.io.emit(namespace, payload, step.acknowledge.is_some()).await;
            match sent.map_err(|error| Failure::from(&error))? {
                Some(id) => session.acknowledgement(id, awaited).await.map(Some),
                None => Ok(None),
            }
        });
        // A session that fails here is dropped: half a frame may have been written.
        let ack = acknowledged.await.map_err(|_| late(step.acknowledge.is_some(), limit))??;
        let response = match &step.response {
            None => None,
            Some((event, plan)) => {
                let received = timeout(plan.timeout, session.event(namespace, event, awaited)).await;
                Some(received.map_err(|_| late_event(event, plan.timeout))??.packet)
            }
        };
        self.session = Some(session);
        Ok((ack, response))
    }

    fn take_answers(
        &mut self,
        step: &EmitStep,
        answers: &(Option<Packet>, Option<Packet>),
    ) -> Result<(), Failure> {
        if let (Some(plan), Some(ack)) = (&step.acknowledge, &answers.0) {
            self.take_answer_of(plan, ack)?;
        }
        if let (Some((_, plan)), Some(response)) = (&step.response, &answers.1) {
            self.take_answer_of(plan, response)?;
        }
        Ok(())
    }

    /// Waits for an event. The run's end is no failure of the one who waits: the other side ended too.
    pub(super) async fn receive(&mut self, step: &ReceiveStep) -> StepResult {
        self.ensure_joined(&step.join).await?;
        let shared = Arc::clone(&self.shared);
        let awaited = &shared.plan.scenarios[self.scenario].awaited;
        let (begun, limit) = (Instant::now(), step.answer.timeout);
        let is_closed = self.is_closed();
        let mut session = self.session.take().ok_or(Ending::Fruitless)?;
        let received = tokio::select! {
            biased;
            received = timeout(limit, session.event(&step.join.namespace, &step.event, awaited)) => Some(received),
            () = shared.stop.soft.cancelled() => None,
            () = tokio::time::sleep_until(self.ends_at), if is_closed => None,
        };
        match received {
            None => {
                self.session = Some(session);
                Err(Ending::Cut)
            }
            Some(Err(_)) => self.finish(step.metric, begun, Err(late_event(&step.event, limit))),
            Some(Ok(Err(failure))) => self.finish(step.metric, begun, Err(failure)),
            Some(Ok(Ok(received))) => {
                self.session = Some(session);
                self.take_event(step, begun, &received)
            }
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
        self.shared
            .recorder
            .success(metric, &Sample { ended: received.at, response: delivery, service: delivery });
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
            let found = answer::captured(capture, path, &root, &self.slots);
            answer::keep(capture, found, &mut self.slots, || answer::missing(&path.source, &root))?;
        }
        Ok(root)
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

/// A refusal is an answer: the server was there and took its time.
fn refused(error: &ClientError) -> Failure {
    Failure {
        is_timed: matches!(error, ClientError::Refused(_) | ClientError::Timeout(_)),
        ..Failure::from(error)
    }
}

fn late(is_acknowledged: bool, limit: Duration) -> Failure {
    let (cause, what) =
        if is_acknowledged { ("ack timeout", "acknowledgement") } else { ("send timeout", "room to send") };
    Failure::answered(cause, format!("no {what} within {}", humanize(limit)))
}

fn late_event(event: &str, limit: Duration) -> Failure {
    Failure::answered("event timeout", format!("no {event} within {}", humanize(limit)))
}

fn no_session() -> Failure {
    Failure::from(&ClientError::Closed("before this step"))
}
