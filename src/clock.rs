//! The time of this machine, for people who read it later.

/// Now, in RFC 3339.
pub fn now() -> String {
    bson::DateTime::now().try_to_rfc3339_string().unwrap_or_default()
}
