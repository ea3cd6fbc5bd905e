//! One line of an access log: nginx's and Apache's common and combined formats, or JSON.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// What a line says of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// Seconds since 1970.
    pub time: Option<f64>,
    /// `GET`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The status of the answer.
    pub status: Option<u16>,
}

static COMMON: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"\[(?<time>[^\]]+)\] "(?<method>[A-Z]+) (?<path>\S+)[^"]*" (?<status>\d{3}) "#).ok()
});

const METHOD_KEYS: [&str; 4] = ["method", "request_method", "httpMethod", "http_method"];
const PATH_KEYS: [&str; 6] = ["path", "uri", "request_uri", "url", "requestUrl", "http_path"];
const STATUS_KEYS: [&str; 4] = ["status", "status_code", "statusCode", "http_status"];
const TIME_KEYS: [&str; 8] =
    ["time", "timestamp", "@timestamp", "ts", "msec", "time_iso8601", "time_local", "datetime"];
/// Larger numbers are milliseconds.
const LATEST_SECOND: f64 = 1e11;

/// Reads a line; `None` when it is of no kind that is known.
pub fn parse(line: &str) -> Option<LogLine> {
    let line = line.trim();
    if line.starts_with('{') { parse_json(line) } else { parse_common(&format!("{line} ")) }
}

fn parse_common(line: &str) -> Option<LogLine> {
    let found = COMMON.as_ref()?.captures(line)?;
    Some(LogLine {
        time: epoch_seconds(&found["time"]),
        method: found["method"].to_owned(),
        path: relative(&found["path"])?,
        status: found["status"].parse().ok(),
    })
}

fn parse_json(line: &str) -> Option<LogLine> {
    let value: Value = serde_json::from_str(line).ok()?;
    // Caddy and others put the request into a mapping of its own.
    let places = [
        &value,
        value.get("request").unwrap_or(&Value::Null),
        value.get("httpRequest").unwrap_or(&Value::Null),
    ];
    let find = |keys: &[&str]| places.iter().find_map(|place| keys.iter().find_map(|key| place.get(key)));
    let text = |keys: &[&str]| find(keys).and_then(Value::as_str).map(str::to_owned);
    let (mut method, mut path) = (text(&METHOD_KEYS), text(&PATH_KEYS));
    if let Some(request) = value.get("request").and_then(Value::as_str) {
        let mut words = request.split(' ');
        (method, path) =
            (words.next().map(str::to_owned).or(method), words.next().map(str::to_owned).or(path));
    }
    let status =
        find(&STATUS_KEYS).and_then(|status| status.as_u64().or_else(|| status.as_str()?.parse().ok()));
    let time = find(&TIME_KEYS).and_then(|time| match time {
        Value::String(text) => epoch_seconds(text),
        other => other.as_f64().map(|number| if number > LATEST_SECOND { number / 1e3 } else { number }),
    });
    Some(LogLine {
        time,
        method: method?,
        path: relative(&path?)?,
        status: status.and_then(|s| u16::try_from(s).ok()),
    })
}

/// Path and query, also of a whole address, as proxies log it.
fn relative(path: &str) -> Option<String> {
    if path.starts_with('/') {
        return Some(path.to_owned());
    }
    let (_, rest) = path.split_once("://")?;
    rest.find('/').map(|start| rest[start..].to_owned())
}

/// Seconds since 1970 of `2026-11-21T20:06:52.5Z`, `21/Nov/2026:20:06:52 +0100`, or a number of seconds.
pub fn epoch_seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return number.is_finite().then(|| if number > LATEST_SECOND { number / 1e3 } else { number });
    }
    clf(text).or_else(|| iso(text))
}

fn clf(text: &str) -> Option<f64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (date, rest) = text.split_once(':')?;
    let mut parts = date.split('/');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? as i64 + 1;
    let (time, zone) = rest.split_once(' ').unwrap_or((rest, "+0000"));
    seconds(year.parse().ok()?, month, day.parse().ok()?, time, zone)
}

fn iso(text: &str) -> Option<f64> {
    let (date, time) = text.split_once(['T', ' '])?;
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let zone_at = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (time, zone) = time.split_at(zone_at);
    seconds(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?, time, zone)
}

fn seconds(year: i64, month: i64, day: i64, time: &str, zone: &str) -> Option<f64> {
    let mut parts = time.split(':');
    let hour: f64 = parts.next()?.parse().ok()?;
    let minute: f64 = parts.next()?.parse().ok()?;
    let second: f64 = parts.next().unwrap_or("0").parse().ok()?;
    let is_real = (1..=12).contains(&month) && (1..=31).contains(&day) && (1970..=9999).contains(&year);
    let is_time =
        (0.0..24.0).contains(&hour) && (0.0..60.0).contains(&minute) && (0.0..61.0).contains(&second);
    (is_real && is_time).then(|| {
        days(year, month, day) as f64 * 86_400.0 + hour * 3_600.0 + minute * 60.0 + second - offset(zone)
    })
}

/// Seconds that a zone such as `+01:00` is ahead.
fn offset(zone: &str) -> f64 {
    let sign = if zone.starts_with('-') { -1.0 } else { 1.0 };
    let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
    let part =
        |from: usize| digits.get(from..from + 2).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    sign * (part(0) * 3_600.0 + part(2) * 60.0)
}

/// Days since 1970 of a date, by Hinnant's `days_from_civil`.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::{LogLine, epoch_seconds, parse};

    #[test]
    fn lines_of_all_kinds_say_the_same() {
        let expected = LogLine {
            time: Some(971_211_336.0),
            method: "GET".to_owned(),
            path: "/a?b=1".to_owned(),
            status: Some(200),
        };
        for line in [
            r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a?b=1 HTTP/1.0" 200 2326"#,
            r#"1.2.3.4 - - [10/Oct/2000:20:55:36 +0000] "GET /a?b=1 HTTP/1.1" 200 12 "-" "curl/8" "x""#,
            r#"{"time":"2000-10-10T20:55:36Z","method":"GET","path":"/a?b=1","status":200}"#,
            r#"{"ts":971211336.0,"request":{"method":"GET","uri":"/a?b=1"},"status":200}"#,
            r#"{"msec":"971211336.000","request":"GET /a?b=1 HTTP/1.1","status":"200"}"#,
            r#"{"timestamp":971211336000,"method":"GET","url":"https://x.org/a?b=1","statusCode":200}"#,
        ] {
            assert_eq!(parse(line), Some(expected.clone()), "{line}");
        }
        for line in ["", "hello", "{}", r#"- - - [x] "-" 400 0"#, "{\"method\":1"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn times_with_zones_are_those_of_the_world() {
        assert_eq!(epoch_seconds("2026-11-21T21:06:52.500+01:00"), Some(1_795_291_612.5));
        assert_eq!(epoch_seconds("2000-02-29 00:00:00"), Some(951_782_400.0));
        assert_eq!(epoch_seconds("2026-13-01T00:00:00Z"), None);
    }
}
