//! Socket.IO steps.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::answer::AnswerModel;
use super::{Compiler, DEFAULT_TIMEOUT};
use crate::load::scenario::model::{
    Acknowledge, ConnectStep, Emit, EmitParts, Receive, ReceiveParts, Step as Model,
};
use crate::load::scenario::plan::{
    AnswerPlan, Awaited, EmitStep, Join, JsonPath, MetricId, MetricKind, ReceiveStep, Step,
};
use crate::load::scenario::template::JsonTemplate;

/// Credentials as written.
type Auth = BTreeMap<String, Value>;

impl Compiler<'_> {
    /// Compiles `connect`.
    pub fn connect(&mut self, step: &ConnectStep, at: &str) -> Option<Step> {
        let ConnectStep::Parts(model) = step else {
            return self.refuse(at, "a path belongs to `engine: ws`; Socket.IO's is `config.socketio.path`");
        };
        if model.url.is_some() || model.target.is_some() || !model.headers.is_empty() {
            return self.refuse(at, "`url`, `target` and `headers` of `connect` belong to `engine: ws`");
        }
        let namespace = self.namespace(model.namespace.as_deref(), &format!("{at}/namespace"))?;
        let name = model.name.clone().unwrap_or_else(|| format!("connect {namespace}"));
        let metric = self.metric(&name, MetricKind::Exchange);
        self.connects.insert(namespace.clone(), metric);
        let own_auth = model.auth.as_ref().map(|auth| (auth, format!("{at}/auth")));
        self.join(metric, namespace, own_auth).map(Step::Connect)
    }

    /// Compiles `emit` with the keys beside it.
    pub fn emit(&mut self, step: &Model, at: &str) -> Option<Step> {
        let (short, args_at);
        let parts = match step.emit.as_ref()? {
            Emit::Parts(parts) => {
                args_at = format!("{at}/emit");
                parts.as_ref()
            }
            Emit::List(items) => {
                args_at = format!("{at}/emit");
                short = self.emit_list(items, &args_at)?;
                &short
            }
        };
        let namespace = step.namespace.as_deref().or(parts.namespace.as_deref());
        let namespace = self.namespace(namespace, &args_at)?;
        let acknowledge = match (&step.acknowledge, &parts.acknowledge) {
            (Some(beside), _) => self.acknowledge(beside, &format!("{at}/acknowledge")),
            (None, Some(inside)) => self.acknowledge(inside, &format!("{args_at}/acknowledge")),
            (None, None) => None,
        };
        let response = parts.response.as_ref().map(|response| {
            let model = AnswerModel {
                matches: response.matches.as_ref(),
                capture: response.capture.as_ref(),
                timeout: response.timeout,
            };
            self.await_event(&response.channel, false);
            let timeout = self.socket_timeout();
            (response.channel.clone(), self.answer(&model, &format!("{args_at}/response"), timeout))
        });
        let join = self.implicit_join(namespace)?;
        let name = parts.name.clone().unwrap_or_else(|| format!("emit {}", parts.channel));
        let is_answered = acknowledge.is_some() || response.is_some();
        let metric = self.metric(&name, if is_answered { MetricKind::Exchange } else { MetricKind::Sent });
        let payload = self.event_payload(parts, &args_at)?;
        Some(Step::Emit(Box::new(EmitStep { metric, join, payload, acknowledge, response })))
    }

    /// `[name, argument, …]` as parts.
    fn emit_list(&mut self, items: &[Value], at: &str) -> Option<EmitParts> {
        let Some(Value::String(channel)) = items.first() else {
            return self.refuse(at, "the first item of `emit` is the event's name");
        };
        Some(EmitParts { channel: channel.clone(), args: Some(items[1..].to_vec()), ..EmitParts::default() })
    }

    fn event_payload(&mut self, parts: &EmitParts, at: &str) -> Option<JsonTemplate> {
        let mut payload = vec![Value::String(parts.channel.clone())];
        match (&parts.data, &parts.args) {
            (Some(_), Some(_)) => return self.refuse(at, "`emit` has either `data` or `args`"),
            (Some(data), None) => payload.push(data.clone()),
            (None, Some(args)) => payload.extend(args.iter().cloned()),
            (None, None) => {}
        }
        self.json(&Value::Array(payload), at)
    }

    fn acknowledge(&mut self, model: &Acknowledge, at: &str) -> Option<AnswerPlan> {
        let timeout = self.socket_timeout();
        match model {
            Acknowledge::Plain(false) => None,
            Acknowledge::Plain(true) => {
                Some(AnswerPlan { checks: Vec::new(), captures: Vec::new(), timeout })
            }
            Acknowledge::Checked(answer) => {
                let model = AnswerModel {
                    matches: answer.matches.as_ref(),
                    capture: answer.capture.as_ref(),
                    timeout: answer.timeout,
                };
                Some(self.answer(&model, at, timeout))
            }
        }
    }

    /// Compiles `receive` with the keys beside it.
    pub fn receive(&mut self, step: &Model, at: &str) -> Option<Step> {
        let short;
        let at = format!("{at}/receive");
        let parts = match step.receive.as_ref()? {
            Receive::Full(parts) => parts.as_ref(),
            Receive::Name(event) => {
                short = ReceiveParts { event: Some(event.clone()), ..ReceiveParts::default() };
                &short
            }
            Receive::Next(_) => return self.refuse(&at, "`receive` needs the name of an event"),
        };
        let Some(event) = parts.event.clone() else {
            return self.refuse(&at, "`receive` needs the name of an `event`");
        };
        if parts.select.is_some() {
            return self.refuse(&at, "`select` belongs to `engine: ws`; an event is chosen by its name");
        }
        let namespace = self.namespace(step.namespace.as_deref().or(parts.namespace.as_deref()), &at)?;
        self.await_event(&event, parts.acknowledge.is_some());
        let model = AnswerModel {
            matches: parts.matches.as_ref(),
            capture: parts.capture.as_ref(),
            timeout: parts.timeout,
        };
        let timeout = self.socket_timeout();
        let answer = self.answer(&model, &at, timeout);
        let join = self.implicit_join(namespace)?;
        let name = parts.name.clone().unwrap_or_else(|| format!("receive {event}"));
        let metric = self.metric(&name, MetricKind::Wait);
        let delivery = self.delivery(parts, &event, &at);
        let acknowledge = match &parts.acknowledge {
            Some(arguments) => {
                Some(self.json(&Value::Array(arguments.clone()), &format!("{at}/acknowledge"))?)
            }
            None => None,
        };
        Some(Step::Receive(Box::new(ReceiveStep { metric, join, event, answer, delivery, acknowledge })))
    }

    /// The row of delivery times of what `receive` waits for.
    pub fn delivery(&mut self, parts: &ReceiveParts, what: &str, at: &str) -> Option<(MetricId, JsonPath)> {
        let path = self.json_path(parts.sent_at.as_ref()?, &format!("{at}/sentAt"))?;
        Some((self.metric(&format!("delivery {what}"), MetricKind::Delivery), path))
    }

    fn namespace(&mut self, written: Option<&str>, at: &str) -> Option<String> {
        match written.unwrap_or("/") {
            name if name.starts_with('/') && !name.contains([',', '?']) => Some(name.to_owned()),
            name => {
                self.refuse(at, format!("`{name}` is no namespace; it starts with `/`, without `?` or `,`"))
            }
        }
    }

    /// How a step joins its namespace when no `connect` step did.
    fn implicit_join(&mut self, namespace: String) -> Option<Join> {
        let metric = match self.connects.get(&namespace) {
            Some(metric) => *metric,
            None => self.metric(&format!("connect {namespace}"), MetricKind::Exchange),
        };
        self.join(metric, namespace, None)
    }

    /// The file's settings are compiled where they are used: they may name what this scenario captured.
    fn join(
        &mut self,
        metric: MetricId,
        namespace: String,
        own_auth: Option<(&Auth, String)>,
    ) -> Option<Join> {
        let config = &self.config.socketio;
        let at = "/config/socketio";
        let query = self.text_map(&config.query, &format!("{at}/query"))?;
        let headers = self.text_map(&config.extra_headers, &format!("{at}/extraHeaders"))?;
        let auth = own_auth.or_else(|| config.auth.as_ref().map(|auth| (auth, format!("{at}/auth"))));
        let auth = match auth {
            Some((auth, at)) => Some(self.json_map(auth, &at)?),
            None => None,
        };
        Some(Join { metric, namespace, query, headers, auth, timeout: self.socket_timeout() })
    }

    fn await_event(&mut self, event: &str, is_answered: bool) {
        match self.awaited.iter_mut().find(|known| known.event == event) {
            Some(known) => known.is_answered |= is_answered,
            None => self.awaited.push(Awaited { event: event.to_owned(), is_answered }),
        }
    }

    pub fn socket_timeout(&self) -> Duration {
        self.config.socketio.timeout.map_or(DEFAULT_TIMEOUT, |span| span.0)
    }
}
