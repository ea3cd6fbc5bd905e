//! A scenario in the making, and how it is written.

use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use super::PLACEHOLDER;
use crate::config::Document;

/// Words in a name behind which a secret is to be expected.
const SECRET_WORDS: [&str; 12] = [
    "token",
    "secret",
    "password",
    "passwd",
    "apikey",
    "api_key",
    "api-key",
    "auth",
    "session",
    "signature",
    "csrf",
    "jwt",
];

/// A scenario in the making.
#[derive(Debug, Default)]
pub struct Draft {
    /// Base URL.
    pub target: String,
    /// The only phase.
    pub phase: Value,
    /// Variables of all users.
    pub variables: Map<String, Value>,
    /// What is done once before the load.
    pub before: Vec<Value>,
    /// The scenarios.
    pub scenarios: Vec<Value>,
    /// What the user should know.
    pub notes: Vec<String>,
}

impl Draft {
    /// The name of a variable that has to be filled in by hand, or by the environment.
    pub fn placeholder(&mut self, name: &str) -> String {
        let name = variable_name(name);
        if !self.variables.contains_key(&name) {
            self.variables.insert(name.clone(), PLACEHOLDER.into());
            self.notes.push(format!("config.variables.{name} has to be filled in"));
        }
        name
    }

    /// The file's text and the notes.
    pub fn finish(self, source: &str) -> (String, Vec<String>) {
        let mut config = json!({"target": self.target, "phases": [self.phase]});
        if !self.variables.is_empty() {
            config["variables"] = self.variables.into();
        }
        let mut file = json!({"config": config});
        if !self.before.is_empty() {
            file["before"] = json!({"flow": self.before});
        }
        file["scenarios"] = self.scenarios.into();
        let mut text = format!("# Imported from {}.\n", comment(source));
        for note in &self.notes {
            text += &format!("# - {}\n", comment(note));
        }
        text += &yaml(&file);
        (text, self.notes)
    }
}

/// The value as YAML; as JSON, which YAML readers take too, should its text not be read back as it was.
fn yaml(value: &Value) -> String {
    let written = serde_saphyr::to_string(value).unwrap_or_default();
    let is_same = Document::parse("", written.clone()).is_ok_and(|document| document.value == *value);
    if is_same { written } else { format!("{value:#}\n") }
}

fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Text as the scenario language reads it back: braces of templates are quoted.
pub fn literal(text: &str) -> String {
    text.replace("{{", "{{ '{{' }}")
}

/// The same for all strings of a value, keys excepted.
pub fn literal_json(value: &Value) -> Value {
    match value {
        Value::String(text) => literal(text).into(),
        Value::Array(items) => items.iter().map(literal_json).collect(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), literal_json(value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// Whether a path can be sent as it is.
pub fn is_sendable(path: &str) -> bool {
    path.starts_with('/') && path.parse::<Uri>().is_ok()
}

/// Whether a header can be sent; what its expressions come to is another question.
pub fn is_header(name: &str, value: &str) -> bool {
    HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_str(value).is_ok()
}

/// A number as people write it: a whole one without its point.
pub fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9e15 { Value::from(value as i64) } else { Value::from(value) }
}

/// A name that expressions can read.
pub fn variable_name(text: &str) -> String {
    let mut name: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    while name.contains("__") {
        name = name.replace("__", "_");
    }
    let name = name.trim_matches('_');
    let is_word = |c: char| c.is_ascii_alphabetic();
    match name {
        // Words of the expression language.
        "" | "and" | "or" | "not" | "in" | "is" | "if" | "else" | "true" | "false" | "none" | "loop"
        | "target" => format!("the_{name}").trim_end_matches('_').to_owned(),
        name if name.starts_with(is_word) => name.chars().take(40).collect(),
        name => format!("v_{name}").chars().take(40).collect(),
    }
}

/// Whether what has this name is likely a secret.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word)) || name == "sid" || name == "key"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{literal, variable_name, yaml};
    use crate::config::Document;

    #[test]
    fn what_is_written_is_read_back() {
        let value = json!({"a": ["- x", "yes", "1", 1, 1.5, null, true, "", "# no", "a: b", "é\n\"'", "{{ x }}"], "b c": {}});
        assert_eq!(Document::parse("", yaml(&value)).unwrap().value, value);
    }

    #[test]
    fn names_are_fit_for_expressions() {
        assert_eq!(
            ["X-Api-Key", "user[id]", "7", "", "in"].map(variable_name),
            ["x_api_key", "user_id", "v_7", "the", "the_in"]
        );
        assert_eq!(literal("a {{b}}"), "a {{ '{{' }}b}}");
    }
}
