//! The time of this machine, for people who read it later.

/// Now, in RFC 3339.
pub fn now() -> String {
    bson::DateTime::now().try_to_rfc3339_string().unwrap_or_default()
}

/// So many seconds after 1970, in RFC 3339; none in years without four digits.
pub fn at(seconds: i64) -> Option<String> {
    bson::DateTime::from_millis(seconds.checked_mul(1_000)?).try_to_rfc3339_string().ok()
}
