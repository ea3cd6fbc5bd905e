//! Text and JSON with `{{ expressions }}`, compiled once, rendered for every step.
//!
//! Most expressions are one variable: those never reach the expression engine. `$name`, Artillery's
//! mark for built-in variables and functions, becomes `__name`, which the engine can read.

use std::collections::HashMap;
use std::sync::Arc;

use minijinja::value::Serde;
use serde_json::{Map, Value};

pub use super::functions::epoch_micros;
use super::functions::{BARE, ENGINE};
pub use super::slots::Slots;
use crate::config::suggest::did_you_mean;

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

/// Names of variables and the slots that hold them, or what they always are.
#[derive(Debug, Default, Clone)]
pub struct Symbols {
    slots: HashMap<String, usize>,
    constants: HashMap<String, Arc<Value>>,
}

impl Symbols {
    /// The slot of `name`, made when there is none.
    pub fn declare(&mut self, name: &str) -> usize {
        let name = internal(name);
        self.constants.remove(&name);
        let next = self.slots.len();
        *self.slots.entry(name).or_insert(next)
    }

    /// Says what `name` always is, unless a step sets it.
    pub fn fix(&mut self, name: &str, value: Value) {
        let name = internal(name);
        if !self.slots.contains_key(&name) {
            self.constants.insert(name, Arc::new(value));
        }
    }

    /// How many slots there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    fn find(&self, name: &str) -> Result<usize, TemplateError> {
        self.slots.get(name).copied().ok_or_else(|| {
            let known = self.slots.keys().chain(self.constants.keys());
            let known: Vec<String> = known.map(|name| external(name)).collect();
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
    /// Always the same.
    Constant(Arc<Value>),
    /// Anything else.
    Code {
        /// The compiled code.
        code: minijinja::Expression<'static, 'static>,
        /// The variables it reads.
        inputs: Vec<(String, usize)>,
        /// What it reads that never changes.
        constants: Vec<(String, minijinja::Value)>,
        /// As written, for messages.
        source: String,
    },
}

impl Expression {
    /// Compiles `source`, the text between the braces.
    pub fn compile(source: &str, symbols: &Symbols) -> Result<Self, TemplateError> {
        let mut source = internal_source(source.trim());
        if let Ok(slot) = symbols.find(&source) {
            return Ok(Self::Slot { slot, name: external(&source) });
        }
        if let Some(value) = symbols.constants.get(&source) {
            return Ok(Self::Constant(Arc::clone(value)));
        }
        if BARE.contains(&source.as_str()) {
            source += "()";
        }
        let code = ENGINE.compile_expression_owned(source.clone()).map_err(|error| {
            TemplateError::new(format!("`{}` is no expression: {}", external_source(&source), detail(&error)))
        })?;
        // A variable hides a function of the same name.
        let is_function = |name: &String| {
            !symbols.slots.contains_key(name) && ENGINE.globals().any(|(global, _)| global == name)
        };
        let mut names: Vec<String> = code.undeclared_variables(false).into_iter().collect();
        names.sort();
        let (functions, names): (Vec<_>, Vec<_>) = names.into_iter().partition(is_function);
        let constant = |name: &String| {
            let value = symbols.constants.get(name)?.as_ref();
            Some((name.clone(), minijinja::Value::from(Serde(value))))
        };
        let constants: Vec<_> = names.iter().filter_map(constant).collect();
        let names = names.into_iter().filter(|name| !symbols.constants.contains_key(name));
        let slots: Result<Vec<_>, _> =
            names.map(|name| symbols.find(&name).map(|slot| (name, slot))).collect();
        let compiled = Self::Code { code, inputs: slots?, constants, source: external_source(&source) };
        match &compiled {
            Self::Code { inputs, constants, .. }
                if functions.is_empty() && inputs.is_empty() && !constants.is_empty() =>
            {
                let value = compiled.evaluate(&Slots::default()).map_err(TemplateError::new)?;
                Ok(Self::Constant(Arc::new(value)))
            }
            _ => Ok(compiled),
        }
    }

    /// Its value.
    pub fn evaluate(&self, slots: &Slots) -> Result<Value, String> {
        match self {
            Self::Slot { slot, name } => read(slots, *slot, name).cloned(),
            Self::Constant(value) => Ok(Value::clone(value)),
            Self::Code { source, .. } => {
                self.run(slots)?.ok_or_else(|| format!("expression `{source}` has no value"))
            }
        }
    }

    /// What the code comes to; `None` is a part of something that does not have it.
    fn run(&self, slots: &Slots) -> Result<Option<Value>, String> {
        let Self::Code { code, inputs, constants, .. } = self else { return self.evaluate(slots).map(Some) };
        let mut context = Vec::with_capacity(inputs.len() + constants.len());
        let mut unset = None;
        for (name, slot) in inputs {
            match slots.get(*slot) {
                Some(value) => context.push((name.as_str(), minijinja::Value::from(Serde(value)))),
                None => unset = Some(name),
            }
        }
        context.extend(constants.iter().map(|(name, value)| (name.as_str(), value.clone())));
        let context = minijinja::Value::from_pairs(context);
        let value = slots.chance.lend(|| code.eval(context)).map_err(|error| match unset {
            Some(name) => no_value(&external(name)),
            None => detail(&error),
        })?;
        if value.is_undefined() {
            return Ok(None);
        }
        serde_json::to_value(&value).map(Some).map_err(|error| error.to_string())
    }

    /// Its value where that needs no copy.
    fn borrowed<'v>(&'v self, slots: &'v Slots) -> Option<Result<&'v Value, String>> {
        match self {
            Self::Slot { slot, name } => Some(read(slots, *slot, name)),
            Self::Constant(value) => Some(Ok(value)),
            Self::Code { .. } => None,
        }
    }

    /// Its value as a condition: nothing, `false`, 0, empty text and empty lists are false, and so is what has
    /// no value.
    pub fn is_true(&self, slots: &Slots) -> Result<bool, String> {
        let value = match self {
            Self::Slot { slot, .. } => slots.get(*slot).cloned(),
            other => other.run(slots)?,
        };
        Ok(match value {
            None | Some(Value::Null) => false,
            Some(Value::Bool(value)) => value,
            Some(Value::Number(number)) => number.as_f64() != Some(0.0),
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::Object(map)) => !map.is_empty(),
        })
    }
}

fn read<'a>(slots: &'a Slots, slot: usize, name: &str) -> Result<&'a Value, String> {
    slots.get(slot).ok_or_else(|| no_value(name))
}

fn no_value(name: &str) -> String {
    format!("variable `{name}` has no value yet")
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
            parts.push(match Expression::compile(expression, symbols)? {
                Expression::Constant(value) => Part::Text(self::text(&value)),
                expression => Part::Expression(expression),
            });
            rest = after;
        }
        if !rest.is_empty() || parts.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts: joined(parts) })
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
        self.render_into(&mut out, slots)?;
        Ok(out)
    }

    /// The same at the end of `out`.
    pub fn render_into(&self, out: &mut String, slots: &Slots) -> Result<(), String> {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Expression(expression) => match expression.borrowed(slots) {
                    Some(value) => push_text(out, value?),
                    None => push_text(out, &expression.evaluate(slots)?),
                },
            }
        }
        Ok(())
    }
}

/// Neighbouring texts as one.
fn joined(parts: Vec<Part>) -> Vec<Part> {
    let mut out: Vec<Part> = Vec::with_capacity(parts.len());
    for part in parts {
        match (out.last_mut(), part) {
            (Some(Part::Text(before)), Part::Text(text)) => before.push_str(&text),
            (_, part) => out.push(part),
        }
    }
    out
}

/// A value as text has it: strings as they are, anything else as JSON.
pub fn text(value: &Value) -> String {
    let mut out = String::new();
    push_text(&mut out, value);
    out
}

fn push_text(out: &mut String, value: &Value) {
    use std::fmt::Write;
    match value {
        Value::String(text) => out.push_str(text),
        // Writing into a string never fails.
        other => _ = write!(out, "{other}"),
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
                compiled.map(|items| Self::Array(items).simplify())
            }
            Value::Object(map) => {
                let compile = |(key, item): (&String, &Value)| {
                    below(key, item, symbols).map(|item| (key.clone(), item))
                };
                let compiled: Result<Vec<_>, _> = map.iter().map(compile).collect();
                compiled.map(|entries| Self::Object(entries).simplify())
            }
            other => Ok(Self::Static(other.clone())),
        }
    }

    fn compile_text(text: &str, symbols: &Symbols) -> Result<Self, TemplateError> {
        let inner = text.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
        match inner {
            Some(expression) if !expression.contains("{{") => {
                Ok(match Expression::compile(expression, symbols)? {
                    Expression::Constant(value) => Self::Static(Value::clone(&value)),
                    expression => Self::Typed(expression),
                })
            }
            _ => {
                let template = Template::compile(text, symbols)?;
                Ok(match template.as_static() {
                    Some(text) => Self::Static(text.into()),
                    None => Self::Text(template),
                })
            }
        }
    }

    /// Collapses a container without expressions into its value.
    fn simplify(self) -> Self {
        let is_static = |item: &JsonTemplate| matches!(item, Self::Static(_));
        let all_static = match &self {
            Self::Array(items) => items.iter().all(is_static),
            Self::Object(entries) => entries.iter().all(|(_, item)| is_static(item)),
            _ => false,
        };
        match all_static.then(|| self.render(&Slots::default())) {
            Some(Ok(value)) => Self::Static(value),
            _ => self,
        }
    }

    /// The value itself, when there is no expression in it.
    pub fn as_static(&self) -> Option<&Value> {
        match self {
            Self::Static(value) => Some(value),
            _ => None,
        }
    }

    /// The value with every expression replaced, as JSON at the end of `out`: no tree is built for it.
    pub fn write(&self, out: &mut Vec<u8>, slots: &Slots) -> Result<(), String> {
        match self {
            Self::Static(value) => write_json(out, value),
            Self::Typed(expression) => match expression.borrowed(slots) {
                Some(value) => write_json(out, value?),
                None => write_json(out, &expression.evaluate(slots)?),
            },
            Self::Text(template) => write_json(out, &template.render(slots)?),
            Self::Array(items) => write_between(out, b"[]", items, |out, item| item.write(out, slots)),
            Self::Object(entries) => write_between(out, b"{}", entries, |out, (key, item)| {
                write_json(out, key)?;
                out.push(b':');
                item.write(out, slots)
            }),
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

fn write_json<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), String> {
    serde_json::to_writer(out, value).map_err(|error| error.to_string())
}

fn write_between<T>(
    out: &mut Vec<u8>,
    brackets: &[u8; 2],
    items: &[T],
    write: impl Fn(&mut Vec<u8>, &T) -> Result<(), String>,
) -> Result<(), String> {
    out.push(brackets[0]);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item)?;
    }
    out.push(brackets[1]);
    Ok(())
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Expression, JsonTemplate, Slots, Symbols, Template};

    fn world() -> (Symbols, Slots) {
        let mut symbols = Symbols::default();
        for name in ["token", "n", "$loopElement", "later"] {
            symbols.declare(name);
        }
        let values: Vec<Option<Value>> =
            vec![Some(json!("abc")), Some(json!(7)), Some(json!(["e2e4", "e7e5"])), None];
        (symbols, values.into())
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
    fn what_is_written_is_what_is_rendered() {
        let (symbols, slots) = world();
        let source =
            json!({"q\"": "{{ token }}\n", "n": ["{{ n }}", {"x": "{{ n + 1 }}"}], "z": [], "s": {"a": 1}});
        let template = JsonTemplate::compile(&source, &symbols).unwrap();
        let mut written = Vec::new();
        template.write(&mut written, &slots).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), template.render(&slots).unwrap().to_string());
    }

    #[test]
    fn what_never_changes_is_worked_out_once() {
        let mut symbols = Symbols::default();
        symbols.fix("$env", json!({"TOKEN": "t0"}));
        let template = Template::compile("Bearer {{ $env.TOKEN }}!", &symbols).unwrap();
        assert_eq!(template.as_static(), Some("Bearer t0!"));
        let json = JsonTemplate::compile(&json!(["{{ $env.TOKEN ~ 1 }}"]), &symbols).unwrap();
        assert_eq!(json.as_static(), Some(&json!(["t01"])));
        let missing = Template::compile("{{ $env.OTHER }}", &symbols).unwrap_err();
        assert_eq!(missing.message, "expression `$env.OTHER` has no value");
        symbols.fix("name", json!("always"));
        symbols.declare("name");
        assert!(Template::compile("{{ name }}", &symbols).unwrap().as_static().is_none(), "a step sets it");
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
