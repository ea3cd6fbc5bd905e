//! Points in time, to the microsecond, shown as ISO 8601 in UTC.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Microseconds since 1970 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The wall clock.
    pub fn now() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
        // Not every store keeps more than milliseconds: the tests of stores compare what all of them keep.
        Self(if cfg!(test) { micros - micros % 1_000 } else { micros })
    }

    /// So much later.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The point in time that [`Timestamp::micros`] gave.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// The point in time so many milliseconds after 1970 began.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Whole milliseconds since 1970.
    pub fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Milliseconds since 1970 with a fraction, as JavaScript's clocks give them.
    pub fn millis_f64(self) -> f64 {
        self.0 as f64 / 1_000.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.div_euclid(MICROS_PER_SECOND);
        let millis = self.0.rem_euclid(MICROS_PER_SECOND) / 1_000;
        let (year, month, day) = civil_date(seconds.div_euclid(SECONDS_PER_DAY));
        let second = seconds.rem_euclid(SECONDS_PER_DAY);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

/// A text that is no point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a point in time: write it like 2026-01-31T12:00:00Z")]
pub struct BadTimestamp;

impl FromStr for Timestamp {
    type Err = BadTimestamp;

    /// RFC 3339, with any offset. A leap second counts as the next one.
    fn from_str(text: &str) -> Result<Self, BadTimestamp> {
        let (date, time) = text.split_once(['T', 't']).ok_or(BadTimestamp)?;
        let offset_at = time.find(['Z', 'z', '+', '-']).ok_or(BadTimestamp)?;
        let (time, offset) = time.split_at(offset_at);
        let seconds = parse_date(date)? * SECONDS_PER_DAY - parse_offset(offset)?;
        let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
        let in_range = hour < 24 && minute < 60 && second <= 60;
        let seconds = seconds + hour * 3_600 + minute * 60 + second;
        let micros = seconds * MICROS_PER_SECOND + parse_fraction(fraction)?;
        in_range.then_some(Self(micros)).ok_or(BadTimestamp)
    }
}

/// Days since 1970.
fn parse_date(text: &str) -> Result<i64, BadTimestamp> {
    let [year, month, day] = numbers(text, '-', [4, 2, 2])?;
    let days = days_from_civil(year, month, day);
    if civil_date(days) == (year, month, day) { Ok(days) } else { Err(BadTimestamp) }
}

/// Seconds that a local clock is ahead of UTC.
fn parse_offset(text: &str) -> Result<i64, BadTimestamp> {
    let (sign, rest) = match text.split_at_checked(1) {
        Some(("Z" | "z", "")) => return Ok(0),
        Some(("+", rest)) => (1, rest),
        Some(("-", rest)) => (-1, rest),
        _ => return Err(BadTimestamp),
    };
    let [hours, minutes] = numbers(rest, ':', [2, 2])?;
    if hours < 24 && minutes < 60 { Ok(sign * (hours * 3_600 + minutes * 60)) } else { Err(BadTimestamp) }
}

/// Microseconds; what is finer is cut off.
fn parse_fraction(digits: &str) -> Result<i64, BadTimestamp> {
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(BadTimestamp);
    }
    let micros = digits.bytes().chain(std::iter::repeat(b'0')).take(6);
    Ok(micros.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

/// Unsigned numbers of so many digits each.
fn numbers<const N: usize>(
    text: &str,
    separator: char,
    digits: [usize; N],
) -> Result<[i64; N], BadTimestamp> {
    let mut parts = text.split(separator);
    let mut found = [0; N];
    for (number, digits) in found.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits).ok_or(BadTimestamp)?;
        let plain = part.bytes().all(|digit| digit.is_ascii_digit());
        *number = plain.then(|| part.parse().ok()).flatten().ok_or(BadTimestamp)?;
    }
    if parts.next().is_none() { Ok(found) } else { Err(BadTimestamp) }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).build().into()
    }
}

impl ToSchema for Timestamp {}

/// The day number since 1970 of a year, month and day, by Howard Hinnant's `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a day number since 1970, by Howard Hinnant's `civil_from_days`.
fn civil_date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_shown_is_read_to_the_millisecond(millis in -62_135_596_800_000_i64..253_402_300_800_000) {
            let shown = Timestamp::from_micros(millis * 1_000);
            prop_assert_eq!(shown.to_string().parse(), Ok(shown));
        }

        #[test]
        fn no_text_makes_reading_panic(text in "[0-9TtZz:.+-]{0,40}|.{0,40}") {
            let _ = text.parse::<Timestamp>();
        }
    }

    #[test]
    fn offsets_and_fractions_are_understood() {
        let read = |text: &str| text.parse::<Timestamp>().map(Timestamp::micros);
        assert_eq!(read("1970-01-01T01:00:00+01:00"), Ok(0));
        assert_eq!(read("1969-12-31t22:30:00.5-01:30"), Ok(500_000));
        assert_eq!(read("2000-02-29T00:00:00.123456789z"), Ok(951_782_400_123_456));
    }

    #[test]
    fn what_is_on_no_calendar_or_clock_is_refused() {
        for bad in [
            "",
            "2025-02-29T00:00:00Z",
            "2025-13-01T00:00:00Z",
            "2025-00-10T00:00:00Z",
            "2025-01-01T24:00:00Z",
            "2025-01-01T00:60:00Z",
            "2025-01-01T00:00:00",
            "2025-01-01T00:00Z",
            "2025-01-01 00:00:00Z",
            "2025-1-01T00:00:00Z",
            "2025-01-01T00:00:00.Z",
            "2025-01-01T00:00:00+24:00",
            "2025-01-01T00:00:00Zoo",
            "+025-01-01T00:00:00Z",
        ] {
            assert_eq!(bad.parse::<Timestamp>(), Err(BadTimestamp), "{bad}");
        }
    }

    #[test]
    fn known_moments_are_written_as_iso_8601() {
        let shown = |micros| Timestamp::from_micros(micros).to_string();
        assert_eq!(shown(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(shown(951_782_400_000_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(shown(1_700_000_000_123_456), "2023-11-14T22:13:20.123Z");
        assert_eq!(shown(-1), "1969-12-31T23:59:59.999Z");
    }
}
