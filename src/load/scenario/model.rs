//! The scenario file as it is written: Artillery's words where they fit, a few of our own.
//!
//! Only shapes live here; what they mean is worked out by [`super::compile`](mod@super::compile).

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use super::fanout_model::{Fanout, FanoutRole};
pub use super::socket_model::{
    Connect, ConnectStep, Delay, Emit, EmitParts, Query, Receive, ReceiveParts, Response, Send, SendParts,
    SocketIoConfig, Transport, TransportChoice, TransportMix, Way, WsConfig,
};
pub use super::storm_model::Storm;
pub use super::test_data::TestData;
use crate::config::duration::Span;
use crate::load::slo::Preset;

/// A whole scenario file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScenarioFile {
    /// What holds for all scenarios.
    pub config: Config,
    /// What users do.
    #[schemars(length(min = 1))]
    pub scenarios: Vec<Scenario>,
    /// Done once before the load; what it sets and captures is there for all users.
    pub before: Option<Section>,
    /// Done once after the load.
    pub after: Option<Section>,
    /// Thresholds that decide the exit code, such as `p95 < 200ms` or `errors < 0.1%`.
    #[serde(default)]
    pub slo: Vec<SloModel>,
}

/// A threshold: `p95 < 200ms`, or with the part of the run that it is about.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SloModel {
    /// About the whole run.
    Text(String),
    /// About a part of it, or about every stretch of it.
    Scoped(Box<ScopedSlo>),
}

/// A threshold and the part of the run that it is about.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScopedSlo {
    /// The threshold, such as `p95 < 200ms`.
    pub check: Option<String>,
    /// Thresholds by name, instead of `check`.
    pub preset: Option<Preset>,
    /// It has to hold over every stretch of this length; whole seconds.
    pub over: Option<Span>,
    /// The name of the phase that it is about.
    pub during: Option<String>,
    /// So much of the run, or of the phase, does not count; `config.warmup` when left out.
    pub warmup: Option<Span>,
    /// Ends the run with the first stretch that misses it; needs `over`.
    #[serde(default)]
    pub abort: bool,
}

/// Steps that are done once in a run, by a user of their own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Section {
    /// What its steps speak.
    #[serde(default)]
    pub engine: Engine,
    /// Its steps, in order.
    #[serde(default)]
    pub flow: Vec<Step>,
}

/// Names that reports can be cut by, such as `area: checkout`.
pub type Tags = BTreeMap<String, String>;

/// What holds for all scenarios of a file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Config {
    /// Base URL of the system under test; `--target` overrides it.
    pub target: Option<String>,
    /// So much of the run does not count for the thresholds.
    pub warmup: Option<Span>,
    /// How load develops; `--users` overrides it.
    #[serde(default)]
    pub phases: Vec<Phase>,
    /// Variables that every user starts with; of a list, each iteration gets one item at random.
    #[serde(default)]
    pub variables: BTreeMap<String, Value>,
    /// Files whose rows become variables.
    pub payload: Option<OneOrMany<Payload>>,
    /// Limits and defaults of HTTP requests.
    #[serde(default)]
    pub http: HttpConfig,
    /// Defaults of the Socket.IO connection.
    #[serde(default)]
    pub socketio: SocketIoConfig,
    /// Moments at which Socket.IO connections are lost, to see how they come back.
    #[serde(rename = "reconnect_storm")]
    pub reconnect_storm: Option<OneOrMany<Storm>>,
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
    /// Settings by name; `--environment NAME` lays them over those above.
    #[serde(default)]
    #[expect(dead_code, reason = "the chosen one was laid over the rest before this was read")]
    pub environments: BTreeMap<String, Value>,
    /// What every random choice comes from; `--seed` overrides it. A new one each run when left out.
    pub seed: Option<u64>,
    /// What the run leaves behind, for `loadtest clean`.
    pub test_data: Option<TestData>,
    /// How certificates are checked.
    #[serde(default)]
    pub tls: Tls,
    /// Artillery's engines of others: they are programs, and refused.
    #[serde(default)]
    pub engines: BTreeMap<String, Value>,
    /// Artillery's score: nothing is done with it, see `slo`.
    pub apdex: Option<Value>,
    /// For Artillery's runs elsewhere: nothing to be done here.
    pub include_files: Option<Value>,
    /// For Artillery's runs elsewhere: nothing to be done here.
    pub bundling: Option<Value>,
}

/// How certificates are checked.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Tls {
    /// Only `true`, which is what is done anyway.
    pub reject_unauthorized: Option<bool>,
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
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
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
    /// Closed model: how often each user goes through its scenario; the phase ends with the last of them, at the
    /// latest after `duration`. Then it is the only phase.
    #[schemars(range(min = 1))]
    pub iterations: Option<u32>,
    /// A named course that reaches `users` or `arrivalRate` at its height.
    pub shape: Option<Pattern>,
}

/// A named course of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Pattern {
    /// All at once, for a look whether it works.
    Smoke,
    /// Up, stay, down.
    Load,
    /// Up in four steps.
    Stress,
    /// A tenth, suddenly all of it, a tenth again: whether it copes, and whether it recovers.
    Spike,
    /// Up, and stay for long.
    Soak,
}

impl Pattern {
    /// All of them, by their names.
    pub const NAMED: [(&'static str, Self); 5] = [
        ("smoke", Self::Smoke),
        ("load", Self::Load),
        ("stress", Self::Stress),
        ("spike", Self::Spike),
        ("soak", Self::Soak),
    ];
}

/// A file whose rows become variables: CSV, or JSON (`.json`, a list) and JSON lines (`.jsonl`, `.ndjson`).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Payload {
    /// The file, relative to the scenario file.
    pub path: PathBuf,
    /// Names of the columns; the first line's when left out. Of JSON rows, the keys that are wanted.
    #[serde(default)]
    pub fields: Vec<String>,
    /// Which row an iteration gets.
    #[serde(default)]
    pub order: Order,
    /// Whether a row is for one iteration or for all iterations of a user.
    #[serde(default)]
    pub per: Per,
    /// Whether the first line is a header although `fields` are given.
    #[serde(default)]
    pub skip_header: bool,
    /// One character; a comma when left out.
    pub delimiter: Option<String>,
    /// Whether numbers, `true` and `false` of a CSV file become what they look like; true when left out.
    pub cast: Option<bool>,
    /// Empty lines are left out in any case.
    #[expect(dead_code, reason = "an Artillery setting that nothing depends on")]
    pub skip_empty_lines: Option<bool>,
    /// Puts all rows into the one variable `name`, as a list of mappings.
    #[serde(default)]
    pub load_all: bool,
    /// The variable of `loadAll`.
    pub name: Option<String>,
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
    /// One after the other, each only once: whoever finds none left stops, and the run may end early.
    Unique,
}

/// For how long a row is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// Each iteration gets another.
    #[default]
    Iteration,
    /// A user has the same in all its iterations; user n has row n where the order is not random.
    User,
}

/// Limits and defaults of HTTP requests.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct HttpConfig {
    /// How long an answer may take; 10 s when left out.
    pub timeout: Option<Span>,
    /// What every HTTP request carries.
    #[serde(default)]
    pub defaults: Defaults,
    /// Artillery's pool of connections: each user has its own here.
    pub pool: Option<Value>,
    /// Artillery's connections per user: one here, more with `parallel`.
    pub max_sockets: Option<Value>,
    /// Artillery's further metrics: nothing to be done here.
    pub extended_metrics: Option<Value>,
}

/// What every HTTP request carries, and what holds for each of them.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Defaults {
    /// Headers by name.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Cookies by name.
    #[serde(default)]
    pub cookie: BTreeMap<String, String>,
    /// Whether a captured value that is missing is an error; true when left out.
    pub strict_capture: Option<bool>,
    /// For pauses.
    #[serde(default)]
    pub think: ThinkDefaults,
}

/// For pauses.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ThinkDefaults {
    /// How far a pause may be from what is written: milliseconds, a duration, or percent such as `20%`.
    pub jitter: Option<Jitter>,
}

/// How far a pause may be from what is written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Jitter {
    /// Milliseconds.
    Milliseconds(#[schemars(range(min = 0.0, max = 86_400_000.0))] f64),
    /// A duration, or percent.
    Text(String),
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
    /// Median response time.
    pub median: Option<f64>,
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
    /// Artillery's expressions, as far as they compare response times and are joined by `and`.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// An expression of Artillery's `ensure`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Condition {
    /// Such as `http.response_time.p95 < 250 and http.response_time.max < 1000`.
    pub expression: String,
    /// Whether it decides the exit code; true when left out.
    pub strict: Option<bool>,
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
    #[schemars(range(max = 1_000_000))]
    pub weight: Option<u32>,
    /// Its steps, in order.
    #[serde(default)]
    pub flow: Vec<Step>,
    /// Tags of all its rows.
    #[serde(default)]
    pub tags: Tags,
    /// Artillery's JavaScript hook: refused with its reason.
    pub before_scenario: Option<Value>,
    /// Artillery's JavaScript hook: refused with its reason.
    pub after_scenario: Option<Value>,
    /// Artillery's JavaScript hook: refused with its reason.
    pub before_request: Option<Value>,
    /// Artillery's JavaScript hook: refused with its reason.
    pub after_response: Option<Value>,
    /// Artillery's JavaScript hook: refused with its reason.
    pub on_error: Option<Value>,
    /// Artillery's JavaScript for a browser: refused with its reason.
    pub test_function: Option<Value>,
    /// Artillery's JavaScript for a browser: refused with its reason.
    pub flow_function: Option<Value>,
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
    /// Publishes into a room, listens in it, or both.
    pub fanout: Option<Box<Fanout>>,
    /// Pauses: seconds, `500ms`, or a range such as `1s-3s`.
    pub think: Option<ThinkTime>,
    /// Steps to repeat; with `count`, `over` or `while`.
    #[serde(rename = "loop")]
    pub repeat: Option<Vec<Step>>,
    /// How often `loop` repeats: a number, a range of `$loopCount` such as `5-10`, or an expression.
    pub count: Option<Count>,
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
    /// Requests that are sent at once, each on a connection of its own.
    pub parallel: Option<Vec<Step>>,
    /// How many requests of `parallel` may be under way; 6 when left out, as browsers do.
    #[schemars(range(min = 1, max = 64))]
    pub at_once: Option<u32>,
    /// Tags of the step's row.
    #[serde(default)]
    pub tags: Tags,
    /// Artillery's line on the console: its expressions are checked, nothing is written under load.
    pub log: Option<Value>,
    /// Artillery's call of a JavaScript function: refused with its reason.
    pub function: Option<Value>,
    /// Artillery's JavaScript condition of a loop: refused with its reason.
    pub while_true: Option<Value>,
}

/// How often a loop repeats.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Count {
    /// This often; -1 for as long as the user's time lasts.
    Number(#[schemars(range(min = -1, max = 1_000_000_000))] i64),
    /// A range or an expression.
    Text(String),
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
    /// A form of several parts, files among them.
    pub form_data: Option<BTreeMap<String, FormPart>>,
    /// Any other body.
    pub body: Option<String>,
    /// Cookies to send; they are kept as if the server had set them.
    #[serde(default)]
    pub cookie: BTreeMap<String, String>,
    /// Name and password for HTTP's basic authentication.
    pub auth: Option<BasicAuth>,
    /// Whether a redirect to the target itself is followed; true when left out.
    pub follow_redirect: Option<bool>,
    /// Artillery's wish for a compressed answer: answers are asked for uncompressed.
    pub gzip: Option<bool>,
    /// The request is sent when this expression is true.
    pub if_true: Option<String>,
    /// Artillery's length of a form: it is always sent.
    pub set_content_length_header: Option<bool>,
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

/// Name and password.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BasicAuth {
    /// Name.
    pub user: String,
    /// Password; a variable from the environment keeps it out of the file.
    pub pass: String,
}

/// A part of a form: its value, or the whole of it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FormPart {
    /// A file, or a value with its type.
    Full(FullPart),
    /// The value alone.
    Plain(PlainValue),
}

/// A value that is no mapping and no list.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PlainValue {
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
    /// True or false.
    Bool(bool),
}

/// A file, or a value with its type.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FullPart {
    /// A file below the folder of the scenario file.
    pub from_file: Option<String>,
    /// A value.
    pub value: Option<String>,
    /// The name that the server is told; the file's own when left out.
    pub filename: Option<String>,
    /// The content type.
    pub content_type: Option<String>,
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
    /// Number or name of the group of `regexp` that is kept.
    pub group: Option<Group>,
    /// Flags of `regexp`: `i`, `m`, `s`, `g`.
    pub flags: Option<String>,
    /// Artillery's query of XML: refused with its reason.
    pub xpath: Option<Value>,
    /// Artillery's query of HTML: refused with its reason.
    pub selector: Option<Value>,
    /// Artillery's attribute of `selector`.
    pub attr: Option<Value>,
    /// Which of several: a number from 0, `last`, `random`, or `all` for a list; the first when left out.
    pub index: Option<Pick>,
    /// The value where nothing is found; then it is no error.
    pub default: Option<Value>,
    /// The variable that keeps it.
    #[serde(rename = "as")]
    pub variable: String,
    /// Whether a missing value is an error; true when left out.
    pub strict: Option<bool>,
}

/// A group of a regular expression.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Group {
    /// By number; 0 is the whole match.
    Number(u32),
    /// By name.
    Name(String),
}

/// Which of several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Pick {
    /// This one, from 0.
    Nth(u32),
    /// By word.
    Word(PickWord),
}

/// Which of several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PickWord {
    /// The last.
    Last,
    /// Any.
    Random,
    /// All, as a list.
    All,
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
    pub status_code: Option<OneOrMany<StatusCode>>,
    /// None of these statuses.
    pub not_status_code: Option<OneOrMany<StatusCode>>,
    /// `json`, or the start of the content type.
    pub content_type: Option<String>,
    /// JSON path that must exist.
    pub has_property: Option<String>,
    /// JSON path that must not exist.
    pub not_has_property: Option<String>,
    /// Values that must all be the same; what the request captures is there.
    pub equals: Option<Vec<Value>>,
    /// Header that must exist.
    pub has_header: Option<String>,
    /// A header's name, and the values that it may have.
    pub header_equals: Option<Vec<String>>,
    /// Regular expression that the body must match.
    pub matches_regexp: Option<String>,
    /// Whether a cache on the way must say that it had the answer, or that it had not.
    pub cdn_hit: Option<bool>,
}

/// A status: a number, or an expression that gives one.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum StatusCode {
    /// A number.
    Number(u16),
    /// An expression.
    Text(String),
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
