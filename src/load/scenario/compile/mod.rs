//! From the file as written to a [`Plan`]: every mistake found, each at its place, before anything is sent.

mod answer;
mod ensure;
mod http;
mod phases;
mod socket;
mod step;
mod transport;
mod ws;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use url::Url;

pub use phases::Overrides;

use super::model::{Config, Connect, ScenarioFile, Step as StepModel};
use super::payload::{self, PayloadTable};
use super::plan::{Awaited, BuiltinSlots, Initial, MetricDef, MetricId, MetricKind, Plan, ScenarioPlan};
use super::template::{JsonTemplate, Symbols, Template, TemplateError};
use crate::clients::SecretUrl;
use crate::config::document::escape;
use crate::config::{Diagnostic, Document, Mistakes, schema};
use crate::load::slo::Slo;

/// How long an answer may take when nothing is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// What decides when the file names no threshold.
const DEFAULT_SLO: &str = "errors < 1%";
/// What to do where Artillery would call JavaScript.
const JAVASCRIPT: &str = "JavaScript is not run; use variables, captures and expressions";
/// The plug-ins of Artillery whose work is built in.
const BUILT_IN_PLUGINS: [&str; 3] = ["ensure", "expect", "metrics-by-endpoint"];

/// Reads and compiles a scenario file.
pub fn compile(path: &Path, overrides: &Overrides) -> Result<Plan, Mistakes> {
    let folder = path.parent().unwrap_or(Path::new("."));
    compile_document(&Document::load(path)?, folder, overrides)
}

/// Compiles a scenario file that was read already; its payload files are looked for in `folder`.
pub fn compile_document(document: &Document, folder: &Path, overrides: &Overrides) -> Result<Plan, Mistakes> {
    let file: ScenarioFile = schema::check(document)?;
    let mut compiler = Compiler::new(document, &file.config);
    let plan = compiler.file(&file, folder, overrides);
    let found = compiler.found;
    document.verdict(found)?;
    plan.ok_or_else(|| Mistakes::unplaced(&document.name, "could not be compiled".to_owned()))
}

/// Gathers mistakes while it works; parts that fail are left out and the rest is checked all the same.
struct Compiler<'a> {
    document: &'a Document,
    config: &'a Config,
    found: Vec<Diagnostic>,
    symbols: Symbols,
    metrics: Vec<MetricDef>,
    awaited: Vec<Awaited>,
    /// Whether some step waits for the messages of a plain websocket.
    awaits_messages: bool,
    /// Whether a message was sent on a plain websocket that the next `receive` answers.
    is_ws_answer_due: bool,
    /// The scenario's last `connect` of a plain websocket, with its row.
    ws_connect: Option<(MetricId, Connect)>,
    /// Path of a plain websocket when nothing is said: the one of a `ws://` target.
    ws_path: String,
    /// The rows of the scenario's `connect` steps, by namespace.
    connects: HashMap<String, MetricId>,
    builtin: BuiltinSlots,
    /// A payload could not be read: its columns would only be reported as unknown variables once more.
    has_unknown_columns: bool,
    /// The target's, for messages and for URLs that repeat it.
    origin: String,
}

impl<'a> Compiler<'a> {
    fn new(document: &'a Document, config: &'a Config) -> Self {
        let mut symbols = Symbols::default();
        let builtin = BuiltinSlots {
            user: symbols.declare("$user"),
            iteration: symbols.declare("$iteration"),
            loop_element: symbols.declare("$loopElement"),
            loop_count: symbols.declare("$loopCount"),
        };
        let (found, metrics, awaited) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            document,
            config,
            found,
            symbols,
            metrics,
            awaited,
            awaits_messages: false,
            is_ws_answer_due: false,
            ws_connect: None,
            ws_path: "/".to_owned(),
            connects: HashMap::new(),
            builtin,
            has_unknown_columns: false,
            origin: "the target".to_owned(),
        }
    }

    fn file(&mut self, file: &ScenarioFile, folder: &Path, overrides: &Overrides) -> Option<Plan> {
        self.refuse_javascript();
        let target = self.target(overrides.target.as_deref());
        if let Some(target) = &target {
            self.origin = target.origin().ascii_serialization();
        }
        let variables = self.variables();
        let payloads = self.payloads(folder);
        let load = self.load(overrides);
        let shared = self.symbols.clone();
        let mut slots = shared.len();
        let mut scenarios = Vec::new();
        for (index, scenario) in file.scenarios.iter().enumerate() {
            // A scenario sees its own captures and not those of its neighbours.
            self.symbols = shared.clone();
            self.awaited.clear();
            self.connects.clear();
            (self.awaits_messages, self.is_ws_answer_due, self.ws_connect) = (false, false, None);
            let steps = self.steps(&scenario.flow, &format!("/scenarios/{index}/flow"), scenario.engine);
            slots = slots.max(self.symbols.len());
            let name = scenario.name.clone().unwrap_or_else(|| format!("scenario {}", index + 1));
            let (weight, awaited) = (scenario.weight.unwrap_or(1), std::mem::take(&mut self.awaited));
            let awaits_messages = self.awaits_messages;
            scenarios.push(ScenarioPlan { name, weight, steps, awaited, awaits_messages });
        }
        let socket = self.socket(&file.scenarios);
        let slos = self.slos(file);
        Some(Plan {
            file: self.document.name.clone(),
            target: target?,
            scenarios,
            load: load?,
            phases: self.phase_names(overrides),
            slos,
            metrics: std::mem::take(&mut self.metrics),
            variables,
            payloads,
            slots,
            builtin: self.builtin,
            socket,
        })
    }

    fn refuse_javascript(&mut self) {
        if self.config.processor.is_some() {
            self.refuse_key("/config/processor", "`processor` names a JavaScript file", Some(JAVASCRIPT));
        }
        for plugin in self.config.plugins.keys().filter(|name| !BUILT_IN_PLUGINS.contains(&name.as_str())) {
            let help = format!("built in: {}", BUILT_IN_PLUGINS.join(", "));
            let pointer = format!("/config/plugins/{}", escape(plugin));
            self.refuse_key(&pointer, &format!("the plug-in `{plugin}` is not known"), Some(&help));
        }
    }

    fn target(&mut self, given: Option<&str>) -> Option<Url> {
        let written = given.or(self.config.target.as_deref());
        let Some(text) = written else {
            self.refuse_key("/config", "missing key `target`", Some("name it here or with --target"));
            return None;
        };
        let shown = SecretUrl::new(text);
        let reason = match Url::parse(text) {
            Ok(url) if !matches!(url.scheme(), "http" | "https" | "ws" | "wss") || !url.has_host() => {
                "is no http, https, ws or wss URL".to_owned()
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                "carries credentials; send them in `headers`".to_owned()
            }
            Ok(url) if url.scheme().starts_with("ws") => return self.websocket_target(&url),
            Ok(url) if url.path() != "/" || url.query().is_some() => {
                "has a path; it belongs into the `url` of each step".to_owned()
            }
            Ok(url) => return Some(url),
            Err(error) => format!("is no URL: {error}"),
        };
        // What came from the command line has no place in the file.
        let place = given.is_none().then(|| self.document.place("/config/target"));
        self.found.push(Diagnostic { place, message: format!("target `{shown}` {reason}"), help: None });
        None
    }

    fn variables(&mut self) -> Vec<(usize, Initial)> {
        let initial = |value: &Value| match value {
            Value::Array(items) if !items.is_empty() => Initial::OneOf(items.clone()),
            other => Initial::Fixed(other.clone()),
        };
        let config = self.config;
        config.variables.iter().map(|(name, value)| (self.symbols.declare(name), initial(value))).collect()
    }

    fn payloads(&mut self, folder: &Path) -> Vec<PayloadTable> {
        let Some(payloads) = &self.config.payload else { return Vec::new() };
        let mut tables = Vec::new();
        for (rest, payload) in payloads.items() {
            match payload::read(payload, folder) {
                Ok((fields, rows)) => {
                    let slots = fields.iter().map(|field| self.symbols.declare(field)).collect();
                    tables.push(PayloadTable { slots, rows, order: payload.order });
                }
                Err(message) => {
                    self.refuse::<()>(&format!("/config/payload{rest}/path"), message);
                    self.has_unknown_columns = true;
                }
            }
        }
        tables
    }

    /// The thresholds, once all rows are known.
    fn slos(&mut self, file: &ScenarioFile) -> Vec<Slo> {
        let metrics = self.metrics.clone();
        let rows: Vec<&str> = metrics.iter().map(|metric| metric.name.as_str()).collect();
        let mut slos = self.ensure();
        for (index, text) in file.slo.iter().enumerate() {
            match Slo::parse(text, &rows) {
                Ok(slo) => slos.push(slo),
                Err((message, help)) => {
                    self.refuse_at(
                        &format!("/slo/{index}"),
                        TemplateError { help, ..TemplateError::new(message) },
                    );
                }
            }
        }
        if file.slo.is_empty() && self.config.ensure.is_none() {
            slos.extend(
                Slo::parse(DEFAULT_SLO, &rows)
                    .map(|slo| Slo { text: format!("{DEFAULT_SLO} (default)"), ..slo }),
            );
        }
        slos
    }

    /// The row called `name`, made when there is none.
    fn metric(&mut self, name: &str, kind: MetricKind) -> MetricId {
        let is_taken = self.metrics.iter().any(|metric| metric.name == name && metric.kind != kind);
        let name = if is_taken { &format!("{name} ({})", kind.word()) } else { name };
        let known = self.metrics.iter().position(|metric| metric.name == name && metric.kind == kind);
        known.unwrap_or_else(|| {
            self.metrics.push(MetricDef { name: name.to_owned(), kind });
            self.metrics.len() - 1
        })
    }

    fn text(&mut self, source: &str, pointer: &str) -> Option<Template> {
        Template::compile(source, &self.symbols).map_err(|error| self.refuse_at(pointer, error)).ok()
    }

    fn json(&mut self, value: &Value, pointer: &str) -> Option<JsonTemplate> {
        let compiled = JsonTemplate::compile(value, &self.symbols);
        compiled.map_err(|(rest, error)| self.refuse_at(&format!("{pointer}{rest}"), error)).ok()
    }

    fn json_map(&mut self, map: &BTreeMap<String, Value>, pointer: &str) -> Option<JsonTemplate> {
        let object = map.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        self.json(&Value::Object(object), pointer)
    }

    fn text_map<'m, C: FromIterator<(String, Template)>>(
        &mut self,
        map: impl IntoIterator<Item = (&'m String, &'m String)>,
        pointer: &str,
    ) -> Option<C> {
        let compile = |(key, source): (&String, &String)| {
            let template = self.text(source, &format!("{pointer}/{}", escape(key)))?;
            Some((key.clone(), template))
        };
        map.into_iter().map(compile).collect()
    }

    /// Notes a mistake at a value.
    fn refuse<T>(&mut self, pointer: &str, message: impl Into<String>) -> Option<T> {
        self.refuse_at(pointer, TemplateError::new(message));
        None
    }

    /// Notes a mistake at a value, with the repair.
    fn refuse_at(&mut self, pointer: &str, error: TemplateError) {
        if error.is_unknown_variable && self.has_unknown_columns {
            return;
        }
        let place = self.document.place(pointer);
        self.found.push(Diagnostic { place: Some(place), message: error.message, help: error.help });
    }

    /// Notes a mistake at a key.
    fn refuse_key(&mut self, pointer: &str, message: &str, help: Option<&str>) {
        let place = self.document.key_place(pointer);
        self.found.push(Diagnostic {
            place: Some(place),
            message: message.to_owned(),
            help: help.map(str::to_owned),
        });
    }
}

/// The variables that steps set, at any depth.
fn assigned(steps: &[StepModel]) -> Vec<String> {
    let mut names = Vec::new();
    for step in steps {
        names.extend(answer::captured(step).into_iter().map(str::to_owned));
        names.extend(step.set.iter().flat_map(|set| set.keys().cloned()));
        for nested in [&step.repeat, &step.then, &step.otherwise].into_iter().flatten() {
            names.extend(assigned(nested));
        }
    }
    names
}
