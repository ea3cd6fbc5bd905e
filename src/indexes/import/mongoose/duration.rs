//! `expires: '1.5h'`: the lengths of time that Mongoose understands.

/// Whole seconds of a text such as `24h`, `7 days`, `90` (milliseconds, as everywhere in JavaScript).
pub fn seconds(text: &str) -> Option<i64> {
    if text.is_empty() || text.len() > 100 {
        return None;
    }
    let unit_at =
        text.find(|letter: char| letter.is_ascii_alphabetic() || letter == ' ').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let is_number = number.ends_with(|digit: char| digit.is_ascii_digit())
        && number.chars().all(|letter| letter.is_ascii_digit() || letter == '.' || letter == '-')
        && number.matches('.').count() <= 1
        && !number[1..].contains('-');
    let number: f64 = number.parse().ok().filter(|_| is_number)?;
    let milliseconds = number * milliseconds(unit.trim_start_matches(' '))?;
    Some((milliseconds / 1e3).round() as i64)
}

/// Milliseconds of a unit, by any of its names.
fn milliseconds(unit: &str) -> Option<f64> {
    let length = match unit.to_ascii_lowercase().as_str() {
        "" | "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => 1.0,
        "s" | "sec" | "secs" | "second" | "seconds" => 1e3,
        "m" | "min" | "mins" | "minute" | "minutes" => 60e3,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600e3,
        "d" | "day" | "days" => 86_400e3,
        "w" | "week" | "weeks" => 7.0 * 86_400e3,
        "y" | "yr" | "yrs" | "year" | "years" => 365.25 * 86_400e3,
        _ => return None,
    };
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn lengths_are_those_of_mongoose() {
        for (text, expected) in [
            ("1h", 3_600),
            ("1.5h", 5_400),
            ("60s", 60),
            ("7d", 604_800),
            ("2 days", 172_800),
            ("30 Minutes", 1_800),
            ("1w", 604_800),
            ("1y", 31_557_600),
            ("90000", 90),
            (".5h", 1_800),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in ["", "soon", "1 month", "h", "1h 30m", "--1h", "1.", "é"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
