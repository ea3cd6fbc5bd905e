//! A YAML file as plain JSON values beside the place of each of them in the file.

use std::collections::HashMap;
use std::fmt;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

use super::{Diagnostic, Mistakes};

/// Larger files are refused: no hand-written configuration comes near, a wrong path often does.
const MAX_BYTES: u64 = 8 << 20;

/// A position in a file, both numbers counted from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// A parsed YAML file. Values are addressed by JSON pointer (`/scenarios/0/flow/2/get/url`).
#[derive(Debug, Clone)]
pub struct Document {
    /// The name the user gave, as messages show it.
    pub name: String,
    /// The whole text, for the line that a message quotes.
    pub text: String,
    /// The content.
    pub value: Value,
    values: HashMap<String, Place>,
    keys: HashMap<String, Place>,
    /// A second file, whose text follows from this line on.
    second: Option<(usize, String)>,
}

impl Document {
    /// Reads and parses a file of at most 8 MiB.
    pub fn load(path: &Path) -> Result<Self, Mistakes> {
        let name = path.display().to_string();
        let unreadable = |reason: String| Mistakes::unplaced(&name, format!("cannot be read: {reason}"));
        let file = std::fs::File::open(path).map_err(|error| unreadable(error.to_string()))?;
        let mut text = String::new();
        // Devices and pipes do not know their length: read no further than one byte too many.
        let read = file.take(MAX_BYTES + 1).read_to_string(&mut text);
        if read.map_err(|error| unreadable(error.to_string()))? as u64 > MAX_BYTES {
            return Err(unreadable(format!("more than the {MAX_BYTES} bytes that a YAML file may have")));
        }
        Self::parse(&name, text)
    }

    /// Parses `text`; `name` stands for the file in messages.
    pub fn parse(name: &str, text: String) -> Result<Self, Mistakes> {
        let options = serde_saphyr::options! { strict_booleans: true };
        let tree: Spanned<Node> = match serde_saphyr::from_str_with_options(&text, options) {
            Ok(tree) => tree,
            Err(error) => return Err(syntax_mistake(name, &text, &error)),
        };
        let mut document = Self {
            name: name.to_owned(),
            text,
            value: Value::Null,
            values: HashMap::new(),
            keys: HashMap::new(),
            second: None,
        };
        document.value = document.flatten(tree, &mut String::new());
        Ok(document)
    }

    /// Where the value at `pointer` starts; the nearest enclosing value's place when it has none.
    pub fn place(&self, pointer: &str) -> Place {
        nearest(&self.values, pointer)
    }

    /// Where the key that holds the value at `pointer` starts.
    pub fn key_place(&self, pointer: &str) -> Place {
        self.keys.get(pointer).copied().unwrap_or_else(|| self.place(pointer))
    }

    /// Ends a check: the mistakes found, in the order of the file, or the document's approval.
    pub fn verdict(&self, found: Vec<Diagnostic>) -> Result<(), Mistakes> {
        if found.is_empty() {
            return Ok(());
        }
        Err(Mistakes::new(&self.name, &self.text, found).with_second(self.second.clone()))
    }

    /// The same file with another one under it: what it does not say itself is said there, at its place there.
    #[must_use]
    pub fn over(mut self, under: Self) -> Self {
        let lines = self.text.matches('\n').count() + 1;
        self.text = format!("{}\n{}", self.text, under.text);
        self.second = Some((lines + 1, under.name));
        let shifted =
            |(pointer, place): (String, Place)| (pointer, Place { line: place.line + lines, ..place });
        for (own, more) in [(&mut self.values, under.values), (&mut self.keys, under.keys)] {
            for (pointer, place) in more.into_iter().map(shifted) {
                own.entry(pointer).or_insert(place);
            }
        }
        let upper = std::mem::replace(&mut self.value, under.value);
        merge(&mut self.value, upper);
        self
    }

    /// The file and the line of a place.
    pub fn line(&self, place: Place) -> (&str, usize) {
        match &self.second {
            Some((start, name)) if place.line >= *start => (name, place.line + 1 - start),
            _ => (&self.name, place.line),
        }
    }

    /// Lays the mapping at `from` over the one at `onto`: mappings are merged, anything else is replaced, and
    /// what comes from there keeps its place there.
    pub fn overlay(&mut self, from: &str, onto: &str) {
        let Some(upper) = self.value.pointer(from).cloned() else { return };
        if let Some(lower) = self.value.pointer_mut(onto) {
            merge(lower, upper);
        }
        for places in [&mut self.values, &mut self.keys] {
            let moved = places.iter().filter_map(|(pointer, place)| {
                let rest = pointer.strip_prefix(from).filter(|rest| rest.starts_with('/'))?;
                Some((format!("{onto}{rest}"), *place))
            });
            let moved: Vec<_> = moved.collect();
            places.extend(moved);
        }
    }

    /// Replaces the values at and below `pointer` for which `replace` has another.
    pub fn rewrite(&mut self, pointer: &str, replace: &mut impl FnMut(&str, &Value) -> Option<Value>) {
        if let Some(value) = self.value.pointer_mut(pointer) {
            rewrite(value, &mut pointer.to_owned(), replace);
        }
    }

    fn flatten(&mut self, node: Spanned<Node>, pointer: &mut String) -> Value {
        self.values.insert(pointer.clone(), place_of(&node.referenced));
        match node.value {
            Node::Scalar(value) => value,
            Node::Sequence(items) => {
                let items = items.into_iter().enumerate();
                Value::Array(items.map(|(i, item)| self.child(item, pointer, &i.to_string())).collect())
            }
            Node::Mapping(entries) => Value::Object(self.mapping(entries, pointer)),
        }
    }

    fn mapping(
        &mut self,
        entries: Vec<(Spanned<String>, Spanned<Node>)>,
        pointer: &mut String,
    ) -> Map<String, Value> {
        let mut map = Map::new();
        for (key, value) in entries {
            self.keys.insert(format!("{pointer}/{}", escape(&key.value)), place_of(&key.referenced));
            let value = self.child(value, pointer, &key.value);
            map.insert(key.value, value);
        }
        map
    }

    fn child(&mut self, node: Spanned<Node>, pointer: &mut String, segment: &str) -> Value {
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(&escape(segment));
        let value = self.flatten(node, pointer);
        pointer.truncate(length);
        value
    }
}

fn merge(lower: &mut Value, upper: Value) {
    match (lower, upper) {
        (Value::Object(lower), Value::Object(upper)) => {
            for (key, value) in upper {
                merge(lower.entry(key).or_insert(Value::Null), value);
            }
        }
        (lower, upper) => *lower = upper,
    }
}

fn rewrite(value: &mut Value, pointer: &mut String, replace: &mut impl FnMut(&str, &Value) -> Option<Value>) {
    if let Some(other) = replace(pointer, value) {
        *value = other;
        return;
    }
    let mut below = |segment: &str, value: &mut Value| {
        let length = pointer.len();
        *pointer += &format!("/{}", escape(segment));
        rewrite(value, pointer, replace);
        pointer.truncate(length);
    };
    match value {
        Value::Array(items) => items.iter_mut().enumerate().for_each(|(i, item)| below(&i.to_string(), item)),
        Value::Object(map) => map.iter_mut().for_each(|(key, item)| below(key, item)),
        _ => {}
    }
}

/// Escapes one segment of a JSON pointer (RFC 6901).
pub fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

fn nearest(places: &HashMap<String, Place>, pointer: &str) -> Place {
    let mut pointer = pointer;
    loop {
        if let Some(place) = places.get(pointer) {
            return *place;
        }
        match pointer.rfind('/') {
            Some(cut) => pointer = &pointer[..cut],
            None => return Place { line: 1, column: 1 },
        }
    }
}

fn place_of(location: &serde_saphyr::Location) -> Place {
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).max(1);
    Place { line: number(location.line()), column: number(location.column()) }
}

fn syntax_mistake(name: &str, text: &str, error: &serde_saphyr::Error) -> Mistakes {
    let place = error.location().map_or(Place { line: 1, column: 1 }, |at| place_of(&at));
    let message = error.without_snippet().to_string();
    // The library ends its message with the place, which the diagnostic shows anyway.
    let message = message.split(" at line ").next().unwrap_or(&message);
    // What it advises its callers to do is of no use to ours.
    let message = message.split([',', ';']).next().filter(|_| message.contains("Options")).unwrap_or(message);
    let message =
        if message.contains("from_str_multiple") { "the file has more than one document" } else { message };
    Mistakes::new(name, text, vec![Diagnostic::new(place, message)])
}

/// One YAML node; numbers and booleans keep their type.
#[derive(Debug)]
enum Node {
    Scalar(Value),
    Sequence(Vec<Spanned<Node>>),
    Mapping(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Bool(v)))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Node, E> {
        Ok(Node::Scalar(v.into()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Node, E> {
        Ok(Node::Scalar(v.into()))
    }

    fn visit_f64<E: de::Error>(self, v: f64) -> Result<Node, E> {
        // `10.0` and `1e2` are whole numbers too.
        if v.fract() == 0.0 && v.abs() < 9e15 {
            return Ok(Node::Scalar((v as i64).into()));
        }
        let number = Number::from_f64(v).ok_or_else(|| E::custom("the number is not finite"))?;
        Ok(Node::Scalar(Value::Number(number)))
    }

    fn visit_str<E>(self, v: &str) -> Result<Node, E> {
        Ok(Node::Scalar(v.into()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Mapping(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::{Diagnostic, Document, Place};

    #[test]
    fn every_value_and_key_has_its_place() {
        let text = "config:\n  target: http://a\n  phases:\n    - duration: 5\n".to_owned();
        let document = Document::parse("t.yaml", text).unwrap();
        assert_eq!(document.place("/config/target"), Place { line: 2, column: 11 });
        assert_eq!(document.key_place("/config/phases/0/duration"), Place { line: 4, column: 7 });
        assert_eq!(document.place("/config/phases/0/nothing"), Place { line: 4, column: 7 });
        assert_eq!(document.value["config"]["phases"][0]["duration"], 5);
    }

    #[test]
    fn anchors_and_merge_keys_are_resolved() {
        let text = "base: &b {a: 1}\nuse:\n  <<: *b\n  c: 2\n".to_owned();
        let document = Document::parse("t.yaml", text).unwrap();
        assert_eq!(document.value["use"], serde_json::json!({"a": 1, "c": 2}));
    }

    #[test]
    fn what_is_laid_over_the_rest_keeps_its_place() {
        let text = "c: {a: 1, b: {x: 1, y: 2}}\ne:\n  n:\n    b: {y: 3}\n".to_owned();
        let mut document = Document::parse("t.yaml", text).unwrap();
        document.overlay("/e/n", "/c");
        assert_eq!(document.value["c"], serde_json::json!({"a": 1, "b": {"x": 1, "y": 3}}));
        assert_eq!(document.place("/c/b/y"), Place { line: 4, column: 12 });
        assert_eq!(document.place("/c/b/x"), Place { line: 1, column: 18 });
    }

    #[test]
    fn a_file_lies_over_another_and_each_keeps_its_places() {
        let upper = Document::parse("s.yaml", "c: {a: 1}\ns: []\n".to_owned()).unwrap();
        let under = Document::parse("c.yaml", "# common\nc: {a: 0, b: 2}\n".to_owned()).unwrap();
        let document = upper.over(under);
        assert_eq!(document.value, serde_json::json!({"c": {"a": 1, "b": 2}, "s": []}));
        assert_eq!(document.line(document.place("/c/a")), ("s.yaml", 1));
        assert_eq!(document.line(document.place("/c/b")), ("c.yaml", 2));
        let found = vec![Diagnostic::new(document.place("/c/b"), "wrong")];
        let mistakes = document.verdict(found).unwrap_err().to_string();
        assert!(
            mistakes.contains("--> c.yaml:2:14") && mistakes.contains("2 | c: {a: 0, b: 2}"),
            "{mistakes}"
        );
    }

    #[test]
    fn a_syntax_error_has_its_place_once() {
        let mistakes = Document::parse("t.yaml", "a: [1\nb: 2\n".to_owned()).unwrap_err();
        let text = mistakes.to_string();
        assert!(text.contains("t.yaml:2:"), "{text}");
        assert!(!text.contains("at line"), "{text}");
    }

    #[test]
    fn hostile_files_are_refused_not_expanded() {
        let deep = "[".repeat(100_000);
        assert!(Document::parse("deep.yaml", deep).is_err());
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..12 {
            let previous = format!("*a{}", i - 1);
            laughs += &format!("a{i}: &a{i} [{}]\n", vec![previous; 10].join(", "));
        }
        assert!(Document::parse("laughs.yaml", laughs).is_err());
    }
}
