//! A JSON object and nothing else. Derived readers of structures also take arrays, field by field in the order of
//! their declaration: nobody means that, and the OpenAPI document does not allow it.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// What was read from an object.
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Greeting {
        text: String,
    }

    #[test]
    fn an_array_is_no_object() {
        let read = |json| serde_json::from_str::<Object<Greeting>>(json).map(|Object(it)| it.text);
        assert_eq!(read(r#"{"text":"hello"}"#).unwrap(), "hello");
        let refused = read(r#"["hello"]"#).unwrap_err().to_string();
        assert!(refused.starts_with("invalid type: sequence, expected an object"), "{refused}");
        assert!(read(r#"{"text":"hello","more":1}"#).is_err());
        assert!(read(r#"null"#).is_err());
    }
}
