//! From the file as written to a [`Plan`]: every mistake found, each at its place, before anything is sent.

mod answer;
mod body;
mod ensure;
mod expect;
mod fanout;
mod foreign;
mod http;
mod pattern;
mod phases;
mod section;
mod slo;
mod socket;
mod step;
mod storm;
mod test_data;
mod transport;
mod ws;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use url::Url;

pub use phases::Overrides;
pub use step::parse_think;

use super::model::{Config, Connect, Engine, ScenarioFile, Step as StepModel, Tags};
use super::payload::{self, PayloadTable};
use super::plan::{
    Awaited, BuiltinSlots, FanoutRow, Initial, MetricDef, MetricId, MetricKind, Plan, ScenarioPlan,
};
use super::prepare::{ENVIRONMENT, prepare, process_variables};
use super::template::{JsonTemplate, Symbols, Template, TemplateError};
use super::test_data::{NAME_OF_RUN, TestId};
use crate::clients::SecretUrl;
use crate::config::document::escape;
use crate::config::{Diagnostic, Document, Mistakes, schema};
use crate::load::schedule::Load;
use crate::load::slo::Measure;

/// How long an answer may take when nothing is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// What to do where Artillery would call JavaScript.
const JAVASCRIPT: &str = "JavaScript is not run; use variables, captures and expressions";

/// Compiles a scenario file; its payload files are looked for in `folder`.
pub fn compile_document(document: &Document, folder: &Path, overrides: &Overrides) -> Result<Plan, Mistakes> {
    let (document, mut found) = prepare(document, overrides.environment.as_deref());
    let document = &document;
    let reading = schema::read::<ScenarioFile>(document);
    // What is missing in the environment does not fit either, and needs no second word.
    let blamed: HashSet<_> = found.iter().filter_map(|diagnostic| diagnostic.place).collect();
    found.extend(reading.found.into_iter().filter(|d| d.place.is_none_or(|place| !blamed.contains(&place))));
    let Some(file) = reading.value else {
        document.verdict(found)?;
        return Err(Mistakes::unplaced(&document.name, "could not be read".to_owned()));
    };
    let mut compiler = Compiler::new(document, &file.config, folder);
    compiler.found = found;
    compiler.cut = reading.cut;
    let plan = compiler.file(&file, overrides);
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
    fanouts: Vec<FanoutRow>,
    /// What the step that is being compiled speaks.
    speaks: Engine,
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
    /// A payload could not be read, or JavaScript would set variables: they would only be reported once more.
    has_unknown_variables: bool,
    /// The target's, for messages and for URLs that repeat it.
    origin: String,
    /// The folder of the file.
    folder: PathBuf,
    /// What does not fit the schema and was left out, by pointer.
    cut: HashSet<String>,
    /// What has no effect here.
    notes: Vec<String>,
    /// The tags of the scenario and step that are being compiled.
    tags: Tags,
    /// Set within a section that is done once.
    section: Option<&'static str>,
}

impl<'a> Compiler<'a> {
    fn new(document: &'a Document, config: &'a Config, folder: &Path) -> Self {
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
            fanouts: Vec::new(),
            speaks: Engine::Http,
            awaited,
            awaits_messages: false,
            is_ws_answer_due: false,
            ws_connect: None,
            ws_path: "/".to_owned(),
            connects: HashMap::new(),
            builtin,
            has_unknown_variables: false,
            origin: "the target".to_owned(),
            folder: folder.to_owned(),
            cut: HashSet::new(),
            notes: Vec::new(),
            tags: Tags::new(),
            section: None,
        }
    }

    fn file(&mut self, file: &ScenarioFile, overrides: &Overrides) -> Option<Plan> {
        self.refuse_foreign();
        let seed = overrides.seed.or(self.config.seed).unwrap_or_else(new_seed);
        let target = self.target(overrides.target.as_deref());
        if let Some(target) = &target {
            self.origin = target.origin().ascii_serialization();
        }
        self.constants(overrides, seed);
        let variables = self.variables();
        let payloads = self.payloads();
        let load = self.load(overrides);
        let (mut before, gives) = self.before(file);
        let shared = self.symbols.clone();
        let mut slots = shared.len();
        let mut scenarios = Vec::new();
        for (index, scenario) in file.scenarios.iter().enumerate() {
            let at = format!("/scenarios/{index}");
            self.refuse_hooks_of(scenario, &at);
            self.tags = scenario.tags.clone();
            let name = scenario.name.clone().unwrap_or_else(|| format!("scenario {}", index + 1));
            let mut plan = self.scenario(&scenario.flow, scenario.engine, &at, name);
            plan.weight = scenario.weight.unwrap_or(1);
            scenarios.push(plan);
            // A scenario sees its own captures and not those of its neighbours.
            slots = slots.max(self.symbols.len());
            self.symbols = shared.clone();
        }
        if !scenarios.is_empty() && scenarios.iter().all(|scenario| scenario.weight == 0) {
            self.refuse::<()>("/scenarios", "every `weight` is 0: no scenario would ever be chosen");
        }
        let mut after = self.after(file);
        let socket = self.socket(&file.scenarios);
        let is_socketio = file.scenarios.iter().any(|scenario| scenario.engine == Engine::Socketio);
        let storms = self.storms(is_socketio, load.as_ref().map(Load::duration));
        let phases = self.phase_names(overrides);
        let slos = self.slos(file, &phases);
        let before = before.take().map(|plan| section::place(plan, gives, &mut scenarios));
        let after = after.take().map(|plan| section::place(plan, Vec::new(), &mut scenarios));
        Some(Plan {
            file: self.document.name.clone(),
            target: target?,
            scenarios,
            load: load?,
            phases,
            asks_caches: slos.iter().any(|slo| slo.measure == Measure::CacheHits),
            slos,
            metrics: std::mem::take(&mut self.metrics),
            storms,
            fanouts: std::mem::take(&mut self.fanouts),
            variables,
            payloads,
            slots: slots.max(self.symbols.len()),
            test_data: self.test_data(),
            builtin: self.builtin,
            socket,
            before,
            after,
            seed,
            notes: std::mem::take(&mut self.notes),
        })
    }

    fn scenario(&mut self, flow: &[StepModel], engine: Engine, at: &str, name: String) -> ScenarioPlan {
        self.awaited.clear();
        self.connects.clear();
        (self.awaits_messages, self.is_ws_answer_due, self.ws_connect) = (false, false, None);
        // What its steps would have been cannot be known.
        let is_known = !self.cut.contains(&format!("{at}/engine"));
        if flow.is_empty() && is_known && !self.cut.contains(&format!("{at}/flow")) {
            self.refuse::<()>(at, "a scenario needs steps in its `flow`");
        }
        let steps = match is_known {
            true => self.steps(flow, &format!("{at}/flow"), engine),
            false => Vec::new(),
        };
        let awaited = std::mem::take(&mut self.awaited);
        ScenarioPlan { name, weight: 0, steps, awaited, awaits_messages: self.awaits_messages }
    }

    /// What expressions read that is the same for the whole run.
    fn constants(&mut self, overrides: &Overrides, seed: u64) {
        let (values, missing) = process_variables(self.document);
        for diagnostic in missing {
            self.found.push(diagnostic.with_help("set it where scalectl is started"));
        }
        for name in ENVIRONMENT {
            self.symbols.fix(name, values.clone());
        }
        self.symbols.fix("$environment", overrides.environment.clone().unwrap_or_default().into());
        self.symbols.fix(NAME_OF_RUN, TestId(seed).to_string().into());
        self.symbols.fix("target", self.origin.clone().into());
    }

    fn target(&mut self, given: Option<&str>) -> Option<Url> {
        let written = given.or(self.config.target.as_deref());
        let Some(text) = written else {
            if !self.is_mended("/config") {
                self.refuse_key("/config", "missing key `target`", Some("name it here or with --target"));
            }
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

    fn payloads(&mut self) -> Vec<PayloadTable> {
        let Some(payloads) = &self.config.payload else { return Vec::new() };
        let mut tables = Vec::new();
        for (rest, payload) in payloads.items() {
            match (payload::read(payload, &self.folder), payload.load_all, &payload.name) {
                (Ok(rows), true, Some(name)) => self.symbols.fix(name, payload::as_list(&rows)),
                (Ok(_), true, None) => {
                    self.refuse::<()>(
                        &format!("/config/payload{rest}"),
                        "`loadAll` needs the `name` of a variable",
                    );
                }
                (Ok((fields, rows)), false, _) => {
                    let slots = fields.iter().map(|field| self.symbols.declare(field)).collect();
                    let name = payload.path.display().to_string();
                    tables.push(PayloadTable { name, slots, rows, order: payload.order, per: payload.per });
                }
                (Err(message), ..) => {
                    self.refuse::<()>(&format!("/config/payload{rest}/path"), message);
                    self.has_unknown_variables = true;
                }
            }
        }
        tables
    }

    /// The row called `name`, made when there is none.
    fn metric(&mut self, name: &str, kind: MetricKind) -> MetricId {
        let own = self.section.map(|section| format!("{section}: {name}"));
        let name = own.as_deref().unwrap_or(name);
        let kind = if own.is_some() { MetricKind::Setup } else { kind };
        let is_taken = self.metrics.iter().any(|metric| metric.name == name && metric.kind != kind);
        let name = if is_taken { &format!("{name} ({})", kind.word()) } else { name };
        let known = self.metrics.iter().position(|metric| metric.name == name && metric.kind == kind);
        known.unwrap_or_else(|| {
            let (name, speaks, tags) = (name.to_owned(), self.speaks, self.tags.clone());
            self.metrics.push(MetricDef { name, kind, speaks, tags });
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

    /// Whether something right below was left out: what is missing then may have been meant by it.
    fn is_mended(&self, pointer: &str) -> bool {
        self.cut.iter().any(|cut| cut.rsplit_once('/').is_some_and(|(parent, _)| parent == pointer))
    }

    /// Notes that something in the file has no effect.
    fn note(&mut self, pointer: &str, message: &str) {
        let (name, line) = self.document.line(self.document.key_place(pointer));
        self.notes.push(format!("{name}:{line}: {message}"));
    }

    /// Notes a mistake at a value.
    fn refuse<T>(&mut self, pointer: &str, message: impl Into<String>) -> Option<T> {
        self.refuse_at(pointer, TemplateError::new(message));
        None
    }

    /// Notes a mistake at a value, with the repair.
    fn refuse_at(&mut self, pointer: &str, error: TemplateError) {
        if error.is_unknown_variable && self.has_unknown_variables {
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

/// A seed that programs which know only floating-point numbers read back as it is.
fn new_seed() -> u64 {
    rand::random::<u64>() >> 11
}

/// The variables that steps set, at any depth.
fn assigned(steps: &[StepModel]) -> Vec<String> {
    let mut names = Vec::new();
    for step in steps {
        names.extend(answer::captured(step).into_iter().map(str::to_owned));
        names.extend(step.set.iter().flat_map(|set| set.keys().cloned()));
        for nested in [&step.repeat, &step.then, &step.otherwise, &step.parallel].into_iter().flatten() {
            names.extend(assigned(nested));
        }
    }
    names
}
