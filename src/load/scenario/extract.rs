//! Reading of a JSON document only what paths lead to.
//!
//! An answer often has twenty items of which one field is looked at: to build all of them takes several times as long as
//! to read past them. What is read past is checked for being JSON, not kept.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::path::{JsonPath, Segment};

/// What is kept of a value.
#[derive(Debug, PartialEq)]
pub enum Extract {
    /// Everything.
    All,
    /// Of an object or a list, these members; of anything else, nothing.
    Members(Vec<(Segment, Extract)>),
}

impl Extract {
    /// What these paths lead to, each as they would find it in the whole.
    pub fn of<'p>(paths: impl IntoIterator<Item = &'p JsonPath>) -> Self {
        let mut extract = Self::Members(Vec::new());
        for path in paths {
            match path.straight() {
                Some(segments) => extract.include(segments),
                None => return Self::All,
            }
        }
        extract
    }

    fn include(&mut self, segments: &[Segment]) {
        let Some((first, rest)) = segments.split_first() else {
            *self = Self::All;
            return;
        };
        let Self::Members(members) = self else { return };
        let known = members.iter().position(|(segment, _)| segment == first).unwrap_or_else(|| {
            members.push((first.clone(), Self::Members(Vec::new())));
            members.len() - 1
        });
        members[known].1.include(rest);
    }

    /// Reads a document. Items of a list that nobody asks for are null, so that the others keep their places.
    pub fn read(&self, json: &[u8]) -> serde_json::Result<Value> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let value = self.deserialize(&mut reader)?;
        reader.end()?;
        Ok(value)
    }
}

impl<'de> DeserializeSeed<'de> for &Extract {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        match self {
            Extract::All => serde::Deserialize::deserialize(reader),
            Extract::Members(members) => reader.deserialize_any(Members(members)),
        }
    }
}

struct Members<'e>(&'e [(Segment, Extract)]);

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while let Some(wanted) = entries.next_key_seed(Key(self.0))? {
            match wanted {
                Some((key, extract)) => _ = kept.insert(key.to_owned(), entries.next_value_seed(extract)?),
                None => _ = entries.next_value::<IgnoredAny>()?,
            }
        }
        Ok(Value::Object(kept))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let index = |segment: &Segment| match segment {
            Segment::Index(index) => Some(*index),
            Segment::Key(_) => None,
        };
        let mut kept = Vec::new();
        while self.0.iter().any(|(segment, _)| index(segment) >= Some(kept.len())) {
            let wanted = self.0.iter().find(|(segment, _)| index(segment) == Some(kept.len()));
            let item = match wanted {
                Some((_, extract)) => items.next_element_seed(extract)?,
                None => items.next_element::<IgnoredAny>()?.map(|_| Value::Null),
            };
            let Some(item) = item else { return Ok(Value::Array(kept)) };
            kept.push(item);
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(kept))
    }

    fn visit_str<E>(self, _: &str) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

/// Reads a key: the member of that name, if one is wanted.
struct Key<'e>(&'e [(Segment, Extract)]);

impl<'de, 'e> DeserializeSeed<'de> for Key<'e> {
    type Value = Option<(&'e str, &'e Extract)>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'e> Visitor<'_> for Key<'e> {
    type Value = Option<(&'e str, &'e Extract)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find_map(|(segment, extract)| match segment {
            Segment::Key(key) if key == name => Some((key.as_str(), extract)),
            _ => None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{Extract, JsonPath};

    fn paths(sources: &[String]) -> Vec<JsonPath> {
        sources.iter().map(|source| JsonPath::parse(source).unwrap()).collect()
    }

    #[test]
    fn only_what_is_asked_for_is_kept() {
        let body = br#" {"a": {"b": [1, {"c": "x", "d": 2}, 3]}, "e": "long", "f": null, "a2": 1} "#;
        let read = |sources: &[&str]| {
            let sources: Vec<String> = sources.iter().map(ToString::to_string).collect();
            Extract::of(&paths(&sources)).read(body).unwrap()
        };
        assert_eq!(read(&["$.a.b[1].c"]), json!({"a": {"b": [null, {"c": "x"}]}}));
        assert_eq!(read(&["$.a.b[0]", "$.f", "$.e.deeper"]), json!({"a": {"b": [1]}, "e": null, "f": null}));
        assert_eq!(read(&["$.a.b[1].c", "$.a.b"]), json!({"a": {"b": [1, {"c": "x", "d": 2}, 3]}}));
        assert_eq!(read(&["$.e", "$"]), serde_json::from_slice::<Value>(body).unwrap());
        assert_eq!(read(&["$.e", "$..c"]), serde_json::from_slice::<Value>(body).unwrap());
        assert_eq!(read(&[]), json!({}));
    }

    #[test]
    fn what_is_no_json_is_refused_wherever_it_is() {
        let extract = Extract::of(&paths(&["$.a".to_owned()]));
        for body in
            [r#"{"a": 1"#, r#"{"a": 1, "b": [1,]}"#, r#"{"a": 1} x"#, "", r#"{"b": tru, "a": 1}"#, "a"]
        {
            assert!(extract.read(body.as_bytes()).is_err(), "{body}");
        }
        for (body, kept) in [("7", json!(null)), (r#""text""#, json!(null)), ("[1, 2]", json!([]))] {
            assert_eq!(extract.read(body.as_bytes()).unwrap(), kept, "{body}");
        }
    }

    fn documents() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ab\"\\\\é]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec(("[abc]", inner), 0..4)
                    .prop_map(|entries| { Value::Object(entries.into_iter().collect()) }),
            ]
        })
    }

    proptest! {
        /// Every path finds in the extract what it finds in the whole.
        #[test]
        fn paths_find_the_same(
            document in documents(),
            sources in prop::collection::vec(r"\$(\.[abc]|\[[0-3]\]){0,4}", 0..4),
        ) {
            let paths = paths(&sources);
            let extract = Extract::of(&paths).read(document.to_string().as_bytes()).unwrap();
            for path in &paths {
                prop_assert_eq!(path.find(&extract), path.find(&document), "{}", path.source);
            }
        }
    }
}
