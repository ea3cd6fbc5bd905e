//! A scenario file worked out: everything looked up, parsed and checked, ready to be run by many users.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Uri};
use jsonpath_rust::parser::model::JpQuery;
use regex::bytes::Regex;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::payload::PayloadTable;
pub use super::socket_plan::{
    Awaited, EmitStep, Join, Message, Opening, ReceiveStep, SocketPlan, SocketRows, Ways, WsAwaited, WsStep,
};
use super::template::{Expression, JsonTemplate, Template};
use crate::load::schedule::Load;
use crate::load::slo::Slo;

/// All that a run needs to know.
#[derive(Debug)]
pub struct Plan {
    /// The file, as the user named it.
    pub file: String,
    /// The system under test.
    pub target: Url,
    /// What users do.
    pub scenarios: Vec<ScenarioPlan>,
    /// How load develops.
    pub load: Load,
    /// The phases that have a name, by their end.
    pub phases: Vec<(Duration, String)>,
    /// What decides the exit code.
    pub slos: Vec<Slo>,
    /// The rows of the report.
    pub metrics: Vec<MetricDef>,
    /// Variables that every iteration starts with.
    pub variables: Vec<(usize, Initial)>,
    /// Rows that become variables.
    pub payloads: Vec<PayloadTable>,
    /// Number of variable slots.
    pub slots: usize,
    /// Slots that the engine itself fills.
    pub builtin: BuiltinSlots,
    /// How Socket.IO is spoken.
    pub socket: SocketPlan,
}

impl Plan {
    /// What it would do, in a few figures.
    pub fn summary(&self) -> Summary {
        Summary {
            schema: "scalectl.loadtest.validate/1",
            file: self.file.clone(),
            scenarios: self.scenarios.iter().map(|scenario| scenario.name.clone()).collect(),
            rows: self.metrics.len(),
            users: self.load.users(),
            duration_seconds: self.load.duration().as_secs_f64(),
            thresholds: self.slos.len(),
        }
    }

    /// Connections that one user may hold at once.
    pub fn connections_per_user(&self) -> u64 {
        let uses = |engine: fn(&Step) -> bool| self.scenarios.iter().any(|s| s.any(engine));
        let http = uses(|step| matches!(step, Step::Http(_)));
        let socket = uses(|step| matches!(step, Step::Connect(_) | Step::Emit(_) | Step::Receive(_)));
        let websocket = uses(|step| matches!(step, Step::Ws(_)));
        let sockets = if socket { self.socket.ways.connections() } else { u64::from(websocket) };
        u64::from(http) + sockets
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
    /// The round of the innermost loop, from 1.
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
            steps.iter().any(|step| {
                predicate(step)
                    || match step {
                        Step::Loop(Loop { body, .. }) => search(body, predicate),
                        Step::If { then, otherwise, .. } => {
                            search(then, predicate) || search(otherwise, predicate)
                        }
                        _ => false,
                    }
            })
        }
        search(&self.steps, predicate)
    }
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
}

impl MetricKind {
    /// Its name in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::Sent => "sent",
            Self::Wait => "wait",
            Self::Delivery => "delivery",
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
    /// Does something with a plain websocket.
    Ws(Box<WsStep>),
    /// Pauses.
    Think(Think),
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
    /// How long the answer may take.
    pub timeout: Duration,
    /// What the answer must be.
    pub checks: Vec<HttpCheck>,
    /// What is kept of it.
    pub captures: Vec<CapturePlan>,
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
}

/// What an HTTP answer must be.
#[derive(Debug)]
pub enum HttpCheck {
    /// One of these statuses; without it, below 400.
    Status(Vec<u16>),
    /// The content type starts with this.
    ContentType(String),
    /// The header exists.
    HasHeader(HeaderName),
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

/// A compiled JSON path with its source.
#[derive(Debug)]
pub struct JsonPath {
    /// As written.
    pub source: String,
    /// Compiled.
    pub query: JpQuery,
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
}

/// Where a captured value is.
#[derive(Debug)]
pub enum Source {
    /// In the JSON body or arguments.
    Json(JsonPath),
    /// In a header.
    Header(HeaderName),
    /// In the body.
    Regexp(Regex),
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
    /// This often.
    Count(u32),
    /// Once for each.
    Over(JsonTemplate),
    /// While true.
    While(Expression),
    /// Until the user's time is over.
    Forever,
}
