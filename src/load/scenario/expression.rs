//! What stands between `{{` and `}}`.
//!
//! Most expressions are one variable: those never reach the expression engine. `$name`, Artillery's
//! mark for built-in variables and functions, becomes `__name`, which the engine can read.

use std::collections::HashMap;
use std::sync::Arc;

use minijinja::value::Serde;
use serde_json::Value;

use super::functions::{BARE, ENGINE};
use super::slots::Slots;
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
    pub fn borrowed<'v>(&'v self, slots: &'v Slots) -> Option<Result<&'v Value, String>> {
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
