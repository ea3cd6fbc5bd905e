//! Socket.IO steps.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::answer::AnswerModel;
use super::{Compiler, DEFAULT_TIMEOUT};
use crate::config::duration::Span;
use crate::load::scenario::model::{
    Acknowledge, Capture, ConnectStep, Emit, EmitParts, Match, OneOrMany, Query, Receive, ReceiveParts,
    Step as Model,
};
use crate::load::scenario::plan::{
    AnswerPlan, Awaited, EmitStep, Join, JsonCheck, JsonPath, MetricId, MetricKind, ReceiveStep, Step,
};
use crate::load::scenario::template::{JsonTemplate, Template};

/// Credentials as written.
type Auth = BTreeMap<String, Value>;

/// What an event or an acknowledgement must be, as written.
#[derive(Default)]
struct EventAnswer<'m> {
    data: Option<&'m Value>,
    matches: Option<&'m OneOrMany<Match>>,
    capture: Option<&'m OneOrMany<Capture>>,
    timeout: Option<Span>,
}

/// `$.name` looks into the first argument, as Artillery has it: the list of arguments has no names.
pub(super) fn argument_path(path: &str) -> String {
    let rest = path.strip_prefix("$.").or_else(|| (!path.starts_with('$')).then_some(path));
    match rest {
        Some(rest)
            if !rest
                .starts_with(|first: char| first.is_ascii_digit() || matches!(first, '.' | '[' | '*')) =>
        {
            format!("$[0].{rest}")
        }
        _ => path.to_owned(),
    }
}

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
        let response = match (&step.response, &parts.response) {
            (Some(beside), _) => Some((beside, format!("{at}/response"))),
            (None, Some(inside)) => Some((inside, format!("{args_at}/response"))),
            (None, None) => None,
        };
        let response = response.map(|(response, at)| {
            self.await_event(&response.channel, false);
            let (matches, capture) = (response.matches.as_ref(), response.capture.as_ref());
            let model =
                EventAnswer { data: response.data.as_ref(), matches, capture, timeout: response.timeout };
            (response.channel.clone(), self.event_answer(&model, &at))
        });
        let join = self.implicit_join(namespace)?;
        let name = parts.name.clone().unwrap_or_else(|| format!("emit {}", parts.channel));
        let is_answered = acknowledge.is_some() || response.is_some();
        let metric = self.metric(&name, if is_answered { MetricKind::Exchange } else { MetricKind::Sent });
        let payload = self.event_payload(parts, &args_at)?;
        Some(Step::Emit(Box::new(EmitStep {
            metric,
            join,
            payload,
            again: parts.again,
            acknowledge,
            response,
        })))
    }

    /// `[name, argument, …]` as parts.
    fn emit_list(&mut self, items: &[Value], at: &str) -> Option<EmitParts> {
        let Some(Value::String(channel)) = items.first() else {
            return self.refuse(at, "the first item of `emit` is the event's name");
        };
        Some(EmitParts { channel: channel.clone(), args: Some(items[1..].to_vec()), ..EmitParts::default() })
    }

    pub(super) fn event_payload(&mut self, parts: &EmitParts, at: &str) -> Option<JsonTemplate> {
        let mut payload = vec![Value::String(parts.channel.clone())];
        match (&parts.data, &parts.args) {
            (Some(_), Some(_)) => return self.refuse(at, "`emit` has either `data` or `args`"),
            (Some(data), None) => payload.push(data.clone()),
            (None, Some(args)) => payload.extend(args.iter().cloned()),
            // As Artillery's client does: what is not there is an argument, `undefined`, which JSON writes as null.
            (None, None) => payload.push(Value::Null),
        }
        self.json(&Value::Array(payload), at)
    }

    fn acknowledge(&mut self, model: &Acknowledge, at: &str) -> Option<AnswerPlan> {
        match model {
            Acknowledge::Plain(false) => None,
            Acknowledge::Plain(true) => Some(self.event_answer(&EventAnswer::default(), at)),
            Acknowledge::Checked(answer) => {
                let (matches, capture) = (answer.matches.as_ref(), answer.capture.as_ref());
                let model =
                    EventAnswer { data: answer.data.as_ref(), matches, capture, timeout: answer.timeout };
                Some(self.event_answer(&model, at))
            }
        }
    }

    /// Compiles the checks and captures on the arguments of an event or an acknowledgement.
    fn event_answer(&mut self, model: &EventAnswer<'_>, at: &str) -> AnswerPlan {
        let matches = model.matches.map(|matches| matches.clone().each(|m| m.json = argument_path(&m.json)));
        let capture = model.capture.map(|capture| {
            capture.clone().each(|capture| capture.json = capture.json.as_deref().map(argument_path))
        });
        let (matches, capture) = (matches.as_ref(), capture.as_ref());
        let timeout = self.socket_timeout();
        let mut plan = self.answer(&AnswerModel { matches, capture, timeout: model.timeout }, at, timeout);
        if let Some(data) = model.data {
            let path = self.json_path("$[0]", at);
            let value = self.json(data, &format!("{at}/data"));
            plan.checks.extend(path.zip(value).map(|(path, value)| JsonCheck { path, value: Some(value) }));
        }
        plan
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
        let (matches, capture) = (parts.matches.as_ref(), parts.capture.as_ref());
        let model = EventAnswer { data: None, matches, capture, timeout: parts.timeout };
        let answer = self.event_answer(&model, &at);
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

    pub(super) fn namespace(&mut self, written: Option<&str>, at: &str) -> Option<String> {
        match written.unwrap_or("/") {
            name if name.starts_with('/') && !name.contains([',', '?']) => Some(name.to_owned()),
            name => {
                self.refuse(at, format!("`{name}` is no namespace; it starts with `/`, without `?` or `,`"))
            }
        }
    }

    /// How a step joins its namespace when no `connect` step did.
    pub(super) fn implicit_join(&mut self, namespace: String) -> Option<Join> {
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
        let query = self.query(config.query.as_ref())?;
        let headers = self.text_map(&config.extra_headers, &format!("{at}/extraHeaders"))?;
        let auth = own_auth.or_else(|| config.auth.as_ref().map(|auth| (auth, format!("{at}/auth"))));
        let auth = match auth {
            Some((auth, at)) => Some(self.json_map(auth, &at)?),
            None => None,
        };
        Some(Join { metric, namespace, query, headers, auth, timeout: self.socket_timeout() })
    }

    fn query(&mut self, query: Option<&Query>) -> Option<BTreeMap<String, Template>> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let pairs: BTreeMap<String, String> = match query {
            None => BTreeMap::new(),
            Some(Query::Map(map)) => map.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
            Some(Query::Text(text)) => url::form_urlencoded::parse(text.as_bytes()).into_owned().collect(),
        };
        self.text_map(&pairs, "/config/socketio/query")
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

#[cfg(test)]
mod tests {
    use super::argument_path;

    #[test]
    fn a_name_is_looked_up_in_the_first_argument() {
        let paths = ["$.user.id", "user.id", "$.0.id", "$[0].id", "$", "$..id", "$.*"];
        let expected = ["$[0].user.id", "$[0].user.id", "$.0.id", "$[0].id", "$", "$..id", "$.*"];
        assert_eq!(paths.map(argument_path), expected);
    }
}
