//! JSON paths.

use jsonpath_rust::parser::model::JpQuery;
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::{QueryRef, js_path_process};
use serde_json::{Map, Value};

/// A compiled JSON path with its source.
#[derive(Debug)]
pub struct JsonPath {
    /// As written.
    pub source: String,
    way: Way,
}

/// Most paths name one place: those are walked, without the query engine and what it allocates.
#[derive(Debug)]
enum Way {
    Straight(Vec<Segment>),
    Query(JpQuery),
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq)]
pub enum Segment {
    /// To the value of a key.
    Key(String),
    /// To an item of a list.
    Index(usize),
}

impl JsonPath {
    /// Compiles `source`; Artillery's `$.0` for the first item and its bare `user.id` are understood.
    pub fn parse(source: &str) -> Result<Self, String> {
        let rooted = match source.chars().next() {
            Some('$') => source.to_owned(),
            Some('[') => format!("${source}"),
            _ => format!("$.{source}"),
        };
        let rooted = bracketed(&rooted);
        let query = parse_json_path(&rooted)
            .map_err(|_| format!("`{source}` is no JSON path; write it like `$.items[0].id`"))?;
        let way = straight(&rooted).map_or(Way::Query(query), Way::Straight);
        Ok(Self { source: source.to_owned(), way })
    }

    /// The first value there.
    pub fn find<'v>(&self, root: &'v Value) -> Option<&'v Value> {
        match &self.way {
            Way::Straight(segments) => segments.iter().try_fold(root, |value, segment| match segment {
                Segment::Key(key) => value.as_object()?.get(key),
                Segment::Index(index) => value.as_array()?.get(*index),
            }),
            Way::Query(_) => self.find_all(root).into_iter().next(),
        }
    }

    /// Its steps, where it names one place.
    pub fn straight(&self) -> Option<&[Segment]> {
        match &self.way {
            Way::Straight(segments) => Some(segments),
            Way::Query(_) => None,
        }
    }

    /// Whether it names one place below the root, which can be written to.
    pub fn is_place(&self) -> bool {
        self.straight().is_some_and(|segments| !segments.is_empty())
    }

    /// Puts `text` there, after the text that is there; mappings on the way are made where they are missing.
    pub fn put(&self, root: &mut Value, text: &str) -> Result<(), String> {
        let nowhere = || format!("there is no place {} to put the stamp", self.source);
        let Some(segments) = self.straight() else { return Err(nowhere()) };
        let mut place = root;
        for segment in segments {
            place = match segment {
                Segment::Key(key) => {
                    if place.is_null() {
                        *place = Value::Object(Map::new());
                    }
                    place.as_object_mut().ok_or_else(nowhere)?.entry(key.as_str()).or_insert(Value::Null)
                }
                Segment::Index(index) => place.get_mut(*index).ok_or_else(nowhere)?,
            };
        }
        match place {
            Value::Null => *place = text.into(),
            Value::String(before) if before.is_empty() => before.push_str(text),
            Value::String(before) => *before += &format!(" {text}"),
            _ => return Err(nowhere()),
        }
        Ok(())
    }

    /// All values there.
    pub fn find_all<'v>(&self, root: &'v Value) -> Vec<&'v Value> {
        match &self.way {
            Way::Straight(_) => self.find(root).into_iter().collect(),
            Way::Query(query) => {
                let found = js_path_process(query, root).unwrap_or_default();
                found.into_iter().map(QueryRef::val).collect()
            }
        }
    }
}

/// The steps of a path that has only names and numbers.
fn straight(source: &str) -> Option<Vec<Segment>> {
    let mut rest = source.strip_prefix('$')?;
    let mut segments = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (index, after) = after.split_once(']')?;
            segments.push(Segment::Index(index.parse().ok()?));
            rest = after;
        } else {
            let after = rest.strip_prefix('.')?;
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, after) = after.split_at(end);
            let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(is_plain) {
                return None;
            }
            segments.push(Segment::Key(name.to_owned()));
            rest = after;
        }
    }
    Some(segments)
}

/// `.0` as `[0]`.
fn bracketed(source: &str) -> String {
    let mut segments = source.split('.');
    let mut out = segments.next().unwrap_or_default().to_owned();
    for segment in segments {
        let digits = segment.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            out += &format!("[{}]{}", &segment[..digits], &segment[digits..]);
        } else {
            out += &format!(".{segment}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use jsonpath_rust::parser::parse_json_path;
    use jsonpath_rust::query::{QueryRef, js_path_process};
    use serde_json::json;

    use super::{JsonPath, bracketed, straight};

    #[test]
    fn a_straight_way_leads_where_the_query_leads() {
        let root = json!({"items": [{"id": 7, "tags": ["a"]}, {"id": null}], "0": "zero", "x": {"items": 1}});
        for source in [
            "$",
            "$.items",
            "$.items[0].id",
            "$.items[1].id",
            "$.items[2].id",
            "$.items[0].tags[0]",
            "$.x.items.y",
        ] {
            assert!(straight(source).is_some(), "{source}");
            let query = parse_json_path(source).unwrap();
            let found: Vec<_> =
                js_path_process(&query, &root).unwrap().into_iter().map(QueryRef::val).collect();
            assert_eq!(JsonPath::parse(source).unwrap().find_all(&root), found, "{source}");
        }
        for source in ["$.items[*].id", "$..id", "$.items[-1]", "$['items']", "$.items[0:1]"] {
            assert_eq!(straight(source), None, "{source}");
        }
        assert_eq!(JsonPath::parse("$..id").unwrap().find_all(&root), [&json!(7), &json!(null)]);
        assert_eq!(JsonPath::parse("[0].id").unwrap().find(&json!([{"id": 1}])), Some(&json!(1)));
    }

    #[test]
    fn text_is_put_where_the_path_leads() {
        let put = |path: &str, mut root: serde_json::Value| {
            JsonPath::parse(path).unwrap().put(&mut root, "S").map(|()| root)
        };
        assert_eq!(put("$[0]._stamp", json!([{"a": 1}])), Ok(json!([{"a": 1, "_stamp": "S"}])));
        assert_eq!(put("$[0].m.text", json!([null])), Ok(json!([{"m": {"text": "S"}}])));
        assert_eq!(put("$[1]", json!([1, "hello"])), Ok(json!([1, "hello S"])));
        for root in [json!([]), json!([1]), json!([{"text": 1}])] {
            let error = put("$[0].text", root).unwrap_err();
            assert_eq!(error, "there is no place $[0].text to put the stamp");
        }
        assert!(!JsonPath::parse("$..text").unwrap().is_place() && !JsonPath::parse("$").unwrap().is_place());
    }

    #[test]
    fn numbers_after_a_dot_become_indexes() {
        assert_eq!(bracketed("$.0.room.code"), "$[0].room.code");
        assert_eq!(bracketed("$.items[0].id"), "$.items[0].id");
        assert_eq!(bracketed("$..id"), "$..id");
    }
}
