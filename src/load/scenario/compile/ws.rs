//! Steps on a plain websocket.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use url::{Position, Url};

use super::answer::AnswerModel;
use super::{Compiler, DEFAULT_TIMEOUT};
use crate::load::scenario::model::{Connect, ConnectStep, Receive, ReceiveParts, Send, SendParts};
use crate::load::scenario::plan::{Message, MetricId, MetricKind, Opening, Step, WsAwaited, WsStep};
use crate::load::scenario::template::Template;

impl Compiler<'_> {
    /// Compiles `connect` of a plain websocket.
    pub fn ws_connect(&mut self, step: &ConnectStep, at: &str) -> Option<Step> {
        let short;
        let (model, url_at) = match step {
            ConnectStep::Path(path) => {
                short = Connect { url: Some(path.clone()), ..Connect::default() };
                (&short, at.to_owned())
            }
            ConnectStep::Parts(parts) => {
                let key = if parts.url.is_some() { "url" } else { "target" };
                (parts.as_ref(), format!("{at}/{key}"))
            }
        };
        if model.namespace.is_some() || model.auth.is_some() {
            return self.refuse(at, "`namespace` and `auth` belong to `engine: socketio`");
        }
        let name = model.name.clone().unwrap_or_else(|| "connect".to_owned());
        let metric = self.metric(&name, MetricKind::Exchange);
        let opening = self.opening(metric, model, &url_at, at)?;
        // The steps that follow open it the same way, should it not be open by then.
        self.ws_connect = Some((metric, model.clone()));
        Some(Step::Ws(Box::new(WsStep { opening, send: None, receive: None })))
    }

    /// Compiles `send`.
    pub fn ws_send(&mut self, send: &Send, at: &str) -> Option<Step> {
        let short;
        let (parts, payload_at) = match send {
            Send::Parts(parts) => (parts.as_ref(), format!("{at}/payload")),
            Send::Message(payload) => {
                short = SendParts { payload: payload.clone(), ..SendParts::default() };
                (&short, at.to_owned())
            }
        };
        let message = match &parts.payload {
            Value::String(text) => Message::Text(self.text(text, &payload_at)?),
            other => Message::Json(self.json(other, &payload_at)?),
        };
        let is_answered = parts.matches.is_some() || parts.capture.is_some() || parts.timeout.is_some();
        let kind = if is_answered { MetricKind::Exchange } else { MetricKind::Sent };
        let metric = self.metric(parts.name.as_deref().unwrap_or("send"), kind);
        let model = AnswerModel {
            matches: parts.matches.as_ref(),
            capture: parts.capture.as_ref(),
            timeout: parts.timeout,
        };
        let timeout = self.ws_timeout();
        let receive = is_answered.then(|| {
            let answer = self.answer(&model, at, timeout);
            WsAwaited { metric, select: Vec::new(), answer, delivery: None }
        });
        self.is_ws_answer_due = !is_answered;
        self.awaits_messages |= is_answered;
        let opening = self.implicit_opening()?;
        Some(Step::Ws(Box::new(WsStep { opening, send: Some((metric, message)), receive })))
    }

    /// Compiles `receive` of a plain websocket. After a `send` it is the answer, and counts from there.
    pub fn ws_receive(&mut self, receive: &Receive, at: &str) -> Option<Step> {
        let short;
        let parts = match receive {
            Receive::Full(parts) => parts.as_ref(),
            Receive::Next(true) => {
                short = ReceiveParts::default();
                &short
            }
            Receive::Next(false) | Receive::Name(_) => {
                return self.refuse(at, "messages of a plain websocket have no name; write `receive: true`");
            }
        };
        if parts.event.is_some() || parts.namespace.is_some() || parts.acknowledge.is_some() {
            return self.refuse(at, "`event`, `namespace` and `acknowledge` belong to `engine: socketio`");
        }
        let model = AnswerModel {
            matches: parts.matches.as_ref(),
            capture: parts.capture.as_ref(),
            timeout: parts.timeout,
        };
        let select = self.matches(parts.select.as_ref(), &format!("{at}/select"));
        let timeout = self.ws_timeout();
        let answer = self.answer(&model, at, timeout);
        let kind = if self.is_ws_answer_due { MetricKind::Exchange } else { MetricKind::Wait };
        let metric = self.metric(parts.name.as_deref().unwrap_or("receive"), kind);
        let delivery = self.delivery(parts, "message", at);
        self.is_ws_answer_due = false;
        self.awaits_messages = true;
        let receive = Some(WsAwaited { metric, select, answer, delivery });
        let opening = self.implicit_opening()?;
        Some(Step::Ws(Box::new(WsStep { opening, send: None, receive })))
    }

    /// How a step opens the websocket when no `connect` step did.
    fn implicit_opening(&mut self) -> Option<Opening> {
        let (metric, model) = match self.ws_connect.clone() {
            Some(known) => known,
            None => (self.metric("connect", MetricKind::Exchange), Connect::default()),
        };
        self.opening(metric, &model, "/config/target", "/config/ws")
    }

    fn opening(&mut self, metric: MetricId, model: &Connect, url_at: &str, at: &str) -> Option<Opening> {
        let path = self.websocket_path(model.url.as_ref().or(model.target.as_ref()), url_at)?;
        let config = &self.config.ws;
        let mut headers: BTreeMap<String, Template> = self.text_map(&config.headers, "/config/ws/headers")?;
        headers.extend(self.text_map::<Vec<_>>(&model.headers, &format!("{at}/headers"))?);
        let subprotocols = model.subprotocols.clone().unwrap_or_else(|| config.subprotocols.clone());
        Some(Opening { metric, path, headers, subprotocols, timeout: self.ws_timeout() })
    }

    /// A path of the target, or a URL of the target's own origin in either scheme.
    fn websocket_path(&mut self, url: Option<&String>, at: &str) -> Option<Template> {
        let Some(url) = url else {
            let path = self.ws_path.clone();
            return self.text(&path, at);
        };
        let origins = [self.origin.clone(), self.origin.replacen("http", "ws", 1)];
        let rest = origins.iter().find_map(|origin| url.strip_prefix(origin.as_str()));
        let path = match rest
            .or_else(|| url.strip_prefix("{{ target }}"))
            .or_else(|| url.strip_prefix("{{target}}"))
        {
            Some("") => self.ws_path.clone(),
            Some(path) => path.to_owned(),
            None => url.clone(),
        };
        if !path.starts_with(['/', '{']) {
            let message = format!("`{url}` must be a path of {}, starting with `/`", self.origin);
            return self.refuse(at, message);
        }
        self.text(&path, at)
    }

    /// The origin of a `ws://` target in HTTP's words; its path is where plain websockets are opened.
    pub fn websocket_target(&mut self, url: &Url) -> Option<Url> {
        self.ws_path = url[Position::BeforePath..Position::AfterQuery].to_owned();
        let scheme = if url.scheme() == "wss" { "https" } else { "http" };
        let authority = &url[Position::BeforeHost..Position::AfterPort];
        Url::parse(&format!("{scheme}://{authority}")).ok()
    }

    fn ws_timeout(&self) -> Duration {
        self.config.ws.timeout.map_or(DEFAULT_TIMEOUT, |span| span.0)
    }
}
