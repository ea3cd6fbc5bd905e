//! Holds a document against the JSON Schema of the type it is meant for, and names every mistake at once.
//!
//! The schema is derived from the type itself, so the two cannot drift, and an editor can use the very
//! same schema. The library reports failures in terms of schemas; here they become terms of the file.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{ValidationError, Validator};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::document::escape;
use super::suggest::did_you_mean;
use super::{Diagnostic, Document, Mistakes};
use crate::lock::lock;

/// The document as a `T`, or all that keeps it from being one.
pub fn check<T: JsonSchema + DeserializeOwned + 'static>(document: &Document) -> Result<T, Mistakes> {
    document.verdict(mistakes::<T>(document))?;
    serde_json::from_value(document.value.clone())
        .map_err(|error| Mistakes::unplaced(&document.name, error.to_string()))
}

/// A document with mistakes in it, as far as it can be read without them.
#[derive(Debug)]
pub struct Reading<T> {
    /// What is left when everything that does not fit is left out; `None` when too little is.
    pub value: Option<T>,
    /// What does not fit.
    pub found: Vec<Diagnostic>,
    /// Pointers to what was left out.
    pub cut: HashSet<String>,
}

/// Reads as much of the document as can be read, so that other checks can name their mistakes too.
pub fn read<T: JsonSchema + DeserializeOwned + 'static>(document: &Document) -> Reading<T> {
    let known = known::<T>();
    let mut found = Vec::new();
    let mut cut = HashSet::new();
    for error in known.validator.iter_errors(&document.value) {
        found.extend(explain(document, &known.schema, &error));
        misfits(&error, &mut cut);
    }
    let mut value = document.value.clone();
    // The longest first: what is inside of something else goes before it.
    let mut pointers: Vec<&String> = cut.iter().collect();
    pointers.sort_by_key(|pointer| std::cmp::Reverse(pointer.len()));
    pointers.into_iter().for_each(|pointer| remove(&mut value, pointer));
    Reading { value: serde_json::from_value(value).ok(), found, cut }
}

fn misfits(error: &ValidationError<'_>, cut: &mut HashSet<String>) {
    let pointer = error.instance_path().as_str();
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            cut.extend(unexpected.iter().map(|key| format!("{pointer}/{}", escape(key))));
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } if constants(context).is_empty() => {
            match meant_branch(pointer, context) {
                Some(branch) => branch.iter().for_each(|cause| misfits(cause, cut)),
                None => _ = cut.insert(pointer.to_owned()),
            }
        }
        _ => _ = cut.insert(pointer.to_owned()),
    }
}

/// Items of lists stay: the pointers of those after them would no longer be theirs.
fn remove(value: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    if let Some(Value::Object(map)) = value.pointer_mut(parent) {
        map.shift_remove(&key.replace("~1", "/").replace("~0", "~"));
    }
}

/// The schema of a type, for whoever looks at one document several times.
#[derive(Debug)]
pub struct Checker(Arc<Known>);

impl Checker {
    /// For documents that are meant to be a `T`.
    pub fn new<T: JsonSchema + 'static>() -> Self {
        Self(known::<T>())
    }

    /// Text where the schema wants something else, at any depth, with the pointer to it.
    pub fn misplaced_text(&self, document: &Document) -> Vec<(String, String)> {
        let mut found = Vec::new();
        self.0.validator.iter_errors(&document.value).for_each(|error| collect_text(&error, &mut found));
        found.sort();
        found.dedup();
        found
    }

    /// Whether a mistake is at `pointer`.
    pub fn is_wrong_at(&self, document: &Document, pointer: &str) -> bool {
        self.0.validator.iter_errors(&document.value).any(|error| is_at(&error, pointer))
    }
}

fn is_at(error: &ValidationError<'_>, pointer: &str) -> bool {
    let is_here = error.instance_path().as_str() == pointer;
    match error.kind() {
        _ if is_here => true,
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            context.iter().flatten().any(|cause| is_at(cause, pointer))
        }
        _ => false,
    }
}

fn collect_text(error: &ValidationError<'_>, found: &mut Vec<(String, String)>) {
    if let Value::String(text) = error.instance().as_ref() {
        found.push((error.instance_path().as_str().to_owned(), text.clone()));
    }
    if let Kind::AnyOf { context } | Kind::OneOfNotValid { context } = error.kind() {
        context.iter().flatten().for_each(|cause| collect_text(cause, found));
    }
}

/// All that keeps the document from being a `T`.
pub fn mistakes<T: JsonSchema + 'static>(document: &Document) -> Vec<Diagnostic> {
    let known = known::<T>();
    let errors = known.validator.iter_errors(&document.value);
    errors.flat_map(|error| explain(document, &known.schema, &error)).collect()
}

/// The schema of a type, and what holds documents against it.
#[derive(Debug)]
struct Known {
    schema: Value,
    validator: Validator,
}

/// Worked out once for each type: that takes ten times as long as to read a document.
///
/// A derived schema is always valid; should a change ever break one, every test that reads YAML fails.
#[expect(clippy::expect_used, reason = "the schema comes from our own types, not from input")]
fn known<T: JsonSchema + 'static>() -> Arc<Known> {
    static ALL: LazyLock<Mutex<HashMap<TypeId, Arc<Known>>>> = LazyLock::new(Mutex::default);
    let mut all = lock(&ALL);
    let known = all.entry(TypeId::of::<T>()).or_insert_with(|| {
        let schema = schemars::schema_for!(T).to_value();
        let validator = jsonschema::draft202012::new(&schema).expect("the derived schema is valid");
        Arc::new(Known { schema, validator })
    });
    Arc::clone(known)
}

fn explain(document: &Document, schema: &Value, error: &ValidationError<'_>) -> Vec<Diagnostic> {
    let pointer = error.instance_path().as_str();
    match error.kind() {
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } if !constants(context).is_empty() => {
            vec![unknown_word(document, pointer, error.instance(), &constants(context))]
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => match meant_branch(pointer, context) {
            Some(branch) => branch.iter().flat_map(|cause| explain(document, schema, cause)).collect(),
            None => vec![wrong_type(document, pointer, error.instance(), &expected_types(context))],
        },
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            unexpected.iter().map(|key| unknown_key(document, schema, error, key)).collect()
        }
        Kind::Required { property } => {
            let property = property.as_str().unwrap_or_default();
            vec![Diagnostic::new(document.place(pointer), format!("missing key `{property}`"))]
        }
        Kind::Type { kind } => vec![wrong_type(document, pointer, error.instance(), &type_names(kind))],
        Kind::Enum { options } => {
            let options: Vec<&str> =
                options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            vec![unknown_word(document, pointer, error.instance(), &options)]
        }
        Kind::Pattern { .. } => vec![wrong_form(document, schema, error)],
        _ => vec![Diagnostic::new(document.place(pointer), format!("{}: {error}", subject(pointer)))],
    }
}

/// Of the branches of an `anyOf`, the one whose outer type fits: the one the user meant.
fn meant_branch<'a>(
    pointer: &str,
    context: &'a [Vec<ValidationError<'static>>],
) -> Option<&'a [ValidationError<'static>]> {
    let fits = |branch: &&Vec<ValidationError<'_>>| {
        !branch.iter().any(|cause| {
            matches!(cause.kind(), Kind::Type { .. }) && cause.instance_path().as_str() == pointer
        })
    };
    context.iter().find(fits).map(Vec::as_slice)
}

fn expected_types(context: &[Vec<ValidationError<'static>>]) -> Vec<String> {
    let kinds = context.iter().flatten().filter_map(|cause| match cause.kind() {
        Kind::Type { kind } => Some(type_names(kind)),
        _ => None,
    });
    let mut names: Vec<String> = kinds.flatten().collect();
    names.dedup();
    names
}

fn type_names(kind: &TypeKind) -> Vec<String> {
    let names: Vec<String> = match kind {
        TypeKind::Single(one) => vec![one.to_string()],
        TypeKind::Multiple(many) => many.iter().map(|one| one.to_string()).collect(),
    };
    names.into_iter().filter(|name| name != "null").collect()
}

fn wrong_type(document: &Document, pointer: &str, found: &Value, expected: &[String]) -> Diagnostic {
    let expected: Vec<&str> = expected.iter().map(|name| user_word(name)).collect();
    let message =
        format!("{} must be {}, found {}", subject(pointer), expected.join(" or "), describe(found));
    Diagnostic::new(document.place(pointer), message)
}

/// The words of an enum whose variants are described one by one: a schema of constants.
fn constants<'e>(context: &'e [Vec<ValidationError<'static>>]) -> Vec<&'e str> {
    let words = context.iter().flatten().map(|cause| match cause.kind() {
        Kind::Constant { expected_value } => expected_value.as_str(),
        _ => None,
    });
    words.collect::<Option<_>>().unwrap_or_default()
}

/// Text in the wrong form; a schema that knows better than its pattern says so in `errorMessage`.
fn wrong_form(document: &Document, schema: &Value, error: &ValidationError<'_>) -> Diagnostic {
    let pointer = error.instance_path().as_str();
    let advice = schema_object(schema, error).and_then(|object| object["errorMessage"].as_str());
    let message = match advice {
        Some(advice) => format!("{}: {} {advice}", subject(pointer), describe(error.instance())),
        None => format!("{}: {error}", subject(pointer)),
    };
    Diagnostic::new(document.place(pointer), message)
}

fn unknown_word(document: &Document, pointer: &str, found: &Value, options: &[&str]) -> Diagnostic {
    let message =
        format!("{} must be one of {}, found {}", subject(pointer), options.join(", "), describe(found));
    let help = found.as_str().and_then(|word| did_you_mean(word, options.iter().copied()));
    Diagnostic { help, ..Diagnostic::new(document.place(pointer), message) }
}

fn unknown_key(document: &Document, schema: &Value, error: &ValidationError<'_>, key: &str) -> Diagnostic {
    let pointer = format!("{}/{}", error.instance_path().as_str(), escape(key));
    let known = properties_beside(schema, error);
    let help = did_you_mean(key, known.iter().map(String::as_str))
        .or_else(|| (!known.is_empty()).then(|| format!("known here: {}", known.join(", "))));
    let message = format!("unknown key `{key}`");
    Diagnostic { help, ..Diagnostic::new(document.key_place(&pointer), message) }
}

/// The schema that refused something: the object around the keyword that failed.
fn schema_object<'s>(schema: &'s Value, error: &ValidationError<'_>) -> Option<&'s Value> {
    let path = error.schema_path().as_str();
    schema.pointer(path.rsplit_once('/').map_or("", |(object, _)| object))
}

/// The keys that the failing object may have, read from the schema that refused it.
fn properties_beside(schema: &Value, error: &ValidationError<'_>) -> Vec<String> {
    let properties = schema_object(schema, error).and_then(|object| object["properties"].as_object());
    properties.into_iter().flat_map(|keys| keys.keys().cloned()).collect()
}

/// What a pointer ends in, for the start of a sentence.
fn subject(pointer: &str) -> String {
    let mut segments = pointer.rsplit('/');
    let last = segments.next().unwrap_or_default();
    let unescape = |key: &str| key.replace("~1", "/").replace("~0", "~");
    match (last, last.parse::<usize>()) {
        ("", _) => "the file".to_owned(),
        (_, Ok(index)) => {
            format!("item {} of `{}`", index + 1, unescape(segments.next().unwrap_or_default()))
        }
        (key, Err(_)) => format!("`{}`", unescape(key)),
    }
}

fn user_word(json_type: &str) -> &str {
    match json_type {
        "object" => "a mapping",
        "array" => "a list",
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        other => other,
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use schemars::JsonSchema;
    use serde::Deserialize;

    use super::check;
    use crate::config::Document;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Example {
        target: String,
        weight: Option<u8>,
        engine: Option<Engine>,
        steps: Vec<Step>,
        headers: Option<BTreeMap<String, String>>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Engine {
        Http,
        Socketio,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    enum Step {
        Short(String),
        Long(Long),
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Long {
        url: String,
    }

    fn mistakes(text: &str) -> String {
        let document = Document::parse("t.yaml", text.to_owned()).unwrap();
        let mistakes = check::<Example>(&document).unwrap_err().to_string();
        let wanted = |line: &&str| line.starts_with("error") || line.contains("-->") || line.contains('^');
        mistakes.lines().filter(wanted).map(|line| format!("{}\n", line.trim_end())).collect()
    }

    #[test]
    fn all_mistakes_of_a_file_are_named_at_once() {
        let text = "\
tarket: http://a
weight: 300
engine: htpp
steps:
  - urll: /a
  - 7
headers: [a]
";
        snapbox::assert_data_eq!(
            mistakes(text),
            snapbox::str![[r#"
error: missing key `target`
 --> t.yaml:1:1
  | ^^^^^^
error: unknown key `tarket`
 --> t.yaml:1:1
  | ^^^^^^ did you mean `target`?
error: `weight`: 300 is greater than the maximum of 255
 --> t.yaml:2:9
  |         ^^^
error: `engine` must be one of http, socketio, found "htpp"
 --> t.yaml:3:9
  |         ^^^^ did you mean `http`?
error: missing key `url`
 --> t.yaml:5:5
  |     ^^^^
error: unknown key `urll`
 --> t.yaml:5:5
  |     ^^^^ did you mean `url`?
error: item 2 of `steps` must be text or a mapping, found 7
 --> t.yaml:6:5
  |     ^
error: `headers` must be a mapping, found a list
 --> t.yaml:7:10
  |          ^^

"#]]
        );
    }

    #[test]
    fn a_good_file_is_read() {
        let text = "target: http://a\nsteps: [/a, {url: /b}]\n".to_owned();
        let example: Example = check(&Document::parse("t.yaml", text).unwrap()).unwrap();
        assert_eq!((example.target.as_str(), example.steps.len()), ("http://a", 2));
    }
}
