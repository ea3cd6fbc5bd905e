//! A scenario file worked out: everything looked up, parsed and checked, ready to be run by many users.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONNECTION, HeaderName, HeaderValue};
use hyper::{Method, Uri};
use regex::bytes::Regex;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::extract::Extract;
pub use super::fanout_plan::{FanoutRow, FanoutStep, Listening, Publishing};
use super::model::{Engine, Pick};
pub use super::path::JsonPath;
use super::payload::PayloadTable;
pub use super::socket_plan::{
    Awaited, EmitStep, Join, Message, Opening, ReceiveStep, SocketPlan, SocketRows, Ways, WsAwaited, WsStep,
};
pub use super::storm_model::StormPlan;
use super::template::{Expression, JsonTemplate, Template};
use super::test_data::{KeyPattern, MarkedDocuments};
use crate::load::schedule::Load;
use crate::load::slo::Slo;

/// All that a run needs to know.
#[derive(Debug)]
pub struct Plan {
    /// The file, as the user named it.
    pub file: String,
    /// The system under test.
    pub target: Url,
    /// What users do; the sections that are done once come last.
    pub scenarios: Vec<ScenarioPlan>,
    /// How load develops.
    pub load: Load,
    /// The phases that have a name, by their end.
    pub phases: Vec<(Duration, String)>,
    /// What decides the exit code.
    pub slos: Vec<Slo>,
    /// Whether one of them asks for cache hits.
    pub asks_caches: bool,
    /// The rows of the report.
    pub metrics: Vec<MetricDef>,
    /// Moments at which connections are lost.
    pub storms: Vec<StormPlan>,
    /// The fan-outs among them.
    pub fanouts: Vec<FanoutRow>,
    /// Variables that every iteration starts with.
    pub variables: Vec<(usize, Initial)>,
    /// Rows that become variables.
    pub payloads: Vec<PayloadTable>,
    /// Number of variable slots.
    pub slots: usize,
    /// What the run leaves behind.
    pub test_data: TestDataPlan,
    /// Slots that the engine itself fills.
    pub builtin: BuiltinSlots,
    /// How Socket.IO is spoken.
    pub socket: SocketPlan,
    /// Done once before the load.
    pub before: Option<Section>,
    /// Done once after it.
    pub after: Option<Section>,
    /// What every random choice comes from.
    pub seed: u64,
    /// What in the file has no effect here, with its place.
    pub notes: Vec<String>,
}

/// What a run leaves behind that has its name in it.
#[derive(Debug, Clone, Default)]
pub struct TestDataPlan {
    /// Documents of MongoDB.
    pub documents: Vec<MarkedDocuments>,
    /// Keys of Redis: as the file has them, and what that means.
    pub keys: Vec<(String, KeyPattern)>,
}

/// Steps that are done once in a run.
#[derive(Debug)]
pub struct Section {
    /// Their place among the scenarios: after all that are chosen, without a weight.
    pub scenario: usize,
    /// The slots of what it sets, which all users see afterwards.
    pub gives: Vec<usize>,
}

impl Plan {
    /// What it would do, in a few figures.
    pub fn summary(&self) -> Summary {
        Summary {
            schema: "scalectl.loadtest.validate/1",
            file: self.file.clone(),
            scenarios: self.chosen().iter().map(|scenario| scenario.name.clone()).collect(),
            rows: self.metrics.len(),
            users: self.load.users(),
            duration_seconds: self.load.duration().as_secs_f64(),
            thresholds: self.slos.len(),
            notes: self.notes.clone(),
        }
    }

    /// The scenarios that users choose from.
    pub fn chosen(&self) -> &[ScenarioPlan] {
        let sections = [&self.before, &self.after].into_iter().flatten().count();
        &self.scenarios[..self.scenarios.len() - sections]
    }

    /// Connections that one user may hold at once.
    pub fn connections_per_user(&self) -> u64 {
        let uses = |engine: fn(&Step) -> bool| self.scenarios.iter().any(|s| s.any(engine));
        let at_once = self.scenarios.iter().map(ScenarioPlan::requests_at_once).max().unwrap_or(0);
        let socket = uses(|step| {
            matches!(step, Step::Connect(_) | Step::Emit(_) | Step::Receive(_) | Step::Fanout(_))
        });
        let websocket = uses(|step| matches!(step, Step::Ws(_)));
        let sockets = if socket { self.socket.ways.connections() } else { u64::from(websocket) };
        at_once + sockets
    }
}

/// A plan in a few figures.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Version of this layout.
    pub schema: &'static str,
    /// The file.
    pub file: String,
    /// Kinds of users, by name.
    pub scenarios: Vec<String>,
    /// Rows that the report will have.
    pub rows: usize,
    /// Virtual users.
    pub users: u32,
    /// How long load lasts, in seconds.
    pub duration_seconds: f64,
    /// Thresholds.
    pub thresholds: usize,
    /// What in the file has no effect here, with its place.
    pub notes: Vec<String>,
}

/// What a variable holds when an iteration starts.
#[derive(Debug, Clone)]
pub enum Initial {
    /// Always the same.
    Fixed(Value),
    /// One of these, at random.
    OneOf(Vec<Value>),
}

/// Slots that the engine itself fills.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuiltinSlots {
    /// Number of the virtual user, from 1.
    pub user: usize,
    /// Number of the iteration over all users, from 1.
    pub iteration: usize,
    /// The item of the innermost loop.
    pub loop_element: usize,
    /// The round of the innermost loop, from 0.
    pub loop_count: usize,
}

/// One kind of user.
#[derive(Debug)]
pub struct ScenarioPlan {
    /// Its name.
    pub name: String,
    /// How often it is chosen.
    pub weight: u32,
    /// What it does.
    pub steps: Vec<Step>,
    /// Events that some step waits for; all others are dropped unread.
    pub awaited: Vec<Awaited>,
    /// Whether some step waits for the messages of a plain websocket; they are dropped unread otherwise.
    pub awaits_messages: bool,
}

impl ScenarioPlan {
    fn any(&self, predicate: fn(&Step) -> bool) -> bool {
        fn search(steps: &[Step], predicate: fn(&Step) -> bool) -> bool {
            let is_below = |step: &Step| step.below().iter().any(|steps| search(steps, predicate));
            steps.iter().any(|step| predicate(step) || is_below(step))
        }
        search(&self.steps, predicate)
    }

    /// HTTP connections that one user may hold at once.
    fn requests_at_once(&self) -> u64 {
        fn search(steps: &[Step]) -> u64 {
            let most = steps.iter().map(|step| match step {
                Step::Http(step) => u64::from(step.keeps_connection()),
                Step::Parallel(parallel) => parallel.steps.len().min(parallel.at_once) as u64,
                other => other.below().into_iter().map(search).max().unwrap_or(0),
            });
            most.max().unwrap_or(0)
        }
        search(&self.steps)
    }
}

/// The row of steps that could not even be begun; it comes after those of the plan.
pub const SCRIPT_ROW: &str = "(script)";

/// The rows that are part of the totals.
pub fn exchanges(metrics: &[MetricDef]) -> impl Iterator<Item = MetricId> {
    metrics.iter().enumerate().filter(|(_, metric)| metric.kind.is_exchange()).map(|(row, _)| row)
}

/// What a row of the report counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// A request and its answer: part of the totals.
    Exchange,
    /// Something sent that nobody answers: counted, without a time.
    Sent,
    /// A wait for an event, which may be another user's doing: not part of the totals.
    Wait,
    /// From one user's send to another's receipt: not part of the totals.
    Delivery,
    /// Done once before or after the load: not part of the totals.
    Setup,
}

impl MetricKind {
    /// Whether it is part of the totals.
    pub fn is_exchange(self) -> bool {
        matches!(self, Self::Exchange | Self::Sent)
    }

    /// Its name in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::Sent => "sent",
            Self::Wait => "wait",
            Self::Delivery => "delivery",
            Self::Setup => "setup",
        }
    }
}

/// A row of the report.
#[derive(Debug, Clone)]
pub struct MetricDef {
    /// Its name.
    pub name: String,
    /// What it counts.
    pub kind: MetricKind,
    /// What its steps speak.
    pub speaks: Engine,
    /// What reports can cut by.
    pub tags: BTreeMap<String, String>,
}

impl MetricDef {
    /// A row of HTTP without tags.
    pub fn of_http(name: &str, kind: MetricKind) -> Self {
        Self { name: name.to_owned(), kind, speaks: Engine::Http, tags: BTreeMap::new() }
    }
}

/// Index of a row.
pub type MetricId = usize;

/// One step.
#[derive(Debug)]
pub enum Step {
    /// Sends a request and reads the answer.
    Http(Box<HttpStep>),
    /// Opens the Socket.IO connection or joins a namespace.
    Connect(Join),
    /// Sends an event.
    Emit(Box<EmitStep>),
    /// Waits for an event.
    Receive(Box<ReceiveStep>),
    /// Publishes into a room, listens in it, or both.
    Fanout(Arc<FanoutStep>),
    /// Does something with a plain websocket.
    Ws(Box<WsStep>),
    /// Pauses.
    Think(Think),
    /// Pauses for a time that is worked out when it comes to it.
    ThinkComputed(Template),
    /// Sends several requests at once.
    Parallel(Parallel),
    /// Repeats.
    Loop(Loop),
    /// Branches.
    If {
        /// What decides.
        condition: Expression,
        /// When true.
        then: Vec<Step>,
        /// When false.
        otherwise: Vec<Step>,
    },
    /// Sets variables.
    Set(Vec<(usize, JsonTemplate)>),
}

impl Step {
    /// The lists of steps in it.
    pub fn below(&self) -> Vec<&[Step]> {
        match self {
            Self::Loop(Loop { body, .. }) => vec![body],
            Self::If { then, otherwise, .. } => vec![then, otherwise],
            _ => Vec::new(),
        }
    }
}

/// Requests that are sent at once.
#[derive(Debug)]
pub struct Parallel {
    /// The requests.
    pub steps: Vec<HttpStep>,
    /// How many may be under way.
    pub at_once: usize,
}

/// An HTTP request.
#[derive(Debug)]
pub struct HttpStep {
    /// Its row.
    pub metric: MetricId,
    /// The method.
    pub method: Method,
    /// Path and query, or a whole URL of the target.
    pub url: RequestUrl,
    /// Query parameters to add.
    pub query: Vec<(String, JsonTemplate)>,
    /// Its own headers.
    pub headers: Vec<(HeaderName, HeaderTemplate)>,
    /// The body.
    pub body: Body,
    /// Cookies to take into the user's jar first.
    pub cookies: Vec<(String, Template)>,
    /// Whether redirects to the target itself are followed.
    pub follows: bool,
    /// How long the answer may take.
    pub timeout: Duration,
    /// What the answer must be.
    pub checks: Vec<HttpCheck>,
    /// What is kept of it.
    pub captures: Vec<CapturePlan>,
    /// Values that must then be the same.
    pub equals: Vec<Vec<JsonTemplate>>,
    /// What checks and captures look at in a JSON body, if any does.
    pub json: Option<Extract>,
}

impl HttpStep {
    /// Whether the connection stays open for the next request.
    fn keeps_connection(&self) -> bool {
        let closes = |value: &HeaderTemplate| match value {
            HeaderTemplate::Static(value) => value.as_bytes().eq_ignore_ascii_case(b"close"),
            HeaderTemplate::Rendered(_) | HeaderTemplate::Basic(..) => false,
        };
        !self.headers.iter().any(|(name, value)| *name == CONNECTION && closes(value))
    }
}

/// A request's path.
#[derive(Debug)]
pub enum RequestUrl {
    /// Always the same.
    Static(Uri),
    /// Rendered for each request.
    Rendered(Template),
}

/// A header's value.
#[derive(Debug)]
pub enum HeaderTemplate {
    /// Always the same.
    Static(HeaderValue),
    /// Rendered for each request.
    Rendered(Template),
    /// Name and password.
    Basic(Template, Template),
}

/// A request's body.
#[derive(Debug)]
pub enum Body {
    /// None.
    Empty,
    /// The same bytes each time.
    Static(Bytes),
    /// JSON, rendered.
    Json(JsonTemplate),
    /// A URL-encoded form, rendered.
    Form(Vec<(String, JsonTemplate)>),
    /// Text, rendered.
    Text(Template),
    /// A form of several parts.
    Multipart(super::multipart::Multipart),
}

/// What an HTTP answer must be.
#[derive(Debug)]
pub enum HttpCheck {
    /// One of these statuses, or none of them; without any such check, below 400.
    Status {
        /// Those written out.
        codes: Vec<u16>,
        /// Those worked out for each answer.
        rendered: Vec<Template>,
        /// Whether it must be none of them.
        is_forbidden: bool,
    },
    /// The content type starts with this.
    ContentType(String),
    /// The header exists.
    HasHeader(HeaderName),
    /// The header has one of these values.
    HeaderEquals(HeaderName, Vec<Template>),
    /// A cache on the way says whether it had the answer.
    CdnHit(bool),
    /// The JSON body does not have this.
    JsonAbsent(JsonPath),
    /// The body matches.
    Regexp(Regex),
    /// The JSON body has this.
    Json(JsonCheck),
}

/// What a JSON answer must have.
#[derive(Debug)]
pub struct JsonCheck {
    /// Where.
    pub path: JsonPath,
    /// What; existence is enough when there is none.
    pub value: Option<JsonTemplate>,
}

/// A value to keep.
#[derive(Debug)]
pub struct CapturePlan {
    /// Where it is.
    pub from: Source,
    /// Where it goes.
    pub slot: usize,
    /// Whether it must be there.
    pub strict: bool,
    /// Which of several.
    pub pick: Option<Pick>,
    /// The value where nothing is found.
    pub default: Option<JsonTemplate>,
}

/// Where a captured value is.
#[derive(Debug)]
pub enum Source {
    /// In the JSON body or arguments.
    Json(JsonPath),
    /// In a header.
    Header(HeaderName),
    /// In the body; the group is kept.
    Regexp(Regex, usize),
    /// In the JSON body, at a path that is worked out for each answer.
    JsonAt(Template),
}

/// What the arguments of an acknowledgement or event must be, and what is kept of them.
#[derive(Debug)]
pub struct AnswerPlan {
    /// Checks.
    pub checks: Vec<JsonCheck>,
    /// Captures.
    pub captures: Vec<CapturePlan>,
    /// Time limit.
    pub timeout: Duration,
}

/// A pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Think {
    /// At least.
    pub min: Duration,
    /// At most.
    pub max: Duration,
}

/// A repetition.
#[derive(Debug)]
pub struct Loop {
    /// How often.
    pub times: Times,
    /// What.
    pub body: Vec<Step>,
}

/// How often a loop repeats.
#[derive(Debug)]
pub enum Times {
    /// `$loopCount` goes from the first number up to the second, without it.
    Count(u64, u64),
    /// As often as an expression says.
    Computed(Template),
    /// Once for each.
    Over(JsonTemplate),
    /// While true.
    While(Expression),
    /// Until the user's time is over.
    Forever,
}
