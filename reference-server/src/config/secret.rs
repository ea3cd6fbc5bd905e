//! Secrets among the settings. A file names where one is kept; whoever reads the file replaces that by the
//! secret itself ([`SECRETS`]) before it becomes a setting. Written out again, a secret is masked.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// JSON pointers of the settings that are secrets.
pub const SECRETS: [&str; 4] =
    ["/store/mongodb/uri", "/redis/url", "/jobs/redis", "/security/administrator/password"];

/// For `#[serde(with = "Secret")]` on a [`SecretString`].
pub struct Secret;

impl Secret {
    /// The secret, masked.
    pub fn serialize<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&mask(secret))
    }

    /// The secret itself.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
        String::deserialize(deserializer).map(SecretString::from)
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Where a secret is kept: {env: NAME}, {file: PATH}, the same as text, env:NAME or \
                file:PATH, or a URL that has no password.",
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {"env": {"type": "string"}, "file": {"type": "string"}},
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": false
                }
            ]
        })
    }
}

/// The same for a secret that may be missing.
pub struct OptionalSecret;

impl OptionalSecret {
    /// The secret, masked.
    pub fn serialize<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(mask).serialize(serializer)
    }

    /// The secret itself.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(SecretString::from))
    }
}

impl JsonSchema for OptionalSecret {
    fn schema_name() -> Cow<'static, str> {
        Option::<Secret>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<Secret>::json_schema(generator)
    }
}

/// For `#[serde(with = "Administrator")]` on a username with its password.
pub struct Administrator;

/// The administrator as a file names it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Account {
    /// Name to log in with.
    username: String,
    /// Password, kept in a variable or a file.
    #[serde(with = "Secret")]
    password: SecretString,
}

impl Administrator {
    /// The account, its password masked.
    pub fn serialize<S: Serializer>(
        account: &Option<(String, SecretString)>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let account = account.clone().map(|(username, password)| Account { username, password });
        account.serialize(serializer)
    }

    /// The account itself.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<(String, SecretString)>, D::Error> {
        let account = Option::<Account>::deserialize(deserializer)?;
        Ok(account.map(|Account { username, password }| (username, password)))
    }
}

impl JsonSchema for Administrator {
    fn schema_name() -> Cow<'static, str> {
        Option::<Account>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<Account>::json_schema(generator)
    }
}

/// Of a URL its scheme, hosts and path, of anything else nothing. A query may carry secrets of its own.
fn mask(secret: &SecretString) -> String {
    let Some((scheme, rest)) = secret.expose_secret().split_once("://") else { return "***".to_owned() };
    let (credentials, place) = rest.rsplit_once('@').map_or(("", rest), |(_, place)| ("***@", place));
    let place = place.split(['?', '#']).next().unwrap_or_default();
    format!("{scheme}://{credentials}{place}")
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn what_is_shown_of_a_secret_is_none() {
        for (secret, shown) in [
            ("redis://:hunter2@h:1/0", "redis://***@h:1/0"),
            ("mongodb://u:pa/ss@a:1,b:2/db?authSource=x", "mongodb://***@a:1,b:2/db"),
            ("redis://u:hunt?er2@h", "redis://***@h"),
            ("redis://h/0?token=hunter2", "redis://h/0"),
            ("hunter2", "***"),
        ] {
            assert_eq!(mask(&secret.into()), shown);
        }
    }
}
