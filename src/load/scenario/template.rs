//! Text and JSON with `{{ expressions }}`, compiled once, rendered for every step.
//!
//! Most expressions are one variable: those never reach the expression engine. `$name`, Artillery's
//! mark for built-in variables and functions, becomes `__name`, which the engine can read.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use rand::RngExt;
use rand::distr::{Alphanumeric, SampleString};
use serde_json::{Map, Value};

use crate::config::suggest::did_you_mean;

/// An expression may take this many engine steps; a loop in one would otherwise never end.
const FUEL: u64 = 50_000;

/// The variables of one iteration, by slot.
pub type Slots = [Option<Value>];

/// A mistake in a template, with its repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Whether it is a variable that nothing sets.
    pub is_unknown_variable: bool,
}

impl TemplateError {
    /// A mistake without a repair to name.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, is_unknown_variable: false }
    }
}

/// Names of variables and the slots that hold them.
#[derive(Debug, Default, Clone)]
pub struct Symbols {
    slots: HashMap<String, usize>,
}

impl Symbols {
    /// The slot of `name`, made when there is none.
    pub fn declare(&mut self, name: &str) -> usize {
        let next = self.slots.len();
        *self.slots.entry(internal(name)).or_insert(next)
    }

    /// How many slots there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    fn find(&self, name: &str) -> Result<usize, TemplateError> {
        self.slots.get(name).copied().ok_or_else(|| {
            let known: Vec<String> = self.slots.keys().map(|name| external(name)).collect();
            let name = external(name);
            let help = did_you_mean(&name, known.iter().map(String::as_str)).unwrap_or_else(|| {
                "declare it in config.variables or config.payload, or capture it in an earlier step"
                    .to_owned()
            });
            let message = format!("variable `{name}` is not set here");
            TemplateError { help: Some(help), is_unknown_variable: true, ..TemplateError::new(message) }
        })
    }
}

/// `$name` as the expression engine can read it.
fn internal(name: &str) -> String {
    name.strip_prefix('$').map_or_else(|| name.to_owned(), |rest| format!("__{rest}"))
}

/// The same back, for messages.
fn external(name: &str) -> String {
    name.strip_prefix("__").map_or_else(|| name.to_owned(), |rest| format!("${rest}"))
}

/// One compiled expression.
#[derive(Debug)]
pub enum Expression {
    /// A variable alone.
    Slot {
        /// Where its value is.
        slot: usize,
        /// Its name, for messages.
        name: String,
    },
    /// Anything else.
    Code {
        /// The compiled code.
        code: minijinja::Expression<'static, 'static>,
        /// The variables it reads.
        inputs: Vec<(String, usize)>,
    },
}

impl Expression {
    /// Compiles `source`, the text between the braces.
    pub fn compile(source: &str, symbols: &Symbols) -> Result<Self, TemplateError> {
        let source = internal_source(source.trim());
        if let Ok(slot) = symbols.find(&source) {
            return Ok(Self::Slot { slot, name: external(&source) });
        }
        let code = ENGINE.compile_expression_owned(source.clone()).map_err(|error| {
            TemplateError::new(format!("`{}` is no expression: {}", external_source(&source), detail(&error)))
        })?;
        // A variable hides a function of the same name.
        let known = |name: &String| {
            symbols.slots.contains_key(name) || !ENGINE.globals().any(|(global, _)| global == name)
        };
        let mut names: Vec<String> = code.undeclared_variables(false).into_iter().filter(known).collect();
        names.sort();
        let slots: Result<Vec<_>, _> =
            names.into_iter().map(|name| symbols.find(&name).map(|slot| (name, slot))).collect();
        Ok(Self::Code { code, inputs: slots? })
    }

    /// Its value.
    pub fn evaluate(&self, slots: &Slots) -> Result<Value, String> {
        match self {
            Self::Slot { slot, name } => read(slots, *slot, name).cloned(),
            Self::Code { code, inputs } => {
                let mut context = Vec::with_capacity(inputs.len());
                for (name, slot) in inputs {
                    let value = minijinja::Value::from(Serde(read(slots, *slot, &external(name))?));
                    context.push((name.as_str(), value));
                }
                let value =
                    code.eval(minijinja::Value::from_pairs(context)).map_err(|error| detail(&error))?;
                serde_json::to_value(&value).map_err(|error| error.to_string())
            }
        }
    }

    /// Its value as a condition: nothing, `false`, 0, empty text and empty lists are false.
    pub fn is_true(&self, slots: &Slots) -> Result<bool, String> {
        Ok(match self.evaluate(slots)? {
            Value::Null => false,
            Value::Bool(value) => value,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(map) => !map.is_empty(),
        })
    }
}

fn read<'a>(slots: &'a Slots, slot: usize, name: &str) -> Result<&'a Value, String> {
    slots.get(slot).and_then(Option::as_ref).ok_or_else(|| format!("variable `{name}` has no value yet"))
}

/// Text with expressions in it.
#[derive(Debug)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Expression(Expression),
}

impl Template {
    /// Compiles `source`.
    pub fn compile(source: &str, symbols: &Symbols) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = source;
        while let Some((text, after)) = rest.split_once("{{") {
            let (expression, after) = after
                .split_once("}}")
                .ok_or_else(|| TemplateError::new("`{{` is never closed with `}}`".to_owned()))?;
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            }
            parts.push(Part::Expression(Expression::compile(expression, symbols)?));
            rest = after;
        }
        if !rest.is_empty() || parts.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// The text itself, when there is no expression in it.
    pub fn as_static(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text with every expression replaced by its value.
    pub fn render(&self, slots: &Slots) -> Result<String, String> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Expression(expression) => match expression.evaluate(slots)? {
                    Value::String(text) => out.push_str(&text),
                    other => out.push_str(&other.to_string()),
                },
            }
        }
        Ok(out)
    }
}

/// JSON with expressions in its strings. A string that is one expression keeps the type of its value.
#[derive(Debug)]
pub enum JsonTemplate {
    /// Nothing to replace.
    Static(Value),
    /// A string that is one expression.
    Typed(Expression),
    /// Text with expressions.
    Text(Template),
    /// A list with expressions below.
    Array(Vec<JsonTemplate>),
    /// A mapping with expressions below.
    Object(Vec<(String, JsonTemplate)>),
}

impl JsonTemplate {
    /// Compiles `value`; mistakes come with the rest of their JSON pointer.
    pub fn compile(value: &Value, symbols: &Symbols) -> Result<Self, (String, TemplateError)> {
        match value {
            Value::String(text) if text.contains("{{") => {
                Self::compile_text(text, symbols).map_err(|error| (String::new(), error))
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                let compiled: Result<Vec<_>, _> =
                    items.map(|(i, item)| below(&i.to_string(), item, symbols)).collect();
                compiled.map(|items| Self::Array(items).simplify(value))
            }
            Value::Object(map) => {
                let compile = |(key, item): (&String, &Value)| {
                    below(key, item, symbols).map(|item| (key.clone(), item))
                };
                let compiled: Result<Vec<_>, _> = map.iter().map(compile).collect();
                compiled.map(|entries| Self::Object(entries).simplify(value))
            }
            other => Ok(Self::Static(other.clone())),
        }
    }

    fn compile_text(text: &str, symbols: &Symbols) -> Result<Self, TemplateError> {
        let inner = text.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
        match inner {
            Some(expression) if !expression.contains("{{") => {
                Expression::compile(expression, symbols).map(Self::Typed)
            }
            _ => Template::compile(text, symbols).map(Self::Text),
        }
    }

    /// Collapses a container without expressions into the value it was compiled from.
    fn simplify(self, value: &Value) -> Self {
        let is_static = |item: &JsonTemplate| matches!(item, Self::Static(_));
        let all_static = match &self {
            Self::Array(items) => items.iter().all(is_static),
            Self::Object(entries) => entries.iter().all(|(_, item)| is_static(item)),
            _ => false,
        };
        if all_static { Self::Static(value.clone()) } else { self }
    }

    /// The value itself, when there is no expression in it.
    pub fn as_static(&self) -> Option<&Value> {
        match self {
            Self::Static(value) => Some(value),
            _ => None,
        }
    }

    /// The value with every expression replaced.
    pub fn render(&self, slots: &Slots) -> Result<Value, String> {
        Ok(match self {
            Self::Static(value) => value.clone(),
            Self::Typed(expression) => expression.evaluate(slots)?,
            Self::Text(template) => Value::String(template.render(slots)?),
            Self::Array(items) => {
                Value::Array(items.iter().map(|item| item.render(slots)).collect::<Result<_, _>>()?)
            }
            Self::Object(entries) => {
                let render = |(key, item): &(String, Self)| Ok((key.clone(), item.render(slots)?));
                Value::Object(entries.iter().map(render).collect::<Result<Map<_, _>, String>>()?)
            }
        })
    }
}

fn below(segment: &str, value: &Value, symbols: &Symbols) -> Result<JsonTemplate, (String, TemplateError)> {
    let segment = crate::config::document::escape(segment);
    JsonTemplate::compile(value, symbols).map_err(|(rest, error)| (format!("/{segment}{rest}"), error))
}

/// `$` before a name becomes `__`, outside of quoted text.
fn internal_source(source: &str) -> String {
    let mut out = String::with_capacity(source.len() + 4);
    let mut quote = None;
    for c in source.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            _ => {}
        }
        if c == '$' && quote.is_none() { out.push_str("__") } else { out.push(c) }
    }
    out
}

fn external_source(source: &str) -> String {
    source.replace("__", "$")
}

fn detail(error: &minijinja::Error) -> String {
    let text = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    external_source(&text)
}

/// The built-in functions, with the names that Artillery's users know.
static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(FUEL));
    // It allocates whatever it is asked for.
    engine.remove_filter("indent");
    engine.add_function("__randomNumber", |low: i64, high: i64| {
        rand::rng().random_range(low.min(high)..=high.max(low))
    });
    engine.add_function("__randomString", |length: usize| {
        Alphanumeric.sample_string(&mut rand::rng(), length.min(65_536))
    });
    engine.add_function("__uuid", || uuid::Uuid::new_v4().to_string());
    engine.add_function("__epochMicros", epoch_micros);
    engine
});

/// Microseconds since 1970, for delivery times.
pub fn epoch_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Expression, JsonTemplate, Symbols, Template};

    fn world() -> (Symbols, Vec<Option<Value>>) {
        let mut symbols = Symbols::default();
        for name in ["token", "n", "$loopElement", "later"] {
            symbols.declare(name);
        }
        (symbols, vec![Some(json!("abc")), Some(json!(7)), Some(json!(["e2e4", "e7e5"])), None])
    }

    #[test]
    fn text_is_rendered_with_variables_and_expressions() {
        let (symbols, slots) = world();
        let rendered = |source: &str| Template::compile(source, &symbols).unwrap().render(&slots).unwrap();
        assert_eq!(rendered("plain"), "plain");
        assert_eq!(rendered("Bearer {{ token }}!"), "Bearer abc!");
        assert_eq!(rendered("{{ n // 2 }}-{{ $loopElement[1] }}"), "3-e7e5");
        assert_eq!(rendered("{{ $randomString(5) }}").len(), 5);
        assert_eq!(rendered("{{ '$kept' ~ token }}"), "$keptabc");
    }

    #[test]
    fn a_json_string_that_is_one_expression_keeps_its_type() {
        let (symbols, slots) = world();
        let source = json!({"n": "{{ n }}", "text": "n={{ n }}", "deep": [1, {"t": "{{ token }}"}]});
        let rendered = JsonTemplate::compile(&source, &symbols).unwrap().render(&slots).unwrap();
        assert_eq!(rendered, json!({"n": 7, "text": "n=7", "deep": [1, {"t": "abc"}]}));
        assert!(JsonTemplate::compile(&json!({"a": [1]}), &symbols).unwrap().as_static().is_some());
    }

    #[test]
    fn unknown_variables_are_found_before_anything_runs() {
        let (symbols, _) = world();
        let error = Template::compile("{{ tokn }}", &symbols).unwrap_err();
        assert_eq!(error.message, "variable `tokn` is not set here");
        assert_eq!(error.help.as_deref(), Some("did you mean `token`?"));
        let error = Template::compile("{{ $loopElemnt[0] }}", &symbols).unwrap_err();
        assert_eq!(error.message, "variable `$loopElemnt` is not set here");
        let (pointer, _) = JsonTemplate::compile(&json!({"a": ["x", "{{ no }}"]}), &symbols).unwrap_err();
        assert_eq!(pointer, "/a/1");
        assert!(Template::compile("{{ token", &symbols).unwrap_err().message.contains("never closed"));
        assert!(Template::compile("{{ 1 + }}", &symbols).unwrap_err().message.contains("is no expression"));
    }

    #[test]
    fn a_variable_without_a_value_fails_the_step_not_the_process() {
        let (symbols, slots) = world();
        let template = Template::compile("{{ later }}", &symbols).unwrap();
        assert_eq!(template.render(&slots), Err("variable `later` has no value yet".into()));
        let expression = Expression::compile("token ~ later", &symbols).unwrap();
        assert_eq!(expression.evaluate(&slots), Err("variable `later` has no value yet".into()));
        let condition = Expression::compile("n == 7 and token == 'abc'", &symbols).unwrap();
        assert_eq!(condition.is_true(&slots), Ok(true));
    }
}
