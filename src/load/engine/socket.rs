//! The Socket.IO steps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::answer;
use super::inbox::Received;
use super::session::Session;
use super::socket_session::{Named, SocketSession};
use super::storm::Kept;
use super::user::{Ending, StepResult, VirtualUser};
use crate::clients::ClientError;
use crate::clients::socketio::{Client, OpenOptions, Outgoing, Packet};
use crate::config::duration::humanize;
use crate::load::disconnect::Return;
use crate::load::recorder::{Failure, Sample};
use crate::load::scenario::plan::{
    AnswerPlan, Awaited, EmitStep, Join, JsonPath, MetricId, ReceiveStep, Source,
};
use crate::load::scenario::template::{Slots, Template};
use crate::text::json_excerpt;

impl VirtualUser {
    /// Opens the connection, or joins one more namespace on it.
    ///
    /// The steps of this file are boxed: a user that waits between them holds a pointer, not their state.
    pub(super) fn connect<'a>(&'a mut self, join: &'a Join) -> BoxFuture<'a, StepResult> {
        Box::pin(async move {
            let begun = self.begin(join.metric);
            let result = self.join(join).await;
            self.finish(join.metric, begun, result)
        })
    }

    pub(super) async fn ensure_joined(&mut self, join: &Join) -> StepResult {
        self.share_cookies();
        match &mut self.session {
            Some(Session::SocketIo(session)) if session.has_joined(&join.namespace) => Ok(()),
            _ => self.connect(join).await,
        }
    }

    /// The user has one jar: what an answer to a poll sets goes into HTTP requests, and the other way round.
    fn share_cookies(&mut self) {
        if let Some(Session::SocketIo(session)) = &mut self.session {
            if let Some(set) = session.take_cookies() {
                self.cookies.store(&set);
            }
            session.use_cookies(&self.cookies);
        }
    }

    /// A connection that fails to join is given up.
    async fn join(&mut self, join: &Join) -> Result<(), Failure> {
        let auth = join.auth.as_ref().map(|auth| auth.render(&self.slots)).transpose();
        let auth = auth.map_err(unrendered)?;
        let mut session = match self.session.take() {
            Some(Session::SocketIo(session)) => session,
            _ => self.open(join).await?,
        };
        let shared = Arc::clone(&self.shared);
        let awaited = &shared.plan.scenarios[self.scenario].awaited;
        let back = timeout(join.timeout, session.be_back(awaited)).await;
        back.map_err(|_| refused(&ClientError::Timeout(join.timeout)))??;
        let joined = session.join(&join.namespace, auth.as_ref(), join.timeout).await;
        if joined.is_ok() {
            shared.connected(self.index, Return::Anew);
        }
        self.put_back(session, joined.is_ok());
        joined.map_err(|error| refused(&error))
    }

    async fn open(&mut self, join: &Join) -> Result<Box<SocketSession>, Failure> {
        let plan = &self.shared.plan.socket;
        let options = OpenOptions {
            path: plan.path.clone(),
            query: rendered(&join.query, &self.slots)?,
            headers: rendered(&join.headers, &self.slots)?,
            transport: self.transport,
            cookies: self.cookies.clone(),
            is_kept: plan.reconnection.is_some(),
        };
        let reconnection = plan.reconnection.clone();
        let opened = Client::open(&self.shared.connector, options, join.timeout, reconnection).await;
        let client = opened.map_err(|error| Failure::from(&error))?;
        let mut session = SocketSession::new(client, Arc::clone(&self.shared), join.metric, self.index);
        if let Some(set) = session.take_cookies() {
            self.cookies.store(&set);
        }
        Ok(Box::new(session))
    }

    /// Who does not answer would not answer to a goodbye: a session that has failed is dropped, unless the server has
    /// to be told.
    fn put_back(&mut self, session: Box<SocketSession>, is_sound: bool) {
        if is_sound || session.owes_goodbye() {
            self.session = Some(Session::SocketIo(session));
        }
    }

    pub(super) fn take_session(&mut self) -> Option<Box<SocketSession>> {
        match self.session.take()? {
            Session::SocketIo(session) => Some(session),
            Session::Plain(_) => None,
        }
    }

    /// Sends an event and waits for what is to come back.
    pub(super) fn emit<'a>(&'a mut self, step: &'a EmitStep) -> BoxFuture<'a, StepResult> {
        Box::pin(async move {
            self.ensure_joined(&step.join).await?;
            let payload = step.payload.render(&self.slots).and_then(Outgoing::new);
            let payload = payload.map_err(|error| self.broken(&error))?;
            let begun = self.begin(step.metric);
            let answers = self.emit_and_wait(step, payload).await;
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
        })
    }

    /// The acknowledgement and the event in answer, as far as they are asked for. Sending has the same time
    /// limit as what it waits for: a server that reads no more would hold the user for ever.
    async fn emit_and_wait(
        &mut self,
        step: &EmitStep,
        payload: Outgoing,
    ) -> Result<(Option<Packet>, Option<Packet>), Failure> {
        let shared = Arc::clone(&self.shared);
        let awaited = &shared.plan.scenarios[self.scenario].awaited;
        let mut session = self.take_session().ok_or_else(no_session)?;
        let answers = exchange(&mut session, step, payload, awaited).await;
        self.put_back(session, answers.is_ok());
        answers
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
    pub(super) fn receive<'a>(&'a mut self, step: &'a ReceiveStep) -> BoxFuture<'a, StepResult> {
        Box::pin(async move {
            self.ensure_joined(&step.join).await?;
            let shared = Arc::clone(&self.shared);
            let awaited = &shared.plan.scenarios[self.scenario].awaited;
            let (begun, limit) = (Instant::now(), step.answer.timeout);
            let is_closed = self.is_closed();
            let mut session = self.take_session().ok_or(Ending::Fruitless)?;
            let received = tokio::select! {
                biased;
                received = timeout(limit, session.event(&step.join.namespace, &step.event, awaited)) => Some(received),
                () = shared.stop.soft.cancelled() => None,
                () = tokio::time::sleep_until(self.ends_at), if is_closed => None,
            };
            match received {
                None => {
                    self.session = Some(Session::SocketIo(session));
                    Err(Ending::Cut)
                }
                Some(Err(_)) => self.finish(step.metric, begun, Err(late_event(&step.event, limit))),
                Some(Ok(Err(failure))) => {
                    self.put_back(session, false);
                    self.finish(step.metric, begun, Err(failure))
                }
                Some(Ok(Ok(received))) => {
                    let answered = self.take_event(step, &mut session, &received).await;
                    self.session = Some(Session::SocketIo(session));
                    self.finish_at(received.at, step.metric, begun, answered)
                }
            }
        })
    }

    /// Checks the event and answers it where the server asked for an acknowledgement.
    async fn take_event(
        &mut self,
        step: &ReceiveStep,
        session: &mut SocketSession,
        received: &Received<Named>,
    ) -> Result<(), Failure> {
        let packet = &received.message.packet;
        let root = self.take_answer_of(&step.answer, packet)?;
        if let Some((metric, path)) = &step.delivery {
            self.record_delivery(*metric, path, &root, (received.at, received.at_epoch_micros))?;
        }
        let awaited = &self.shared.plan.scenarios[self.scenario].awaited;
        // Another step's event of that name may have an answer; then nobody has answered this one either.
        let is_due = awaited.iter().any(|known| known.event == step.event && known.is_answered);
        if packet.id.is_none() || !is_due {
            return Ok(());
        }
        let arguments = match &step.acknowledge {
            Some(arguments) => arguments.render(&self.slots).and_then(Outgoing::new).map_err(unrendered)?,
            None => Outgoing::nothing(),
        };
        let sent = timeout(step.join.timeout, session.acknowledge(packet, arguments)).await;
        sent.map_err(|_| late(false, step.join.timeout))?
    }

    /// The time from the sender's clock in the message to its receipt.
    pub(super) fn record_delivery(
        &self,
        metric: MetricId,
        path: &JsonPath,
        root: &Value,
        (at, at_epoch_micros): (Instant, u64),
    ) -> Result<(), Failure> {
        let found = answer::find(path, root);
        let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
        let Some(sent_at) = found.and_then(number) else {
            return Err(answer::missing(&path.source, json_excerpt(root)));
        };
        let delivery = Duration::from_micros(at_epoch_micros.saturating_sub(sent_at));
        self.shared.recorder.success(metric, &Sample { ended: at, response: delivery, service: delivery });
        Ok(())
    }

    /// Checks the arguments, keeps what is asked for, and gives them back as a list.
    fn take_answer_of(&mut self, plan: &AnswerPlan, packet: &Packet) -> Result<Value, Failure> {
        let arguments =
            packet.arguments().map_err(|error| Failure::answered("malformed arguments", error))?;
        let root = Value::Array(arguments);
        self.take_values(plan, &root)?;
        Ok(root)
    }

    /// Checks a value and keeps what is asked for.
    pub(super) fn take_values(&mut self, plan: &AnswerPlan, root: &Value) -> Result<(), Failure> {
        let quote = || json_excerpt(root);
        for check in &plan.checks {
            answer::check(check, root, &self.slots, quote)?;
        }
        for capture in &plan.captures {
            let Source::Json(path) = &capture.from else { continue };
            let found = answer::captured(capture, path, root, &self.slots);
            answer::keep(capture, found, &mut self.slots, || answer::missing(&path.source, quote()))?;
        }
        Ok(())
    }
}

/// Sends the event and waits for what is to come back: the acknowledgement, the event in answer.
async fn exchange(
    session: &mut SocketSession,
    step: &EmitStep,
    payload: Outgoing,
    awaited: &[Awaited],
) -> Result<(Option<Packet>, Option<Packet>), Failure> {
    let namespace = &step.join.namespace;
    let limit = step.acknowledge.as_ref().map_or(step.join.timeout, |plan| plan.timeout);
    if step.again {
        let (namespace, event) = (namespace.clone(), payload.clone());
        session.keep_for_return(Kept { namespace, event, is_acknowledged: step.acknowledge.is_some() });
    }
    let acknowledged = timeout(limit, async {
        match session.emit(namespace, payload, step.acknowledge.is_some(), awaited).await? {
            Some(id) => session.acknowledgement(namespace, id, awaited).await.map(Some),
            None => Ok(None),
        }
    });
    let ack = acknowledged.await.map_err(|_| late(step.acknowledge.is_some(), limit))??;
    let response = match &step.response {
        None => None,
        Some((event, plan)) => {
            let received = timeout(plan.timeout, session.event(namespace, event, awaited)).await;
            Some(received.map_err(|_| late_event(event, plan.timeout))??.message.packet)
        }
    };
    Ok((ack, response))
}

/// The values of templates by name.
pub(super) fn rendered(
    map: &BTreeMap<String, Template>,
    slots: &Slots,
) -> Result<Vec<(String, String)>, Failure> {
    let render = |(key, template): (&String, &Template)| Ok((key.clone(), template.render(slots)?));
    map.iter().map(render).collect::<Result<_, String>>().map_err(unrendered)
}

/// Nothing was sent, because there was no value to send.
pub(super) fn unrendered(error: String) -> Failure {
    Failure { cause: "script error".to_owned(), detail: error, is_timed: false }
}

/// A refusal is an answer: the server was there and took its time.
fn refused(error: &ClientError) -> Failure {
    Failure {
        is_timed: matches!(error, ClientError::Refused(_) | ClientError::Timeout(_)),
        ..Failure::from(error)
    }
}

pub(super) fn late(is_acknowledged: bool, limit: Duration) -> Failure {
    let (cause, what) =
        if is_acknowledged { ("ack timeout", "acknowledgement") } else { ("send timeout", "room to send") };
    Failure::answered(cause, format!("no {what} within {}", humanize(limit)))
}

fn late_event(event: &str, limit: Duration) -> Failure {
    Failure::answered("event timeout", format!("no {event} within {}", humanize(limit)))
}

pub(super) fn no_session() -> Failure {
    Failure::from(&ClientError::Closed("before this step"))
}
