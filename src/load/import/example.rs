//! Example values for a JSON Schema of an OpenAPI document.

use std::cell::Cell;

use serde_json::{Map, Value, json};

use super::draft::literal_json;

/// References and nested schemas are followed this far, and so many of them for one value.
const DEEPEST: usize = 8;
const MOST: usize = 2_000;
/// What text is for, by the name that it goes under.
const BY_NAME: [(&str, &str); 9] = [
    ("email", "{{ $email }}"),
    ("username", "{{ $username }}"),
    ("firstname", "{{ $firstName }}"),
    ("lastname", "{{ $lastName }}"),
    ("password", "correct-horse-battery"),
    ("name", "{{ $name }}"),
    ("title", "{{ $sentence(4) }}"),
    ("text", "{{ $sentence }}"),
    ("description", "{{ $sentence }}"),
];

/// What `pointer` such as `#/components/schemas/Post` refers to, along its references.
pub fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let mut value = value;
    for _ in 0..DEEPEST {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else { break };
        match reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer)) {
            Some(found) => value = found,
            None => break,
        }
    }
    value
}

/// A value that fits a schema, with expressions where each request should have another.
pub fn example(document: &Value, schema: &Value, name: &str) -> Value {
    Builder { document, left: Cell::new(MOST) }.build(schema, name, 0)
}

/// An example that the document gives for a parameter or a body.
pub fn given(place: &Value) -> Option<Value> {
    let examples = place.get("examples");
    let first = examples.and_then(|examples| match examples {
        Value::Array(list) => list.first().cloned(),
        Value::Object(map) => map.values().next().and_then(|example| example.get("value")).cloned(),
        _ => None,
    });
    place.get("example").cloned().or(first).map(|value| literal_json(&value))
}

/// Builds one value; a schema may refer to itself.
struct Builder<'d> {
    document: &'d Value,
    /// Schemas that may still be looked at.
    left: Cell<usize>,
}

impl Builder<'_> {
    fn build(&self, schema: &Value, name: &str, depth: usize) -> Value {
        let schema = resolve(self.document, schema);
        if depth > DEEPEST || self.left.get() == 0 {
            return Value::Null;
        }
        self.left.set(self.left.get() - 1);
        let first = |key: &str| schema.get(key).and_then(Value::as_array).and_then(|list| list.first());
        let fixed = given(schema)
            .or_else(|| ["const", "default"].iter().find_map(|key| schema.get(*key)).map(literal_json))
            .or_else(|| first("enum").map(literal_json));
        if let Some(value) = fixed {
            return value;
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            return self.merged(schema, parts, name, depth);
        }
        let not_null = |list: &'_ Value| {
            let list = list.as_array()?;
            list.iter()
                .find(|item| resolve(self.document, item).get("type").is_none_or(|kind| kind != "null"))
                .cloned()
        };
        if let Some(branch) = ["oneOf", "anyOf"].iter().find_map(|key| schema.get(*key).and_then(not_null)) {
            return self.build(&branch, name, depth + 1);
        }
        match kind(schema) {
            "object" => self.object(schema, depth),
            "array" => {
                let count = schema.get("minItems").and_then(Value::as_u64).unwrap_or(1).clamp(1, 10);
                let item = schema.get("items").cloned().unwrap_or(json!({}));
                (0..count).map(|_| self.build(&item, name, depth + 1)).collect()
            }
            "integer" => number(schema).map_or(json!(1), |number| json!(number.ceil() as i64)),
            "number" => number(schema).map_or(json!(1), |number| json!(number)),
            "boolean" => json!(true),
            "null" => Value::Null,
            _ => text(schema, name),
        }
    }

    fn merged(&self, schema: &Value, parts: &[Value], name: &str, depth: usize) -> Value {
        let mut all = Map::new();
        let own = schema.get("properties").is_some().then(|| self.object(schema, depth));
        let parts = parts.iter().map(|part| self.build(part, name, depth + 1));
        for part in parts.chain(own) {
            match part {
                Value::Object(map) => all.extend(map),
                other if all.is_empty() => return other,
                _ => {}
            }
        }
        all.into()
    }

    /// The properties that have to be there.
    fn object(&self, schema: &Value, depth: usize) -> Value {
        let required = schema.get("required").and_then(Value::as_array);
        let required: Vec<&str> = required.into_iter().flatten().filter_map(Value::as_str).collect();
        let properties = schema.get("properties").and_then(Value::as_object);
        let wanted = properties.into_iter().flatten().filter(|(name, property)| {
            let is_given = resolve(self.document, property).get("readOnly") == Some(&Value::Bool(true));
            required.contains(&name.as_str()) && !is_given
        });
        wanted
            .map(|(name, property)| (name.clone(), self.build(property, name, depth + 1)))
            .collect::<Map<_, _>>()
            .into()
    }
}

/// The type, of several the first that is not null.
fn kind(schema: &Value) -> &str {
    let named = match schema.get("type") {
        Some(Value::String(kind)) => Some(kind.as_str()),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        _ => None,
    };
    named.unwrap_or(if schema.get("properties").is_some() { "object" } else { "string" })
}

fn number(schema: &Value) -> Option<f64> {
    let limit = |key: &str| schema.get(key).and_then(Value::as_f64);
    limit("minimum").or(limit("exclusiveMinimum").map(|limit| limit + 1.0)).or(limit("maximum"))
}

fn text(schema: &Value, name: &str) -> Value {
    let plain: String = name.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let by_format = match schema.get("format").and_then(Value::as_str) {
        Some("uuid") => Some("{{ $uuid() }}"),
        Some("email") => Some("{{ $email }}"),
        Some("date-time") => Some("{{ $now }}"),
        Some("date") => Some("{{ $date() }}"),
        Some("uri" | "url") => Some("https://example.org/"),
        _ => None,
    };
    let by_name = BY_NAME.iter().find(|(word, _)| plain.ends_with(word)).map(|(_, value)| *value);
    let length = |key: &str| schema.get(key).and_then(Value::as_u64);
    let (shortest, longest) = (length("minLength").unwrap_or(1), length("maxLength").unwrap_or(u64::MAX));
    match by_format.or(by_name) {
        Some(value) if longest >= 60 || by_format.is_some() => value.into(),
        // `$username` is the longest of the names, with at most 18 characters.
        Some(value) if longest >= 20 && !value.contains("$sentence") => value.into(),
        _ => format!("{{{{ $randomString({}) }}}}", shortest.max(8).min(longest)).into(),
    }
}
