//! Histograms in reports: `412:3 415:1`, a microsecond value and how often it came, in one line of text.
//!
//! A value is the upper end of its bucket of three significant digits. JSON arrays of the same would be a line for
//! every number.

use serde::{Deserialize, Deserializer, Serializer, de::Error};

use super::tally::Times;

/// A histogram has some 23,000 buckets up to an hour; what has more is none.
const MOST_PAIRS: usize = 50_000;

/// Writes a histogram.
pub fn serialize<S: Serializer>(times: &Times, serializer: S) -> Result<S::Ok, S::Error> {
    let pairs: Vec<(u64, u64)> = times.clone().into();
    let words: Vec<String> = pairs.iter().map(|(micros, count)| format!("{micros}:{count}")).collect();
    serializer.serialize_str(&words.join(" "))
}

/// Reads one.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Times, D::Error> {
    let text = String::deserialize(deserializer)?;
    let pairs: Option<Vec<(u64, u64)>> = text.split_whitespace().take(MOST_PAIRS + 1).map(pair).collect();
    match pairs {
        Some(pairs) if pairs.len() <= MOST_PAIRS => Ok(pairs.into()),
        _ => Err(D::Error::custom("a histogram is a list of microseconds:count, such as `412:3 415:1`")),
    }
}

fn pair(word: &str) -> Option<(u64, u64)> {
    let (micros, count) = word.split_once(':')?;
    let count: u32 = count.parse().ok()?;
    Some((micros.parse().ok()?, count.into()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use crate::load::stretch::Stretch;
    use crate::load::tally::Times;

    fn stretch(micros: &[u64]) -> Stretch {
        let mut response = Times::default();
        micros.iter().for_each(|micros| response.record(Duration::from_micros(*micros)));
        Stretch { count: micros.len() as u64, errors: 0, response }
    }

    #[test]
    fn a_histogram_is_a_line() {
        let text = serde_json::to_string(&stretch(&[412, 412, 7, 412])).unwrap();
        assert_eq!(text, r#"{"count":4,"errors":0,"response":"7:1 412:3"}"#);
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        let long = "1:1 ".repeat(60_000);
        for text in ["412", "412:x", "-1:2", "a:1", "5:99999999999999999999", &long] {
            let json = serde_json::json!({"count": 1, "errors": 0, "response": text});
            assert!(serde_json::from_value::<Stretch>(json).is_err(), "{text:.20}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(micros in proptest::collection::vec(1u64..4_000_000_000, 0..200)) {
            let written = stretch(&micros);
            let read: Stretch = serde_json::from_str(&serde_json::to_string(&written).unwrap()).unwrap();
            prop_assert_eq!(read, written);
        }
    }
}
