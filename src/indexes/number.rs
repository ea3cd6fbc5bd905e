//! Numbers as servers give them: the same count may come in any of BSON's types.

use bson::Bson;

/// A number of whatever type, without its fraction.
pub fn truncated(value: &Bson) -> Option<i64> {
    match value {
        Bson::Int32(n) => Some(i64::from(*n)),
        Bson::Int64(n) => Some(*n),
        Bson::Double(n) => Some(*n as i64),
        Bson::Decimal128(n) => n.to_string().parse::<f64>().ok().map(|n| n as i64),
        _ => None,
    }
}

/// A count; what is missing, is no number or below zero counts as none.
pub fn count(value: Option<&Bson>) -> u64 {
    value.and_then(truncated).and_then(|n| u64::try_from(n).ok()).unwrap_or_default()
}
