//! What a run leaves behind, and how it is told from other data: by the run's name, which the scenario puts into it.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

/// What scenarios write where they want the run's name.
pub const NAME_OF_RUN: &str = "$testId";

/// The name of a run, made of its seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestId(pub u64);

impl TestId {
    /// A pattern of all names, for regular expressions and for globs.
    pub fn any() -> String {
        format!("t{}", "[0-9a-f]".repeat(16))
    }
}

impl Display for TestId {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "t{:016x}", self.0)
    }
}

impl FromStr for TestId {
    type Err = &'static str;

    /// The name itself, or the seed.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let seed = match text.strip_prefix('t') {
            Some(digits) if digits.len() == 16 && digits.bytes().all(is_hex) => {
                u64::from_str_radix(digits, 16).ok()
            }
            Some(_) => None,
            None => text.parse().ok(),
        };
        seed.map(Self).ok_or("write the seed of the run, as its report has it")
    }
}

impl Serialize for TestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Data that has the run's name, `{{ $testId }}`, in it: what `loadtest clean` removes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TestData {
    /// Documents of MongoDB.
    #[serde(default)]
    pub mongodb: Vec<MarkedDocuments>,
    /// Keys of Redis.
    #[serde(default)]
    pub redis: Vec<MarkedKeys>,
}

/// Documents with the run's name in a field.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct MarkedDocuments {
    /// Their database; the one that the connection URI names when left out.
    pub database: Option<String>,
    /// Their collection.
    pub collection: String,
    /// The field whose text has the name somewhere in it, such as `username` or `author.name`.
    pub field: String,
}

/// Keys with the run's name in theirs.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct MarkedKeys {
    /// Such as `session:*{{ $testId }}*`, where a star is any text.
    pub keys: String,
}

/// A pattern of keys, around the run's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPattern {
    before: String,
    after: String,
}

impl KeyPattern {
    /// As a Redis glob, for a run of this name.
    pub fn glob(&self, name: &str) -> String {
        format!("{}{name}{}", self.before, self.after)
    }
}

impl FromStr for KeyPattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let missing =
            "`keys` needs {{ $testId }}: without the run's name it would remove what is not the run's";
        let (before, rest) = text.split_once("{{").ok_or(missing)?;
        let (expression, after) = rest.split_once("}}").ok_or(missing)?;
        if expression.trim() != NAME_OF_RUN {
            return Err(missing);
        }
        if after.contains("{{") {
            return Err("`keys` has more than one expression; write a star where the text is not known");
        }
        Ok(Self { before: escaped(before), after: escaped(after) })
    }
}

/// A text whose only special sign in a glob is the star.
fn escaped(text: &str) -> String {
    let sign = |c: char| if matches!(c, '?' | '[' | ']' | '\\') { format!("\\{c}") } else { c.to_string() };
    text.chars().map(sign).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{KeyPattern, TestId};

    proptest! {
        #[test]
        fn a_run_is_known_by_its_name_and_by_its_seed(seed in any::<u64>()) {
            let name = TestId(seed).to_string();
            prop_assert_eq!(name.len(), 17);
            prop_assert_eq!(name.parse(), Ok(TestId(seed)));
            prop_assert_eq!(seed.to_string().parse(), Ok(TestId(seed)));
        }
    }

    #[test]
    fn what_is_no_name_of_a_run_is_refused() {
        for text in ["", "t", "*", "t.*", "t00000000000000zz", "t0000000000000AB", "-1", "t+000000000000001"]
        {
            assert!(text.parse::<TestId>().is_err(), "{text}");
        }
    }

    #[test]
    fn keys_have_the_runs_name_and_only_stars_are_special() {
        let pattern: KeyPattern = "a[1]?:*{{$testId}}:*".parse().unwrap();
        assert_eq!(pattern.glob("t1"), "a\\[1\\]\\?:*t1:*");
        for text in ["session:*", "", "{{ $user }}", "*{{ $testId", "{{ $testId }}{{ $user }}"] {
            assert!(text.parse::<KeyPattern>().is_err(), "{text}");
        }
    }
}
