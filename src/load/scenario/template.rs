//! Text and JSON with `{{ expressions }}`, compiled once, rendered for every step.

use serde_json::{Map, Value};

pub use super::expression::{Expression, Symbols, TemplateError};
pub use super::functions::epoch_micros;
pub use super::slots::Slots;

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
