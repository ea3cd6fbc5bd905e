//! Values that an answer gave and a later request sends back: tokens, ids. They become captures.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::draft::{literal, variable_name};
use super::route::is_id;

/// Values that are looked at, over all answers and in each.
const MOST_VALUES: usize = 200_000;
const MOST_VALUES_OF_ONE: usize = 5_000;
/// Shorter text is a word that may be anywhere by chance.
const SHORTEST: usize = 6;
/// Shorter numbers are.
const SHORTEST_NUMBER: usize = 3;

/// What answers have given so far.
#[derive(Debug, Default)]
pub struct Correlation {
    values: HashMap<String, Place>,
    names: HashMap<(usize, String), String>,
    taken: HashMap<String, usize>,
    captures: Vec<(usize, String, String)>,
}

/// Where a value came from.
#[derive(Debug, Clone)]
struct Place {
    exchange: usize,
    path: String,
    key: String,
}

impl Correlation {
    /// Takes in what the answer of exchange number `exchange` gives.
    pub fn learn(&mut self, exchange: usize, answer: &Value) {
        let mut found = Vec::new();
        leaves(answer, &mut "$".to_owned(), "", &mut found);
        for (value, path, key) in found {
            if self.values.len() < MOST_VALUES && is_telling(&value, &key) {
                self.values.entry(value).or_insert(Place { exchange, path, key });
            }
        }
    }

    /// The captures that are used: exchange, path, variable.
    pub fn captures(&self) -> &[(usize, String, String)] {
        &self.captures
    }

    /// Text with what is known replaced, and quoted otherwise. The whole of it, or a word of it, may be known.
    pub fn text(&mut self, text: &str) -> String {
        if let Some(variable) = self.variable(text) {
            return format!("{{{{ {variable} }}}}");
        }
        match text.rsplit_once(' ') {
            Some((start, last)) if self.values.contains_key(last) => {
                format!("{} {}", literal(start), self.text(last))
            }
            _ => literal(text),
        }
    }

    /// A path with its known segments replaced, and whether one was.
    pub fn path(&mut self, path: &str) -> (String, bool) {
        let mut is_changed = false;
        let segments: Vec<String> = path
            .split('/')
            .map(|segment| match self.variable(segment) {
                Some(variable) => {
                    is_changed = true;
                    format!("{{{{ {variable} }}}}")
                }
                None => literal(segment),
            })
            .collect();
        (segments.join("/"), is_changed)
    }

    /// A body with what is known replaced; numbers stay numbers.
    pub fn json(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.text(text).into(),
            Value::Number(number) => match self.variable(&number.to_string()) {
                Some(variable) => format!("{{{{ {variable} }}}}").into(),
                None => value.clone(),
            },
            Value::Array(items) => items.iter().map(|item| self.json(item)).collect(),
            Value::Object(map) => {
                let entries = map.iter().map(|(key, value)| (key.clone(), self.json(value)));
                Value::Object(entries.collect::<Map<_, _>>())
            }
            other => other.clone(),
        }
    }

    /// Whether a value, or its last word, came from an answer.
    pub fn knows(&self, text: &str) -> bool {
        let last = text.rsplit(' ').next().unwrap_or_default();
        self.values.contains_key(text) || self.values.contains_key(last)
    }

    fn variable(&mut self, value: &str) -> Option<String> {
        let place = self.values.get(value)?.clone();
        let key = (place.exchange, place.path.clone());
        if let Some(known) = self.names.get(&key) {
            return Some(known.clone());
        }
        let base = variable_name(&place.key);
        let count = self.taken.entry(base.clone()).or_insert(0);
        *count += 1;
        let name = if *count == 1 { base } else { format!("{base}_{count}") };
        self.names.insert(key, name.clone());
        self.captures.push((place.exchange, place.path, name.clone()));
        Some(name)
    }
}

/// Whether a value is unlikely to be somewhere else by chance.
fn is_telling(value: &str, key: &str) -> bool {
    let is_number = value.bytes().all(|b| b.is_ascii_digit());
    let is_named = key.ends_with("id") || key.ends_with("_uuid");
    match is_number {
        true => value.len() >= SHORTEST_NUMBER || is_named,
        false => {
            let is_sentence = value.contains(' ');
            value.len() >= SHORTEST
                && !is_sentence
                && (is_named || is_id(value) || has_digit_and_letter(value))
        }
    }
}

fn has_digit_and_letter(value: &str) -> bool {
    value.bytes().any(|b| b.is_ascii_digit()) && value.bytes().any(|b| b.is_ascii_alphabetic())
}

/// Text and numbers with their JSON path and a name: the key, after that of its parent where it is a mere `id`.
fn leaves(value: &Value, path: &mut String, name: &str, found: &mut Vec<(String, String, String)>) {
    if found.len() >= MOST_VALUES_OF_ONE {
        return;
    }
    let length = path.len();
    match value {
        Value::String(text) => found.push((text.clone(), path.clone(), name.to_owned())),
        Value::Number(number) => found.push((number.to_string(), path.clone(), name.to_owned())),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                *path += &format!("[{index}]");
                leaves(item, path, name, found);
                path.truncate(length);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                *path += &member(key);
                let below = match key.as_str() {
                    "id" | "_id" if !name.is_empty() => format!("{name}_id"),
                    key => key.trim_start_matches('_').to_lowercase(),
                };
                leaves(item, path, &below, found);
                path.truncate(length);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn member(key: &str) -> String {
    let is_plain = !key.is_empty()
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !key.starts_with(|c: char| c.is_ascii_digit());
    match is_plain {
        true => format!(".{key}"),
        false => format!("['{}']", key.replace('\\', "\\\\").replace('\'', "\\'")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Correlation;

    #[test]
    fn what_an_answer_gave_becomes_a_variable_where_it_is_sent_back() {
        let mut known = Correlation::default();
        known.learn(0, &json!({"token": "eyJhbGciOi1", "user": {"id": 8231, "name": "a word", "ok": true}}));
        known.learn(1, &json!({"items": [{"id": "p-100", "kind": "post"}]}));
        assert_eq!(known.text("Bearer eyJhbGciOi1"), "Bearer {{ token }}");
        assert_eq!(
            known.path("/users/8231/posts/post"),
            ("/users/{{ user_id }}/posts/post".to_owned(), true)
        );
        assert_eq!(
            known.json(&json!({"to": 8231, "text": "a word {{"})),
            json!({"to": "{{ user_id }}", "text": "a word {{ '{{' }}"})
        );
        let expected = [(0, "$.token", "token"), (0, "$.user.id", "user_id")];
        let captures = known.captures().iter().map(|(n, path, name)| (*n, path.as_str(), name.as_str()));
        assert_eq!(captures.collect::<Vec<_>>(), expected);
    }
}
