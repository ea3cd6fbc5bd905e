//! From where a secret is kept to the secret.

use serde::Deserialize;
use serde_json::Value;

use crate::config::Document;
use crate::config::topology::{Kept, Reference, ReferenceError};

/// Stands for a secret that could not be read, so that everything else can still be checked.
pub const UNKNOWN: &str = "unknown://";

/// The one secret that is no URL, in which the password would be found.
const PASSWORD: &str = "/security/administrator/password";

/// Makes stars of a password that stands in the file, before a message quotes its line.
pub fn hide_passwords(document: &mut Document) {
    let Some(password) = document.value.pointer(PASSWORD).and_then(Value::as_str) else { return };
    if !password.is_empty() && matches!(password.parse(), Ok(Reference::Plain(_))) {
        document.text = document.text.replace(password, &"*".repeat(password.chars().count()));
    }
}

/// The secret that a setting names.
pub fn resolve(pointer: &str, written: &Value) -> Result<String, String> {
    let reference = match written {
        Value::String(text) => text.parse().unwrap_or_else(|never| match never {}),
        kept => Reference::Kept(Kept::deserialize(kept).map_err(|error| error.to_string())?),
    };
    let is_in_the_open = matches!(&reference, Reference::Plain(_)) && pointer == PASSWORD;
    if is_in_the_open {
        return Err("a password stands in the open; keep it in a variable or a file and write env:NAME or \
                    file:PATH"
            .to_owned());
    }
    let secret = reference.resolve().map_err(|error: ReferenceError| error.to_string())?;
    match secret.expose() {
        "" => Err("the secret is empty".to_owned()),
        secret => Ok(secret.to_owned()),
    }
}
