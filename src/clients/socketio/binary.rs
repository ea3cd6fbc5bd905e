//! Bytes within JSON: `{"$binary": "<base64>"}` in scenarios, a numbered placeholder on the wire.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::base64;

/// The key that stands for bytes in scenarios and in what they check.
pub const KEY: &str = "$binary";

/// Takes the bytes out of an event's list, and leaves a placeholder for each.
pub fn take_out(value: &mut Value) -> Result<Vec<Bytes>, String> {
    let mut taken = Vec::new();
    take(value, &mut taken)?;
    Ok(taken)
}

fn take(value: &mut Value, taken: &mut Vec<Bytes>) -> Result<(), String> {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| take(item, taken)),
        Value::Object(map) => match written(map)? {
            None => map.values_mut().try_for_each(|item| take(item, taken)),
            Some(bytes) => {
                *value = json!({"_placeholder": true, "num": taken.len()});
                taken.push(bytes);
                Ok(())
            }
        },
        _ => Ok(()),
    }
}

/// The bytes that an object stands for.
fn written(map: &Map<String, Value>) -> Result<Option<Bytes>, String> {
    let Some(Value::String(text)) = map.get(KEY).filter(|_| map.len() == 1) else { return Ok(None) };
    let bytes = base64::decode(text).ok_or_else(|| format!("the {KEY} `{text}` is no base64"))?;
    Ok(Some(bytes.into()))
}

/// Puts the attachments back to where a received packet has placeholders.
pub fn put_back(value: &mut Value, attachments: &[Bytes]) -> Result<(), String> {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| put_back(item, attachments)),
        Value::Object(map) if map.get("_placeholder") == Some(&Value::Bool(true)) => {
            let number = map.get("num").and_then(Value::as_u64).and_then(|num| usize::try_from(num).ok());
            let bytes = number.and_then(|number| attachments.get(number));
            let bytes =
                bytes.ok_or_else(|| format!("a placeholder without an attachment: {}", json!(map)))?;
            *value = json!({KEY: base64::encode(bytes)});
            Ok(())
        }
        Value::Object(map) => map.values_mut().try_for_each(|item| put_back(item, attachments)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{put_back, take_out};

    #[test]
    fn bytes_leave_placeholders_and_come_back() {
        let written = json!(["upload", {"parts": [{"$binary": "AQID"}, {"$binary": ""}], "n": 1}]);
        let mut value = written.clone();
        let taken = take_out(&mut value).unwrap();
        assert_eq!(taken, [&[1_u8, 2, 3][..], &[]]);
        assert_eq!(
            value,
            json!(["upload", {"parts": [{"_placeholder": true, "num": 0}, {"_placeholder": true, "num": 1}], "n": 1}])
        );
        put_back(&mut value, &taken).unwrap();
        assert_eq!(value, written);
    }

    #[test]
    fn what_has_no_bytes_is_refused() {
        assert_eq!(take_out(&mut json!({"$binary": "?"})).unwrap_err(), "the $binary `?` is no base64");
        let mut lonely = json!([{"_placeholder": true, "num": 3}]);
        assert!(put_back(&mut lonely, &[]).unwrap_err().starts_with("a placeholder without an attachment"));
        let mut data = json!({"$binary": "AQID", "and": "more"});
        assert_eq!(take_out(&mut data).unwrap().len(), 0, "an object with other keys is data");
    }
}
