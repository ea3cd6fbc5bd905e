//! The scenario file as it is written: Artillery's words where they fit, a few of our own.
//!
//! Only shapes live here; what they mean is worked out by [`super::compile`](mod@super::compile).

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

pub use super::socket_model::{
    Connect, ConnectStep, Delay, Emit, EmitParts, Query, Receive, ReceiveParts, Response, Send, SendParts,
    SocketIoConfig, Transport, TransportChoice, TransportMix, Way, WsConfig,
};
use crate::config::duration::Span;

/// A whole scenario file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScenarioFile {
    /// What holds for all scenarios.
    pub config: Config,
    /// What users do.
    #[schemars(length(min = 1))]
    pub scenarios: Vec<Scenario>,
    /// Thresholds that decide the exit code, such as `p95 < 200ms` or `errors < 0.1%`.
    #[serde(default)]
    pub slo: Vec<String>,
}

/// What holds for all scenarios of a file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Config {
    /// Base URL of the system under test; `--target` overrides it.
    pub target: Option<String>,
    /// How load develops; `--users` overrides it.
    #[serde(default)]
    pub phases: Vec<Phase>,
    /// Variables that every user starts with; of a list, each iteration gets one item at random.
    #[serde(default)]
    pub variables: BTreeMap<String, Value>,
    /// CSV files whose rows become variables.
    pub payload: Option<OneOrMany<Payload>>,
    /// Limits and defaults of HTTP requests.
    #[serde(default)]
    pub http: HttpConfig,
    /// Defaults of the Socket.IO connection.
    #[serde(default)]
    pub socketio: SocketIoConfig,
    /// Defaults of the plain websocket.
    #[serde(default)]
    pub ws: WsConfig,
    /// Headers that every HTTP request carries.
    #[serde(default)]
    pub defaults: Defaults,
    /// Artillery's thresholds; `slo` can say more.
    pub ensure: Option<Ensure>,
    /// Artillery's plug-ins whose work is built in; the names are accepted, their settings are not needed.
    #[serde(default)]
    pub plugins: BTreeMap<String, Value>,
    /// Artillery's JavaScript file: refused with its reason.
    pub processor: Option<Value>,
}

/// A value that may be written alone or as a list.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// Written as a list.
    Many(Vec<T>),
    /// Written alone.
    One(T),
}

impl<T> OneOrMany<T> {
    /// The items, each with the rest of its JSON pointer.
    pub fn items(&self) -> Vec<(String, &T)> {
        match self {
            Self::One(one) => vec![(String::new(), one)],
            Self::Many(many) => many.iter().enumerate().map(|(i, item)| (format!("/{i}"), item)).collect(),
        }
    }

    /// The same with each item changed.
    pub fn each(mut self, change: impl Fn(&mut T)) -> Self {
        match &mut self {
            Self::One(one) => change(one),
            Self::Many(many) => many.iter_mut().for_each(change),
        }
        self
    }
}

/// A stretch of time with a level of load: users (closed model) or arrivals (open model).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Phase {
    /// Shown in progress.
    pub name: Option<String>,
    /// How long it lasts.
    pub duration: Option<Span>,
    /// Closed model: users that are active, each starting over when done.
    #[schemars(range(max = 1_000_000))]
    pub users: Option<u32>,
    /// Open model: new users a second, each going through its scenario once.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub arrival_rate: Option<f64>,
    /// Open model: new users over the whole phase, evenly spread.
    pub arrival_count: Option<u32>,
    /// The level at the end of the phase; the way there is straight.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub ramp_to: Option<f64>,
    /// Open model: users that may be under way at once.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_vusers: Option<u32>,
    /// A time without arrivals.
    pub pause: Option<Span>,
}

/// A CSV file whose columns become variables.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Payload {
    /// The file, relative to the scenario file.
    pub path: PathBuf,
    /// Names of the columns; the first line's when left out.
    #[serde(default)]
    pub fields: Vec<String>,
    /// Which row an iteration gets.
    #[serde(default)]
    pub order: Order,
    /// Whether the first line is a header although `fields` are given.
    #[serde(default)]
    pub skip_header: bool,
    /// One character; a comma when left out.
    pub delimiter: Option<String>,
}

/// In which order rows are handed out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Any row.
    #[default]
    Random,
    /// One after the other, from the first again after the last.
    Sequence,
}

/// Limits and defaults of HTTP requests.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct HttpConfig {
    /// How long an answer may take; 10 s when left out.
    pub timeout: Option<Span>,
    /// Headers that every HTTP request carries.
    #[serde(default)]
    pub defaults: Defaults,
}

/// Headers that every HTTP request carries.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Defaults {
    /// By name.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// Artillery's thresholds: response times in milliseconds, the error rate in percent.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Ensure {
    /// Shortest response time.
    pub min: Option<f64>,
    /// Longest response time.
    pub max: Option<f64>,
    /// Median response time.
    pub p50: Option<f64>,
    /// 75th percentile.
    pub p75: Option<f64>,
    /// 90th percentile.
    pub p90: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// 99.9th percentile.
    pub p999: Option<f64>,
    /// Failed exchanges, percent.
    pub max_error_rate: Option<f64>,
    /// Limits by metric, such as `http.response_time.p95: 200`.
    #[serde(default)]
    pub thresholds: Vec<BTreeMap<String, f64>>,
    /// Artillery's expressions: refused with the way out.
    pub conditions: Option<Value>,
}

/// One kind of user.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Scenario {
    /// Shown in reports.
    pub name: Option<String>,
    /// What its steps speak.
    #[serde(default)]
    pub engine: Engine,
    /// How often it is chosen, relative to the others.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub weight: Option<u32>,
    /// Its steps, in order.
    #[schemars(length(min = 1))]
    pub flow: Vec<Step>,
}

/// What a scenario speaks. HTTP steps are welcome in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// HTTP only.
    #[default]
    Http,
    /// Socket.IO and HTTP.
    Socketio,
    /// Plain websocket messages and HTTP.
    Ws,
}

/// One step: exactly one action, with the keys that belong to it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Step {
    /// HTTP request.
    pub get: Option<Request>,
    /// HTTP request.
    pub post: Option<Request>,
    /// HTTP request.
    pub put: Option<Request>,
    /// HTTP request.
    pub patch: Option<Request>,
    /// HTTP request.
    pub delete: Option<Request>,
    /// HTTP request.
    pub head: Option<Request>,
    /// HTTP request.
    pub options: Option<Request>,
    /// Opens the connection where the first `emit`, `send` or `receive` would be too late.
    pub connect: Option<ConnectStep>,
    /// Sends an event.
    pub emit: Option<Emit>,
    /// Sends a message on a plain websocket.
    pub send: Option<Send>,
    /// Waits for the answer to `emit`.
    pub acknowledge: Option<Acknowledge>,
    /// The event that answers `emit`.
    pub response: Option<Response>,
    /// Namespace of `emit` or `receive`.
    pub namespace: Option<String>,
    /// Waits for an event, or on a plain websocket for a message.
    pub receive: Option<Receive>,
    /// Pauses: seconds, `500ms`, or a range such as `1s-3s`.
    pub think: Option<ThinkTime>,
    /// Steps to repeat; with `count`, `over` or `while`.
    #[serde(rename = "loop")]
    pub repeat: Option<Vec<Step>>,
    /// How often `loop` repeats.
    pub count: Option<u32>,
    /// The list whose items `loop` goes through, as `$loopElement`: written out, or a variable's name.
    pub over: Option<Over>,
    /// `loop` repeats while this expression is true.
    #[serde(rename = "while")]
    pub repeat_while: Option<String>,
    /// Steps for when an expression is true.
    #[serde(rename = "if")]
    pub condition: Option<String>,
    /// What `if` does when true.
    pub then: Option<Vec<Step>>,
    /// What `if` does when false.
    #[serde(rename = "else")]
    pub otherwise: Option<Vec<Step>>,
    /// Sets variables.
    pub set: Option<BTreeMap<String, Value>>,
    /// Artillery's call of a JavaScript function: refused with its reason.
    pub function: Option<Value>,
}

/// An HTTP request: its path, or the whole of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Request {
    /// The path alone.
    Path(String),
    /// With headers, body, checks.
    Full(Box<FullRequest>),
}

/// An HTTP request with all that may belong to it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FullRequest {
    /// Path, or a whole URL of another host that load is allowed to.
    pub url: String,
    /// Row in the report; method and path when left out.
    pub name: Option<String>,
    /// Query parameters.
    #[serde(default)]
    pub qs: BTreeMap<String, Value>,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// JSON body.
    pub json: Option<Value>,
    /// URL-encoded form body.
    pub form: Option<BTreeMap<String, Value>>,
    /// Any other body.
    pub body: Option<String>,
    /// How long the answer may take.
    pub timeout: Option<Span>,
    /// Values to keep from the answer.
    pub capture: Option<OneOrMany<Capture>>,
    /// Values that the answer must have.
    #[serde(rename = "match")]
    pub matches: Option<OneOrMany<Match>>,
    /// Properties that the answer must have.
    pub expect: Option<OneOrMany<Expect>>,
    /// Artillery's JavaScript hook: refused with its reason.
    pub before_request: Option<Value>,
    /// Artillery's JavaScript hook: refused with its reason.
    pub after_response: Option<Value>,
}

/// A value to keep from an answer.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Capture {
    /// JSON path into the body or the arguments.
    pub json: Option<String>,
    /// Name of a response header.
    pub header: Option<String>,
    /// Regular expression on the body; its first group, else the whole match.
    pub regexp: Option<String>,
    /// The variable that keeps it.
    #[serde(rename = "as")]
    pub variable: String,
    /// Whether a missing value is an error; true when left out.
    pub strict: Option<bool>,
}

/// A value that an answer must have.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Match {
    /// JSON path into the body or the arguments.
    pub json: String,
    /// What it must be.
    pub value: Value,
}

/// A property that an HTTP answer must have.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Expect {
    /// One of these statuses.
    pub status_code: Option<OneOrMany<u16>>,
    /// `json`, or the start of the content type.
    pub content_type: Option<String>,
    /// JSON path that must exist.
    pub has_property: Option<String>,
    /// Header that must exist.
    pub has_header: Option<String>,
    /// Regular expression that the body must match.
    pub matches_regexp: Option<String>,
}

/// What an acknowledgement must be and what is kept of it; `true` when it only has to come.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Acknowledge {
    /// Whether one is asked for.
    Plain(bool),
    /// With checks.
    Checked(Box<Answer>),
}

/// Checks and captures on the arguments of an acknowledgement or event; `$[0]` is the first argument.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Answer {
    /// What its first argument must be.
    pub data: Option<Value>,
    /// Values that it must have.
    #[serde(rename = "match")]
    pub matches: Option<OneOrMany<Match>>,
    /// Values to keep.
    pub capture: Option<OneOrMany<Capture>>,
    /// How long it may take.
    pub timeout: Option<Span>,
}

/// A pause: a number of seconds, a duration, or a range.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ThinkTime {
    /// Seconds; fractions are fractions of a second.
    Seconds(#[schemars(range(min = 0.0, max = 86_400.0))] f64),
    /// `500ms`, `2s`, or `1s-3s`.
    Text(String),
}

/// The list that a loop goes through.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Over {
    /// A variable's name.
    Variable(String),
    /// The items.
    Items(Vec<Value>),
}
