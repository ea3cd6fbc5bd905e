//! Thresholds: `p95 < 200ms`, `errors < 0.1%`, `p99 of "POST /api/posts" < 500ms`, `rate > 100`; and the part
//! of the run that each of them is about. [`judge`] holds them against what happens.

pub mod judge;
pub mod preset;
mod subject;

use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;
use schemars::JsonSchema;
use serde::Serialize;

pub use preset::Preset;
pub use subject::Subject;

use crate::config::duration::Span;
use crate::config::suggest::did_you_mean;
use crate::load::tally::Times;

/// One threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct Slo {
    /// As written.
    pub text: String,
    /// What is measured.
    pub measure: Measure,
    /// Over which rows of the report.
    pub subject: Subject,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what: microseconds, percent, or a plain number.
    pub limit: f64,
    /// The part of the run that it is about.
    pub scope: Scope,
}

/// The part of a run that a threshold is about, since the start of the load.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// What is before it does not count.
    pub from: Duration,
    /// What is after it does not count.
    pub to: Option<Duration>,
    /// It has to hold over every stretch of this length, not only over the whole.
    pub window: Option<Duration>,
    /// The run ends when a stretch misses it.
    pub aborts: bool,
}

/// What a threshold measures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measure {
    /// A percentile of response times.
    Percentile(f64),
    /// The shortest response time.
    Min,
    /// The mean response time.
    Mean,
    /// The longest response time.
    Max,
    /// Failed exchanges, percent.
    Errors,
    /// Exchanges a second.
    Rate,
    /// Exchanges.
    Count,
    /// Answers that came out of a cache, percent of those that a cache speaks of.
    CacheHits,
    /// Published messages that did not arrive, percent of those owed.
    Loss,
    /// Published messages that arrived once more, percent of those owed.
    Duplicates,
    /// Published messages that arrived after a later one, percent of those owed.
    Disorder,
    /// From a storm's beginning, or the first loss of an outage, until the last connection was back; of several, the
    /// longest.
    Steady,
}

/// How a value is compared with its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

/// What became of a threshold.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SloResult {
    /// The threshold as written.
    pub slo: String,
    /// What was measured, in the unit of the threshold; `null` when nothing was.
    pub observed: Option<f64>,
    /// The unit: `µs`, `%`, `/s`, or empty.
    pub unit: &'static str,
    /// What that means.
    pub outcome: Outcome,
    /// With `over`, what became of its stretches.
    pub windows: Option<WindowsResult>,
}

/// What became of the stretches of a threshold; `observed` is the worst of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WindowsResult {
    /// Stretches that were judged; one ends with every second.
    pub judged: u32,
    /// Those that missed it.
    pub missed: u32,
    /// When the first of them ended, in seconds since the start of the load.
    pub first_missed_at: Option<u32>,
    /// Whether it ended the run.
    pub aborted: bool,
}

/// Whether a threshold held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It held.
    Passed,
    /// It did not.
    Failed,
    /// Nothing was measured.
    Inconclusive,
}

static SYNTAX: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?x)^\s* (?<measure>p\d{1,2}(\.\d+)?|min|mean|max|errors|rate|count|cache\ hits|loss|duplicates|disorder|steady)
        (\s+of\s+ (?: "(?<quoted>[^"]+)" | tag\s+(?<tag>[^\s=]+)=("(?<word>[^"]+)"|(?<value>[^"\s]+?)) | (?<row>.+?) ))?
        \s*(?<comparison><=|>=|<|>)\s* (?<number>\d+(\.\d+)?)\s*(?<unit>us|ms|s|m|%|/s)?\s*$"#,
    )
    .ok()
});

/// What a threshold may look like, for messages.
const EXAMPLES: &str =
    "write it like `p95 < 200ms`, `errors < 0.1%`, `rate > 100/s` or `p99 of \"GET /\" < 1s`";

impl Slo {
    /// Reads `text`; `rows` are the names of the report's rows.
    pub fn parse(text: &str, rows: &[&str]) -> Result<Self, (String, Option<String>)> {
        let no_threshold = || (format!("`{text}` is no threshold"), Some(EXAMPLES.to_owned()));
        let captures = SYNTAX.as_ref().and_then(|syntax| syntax.captures(text)).ok_or_else(no_threshold)?;
        let part = |name: &str| captures.name(name).map(|found| found.as_str());
        let measure = measure(part("measure").unwrap_or_default());
        let limit = limit(measure, part("number").unwrap_or_default(), part("unit"))
            .map_err(|message| (message, Some(EXAMPLES.to_owned())))?;
        let subject = match (part("tag"), part("word").or_else(|| part("value"))) {
            (Some(tag), Some(value)) => Subject::Tag(tag.to_owned(), value.to_owned()),
            _ => subject(part("quoted"), part("row"), rows)?,
        };
        let comparison = match part("comparison") {
            Some("<") => Comparison::Below,
            Some("<=") => Comparison::AtMost,
            Some(">") => Comparison::Above,
            _ => Comparison::AtLeast,
        };
        Ok(Self {
            text: text.trim().to_owned(),
            measure,
            subject,
            comparison,
            limit,
            scope: Scope::default(),
        })
    }

    /// Whether `one` is worse than `other`.
    pub fn is_worse(&self, one: f64, other: f64) -> bool {
        match self.comparison {
            Comparison::Below | Comparison::AtMost => one > other,
            Comparison::Above | Comparison::AtLeast => one < other,
        }
    }

    /// Compares what was observed, in microseconds, percent, or a plain number.
    pub fn judge(&self, observed: Option<f64>) -> SloResult {
        let outcome = match observed {
            None => Outcome::Inconclusive,
            Some(value) if self.holds(value) => Outcome::Passed,
            Some(_) => Outcome::Failed,
        };
        SloResult { slo: self.text.clone(), observed, unit: self.measure.unit(), outcome, windows: None }
    }

    /// Whether `value` is within the limit.
    pub fn holds(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::Below => value < self.limit,
            Comparison::AtMost => value <= self.limit,
            Comparison::Above => value > self.limit,
            Comparison::AtLeast => value >= self.limit,
        }
    }
}

impl Measure {
    /// What a histogram says of it, in microseconds; nothing for an empty one, and for what is no time.
    pub fn of(self, times: &Times) -> Option<f64> {
        let histogram = (!times.is_empty()).then(|| times.histogram())?;
        match self {
            Self::Percentile(percentile) => Some(histogram.value_at_percentile(percentile) as f64),
            Self::Min => Some(histogram.min() as f64),
            Self::Mean => Some(histogram.mean()),
            Self::Max => Some(histogram.max() as f64),
            _ => None,
        }
    }

    /// The unit of its values.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Percentile(_) | Self::Min | Self::Mean | Self::Max | Self::Steady => "µs",
            Self::Errors | Self::CacheHits | Self::Loss | Self::Duplicates | Self::Disorder => "%",
            Self::Rate => "/s",
            Self::Count => "",
        }
    }

    /// Whether it is measured by `fanout` steps, over all of the run.
    pub fn is_of_fanout(self) -> bool {
        matches!(self, Self::Loss | Self::Duplicates | Self::Disorder)
    }

    /// Whether it is known at the end, and of all of the run.
    pub fn is_of_the_whole(self) -> bool {
        self.is_of_fanout() || self == Self::Steady
    }

    /// Its name in the file.
    pub fn word(self) -> String {
        match self {
            Self::Percentile(percentile) => format!("p{percentile}"),
            Self::Min => "min".to_owned(),
            Self::Mean => "mean".to_owned(),
            Self::Max => "max".to_owned(),
            Self::Errors => "errors".to_owned(),
            Self::Rate => "rate".to_owned(),
            Self::Count => "count".to_owned(),
            Self::CacheHits => "cache hits".to_owned(),
            Self::Loss => "loss".to_owned(),
            Self::Duplicates => "duplicates".to_owned(),
            Self::Disorder => "disorder".to_owned(),
            Self::Steady => "steady".to_owned(),
        }
    }
}

fn measure(word: &str) -> Measure {
    match word {
        "min" => Measure::Min,
        "mean" => Measure::Mean,
        "max" => Measure::Max,
        "errors" => Measure::Errors,
        "rate" => Measure::Rate,
        "count" => Measure::Count,
        "cache hits" => Measure::CacheHits,
        "loss" => Measure::Loss,
        "duplicates" => Measure::Duplicates,
        "disorder" => Measure::Disorder,
        "steady" => Measure::Steady,
        percentile => Measure::Percentile(percentile[1..].parse().unwrap_or(50.0)),
    }
}

fn limit(measure: Measure, number: &str, unit: Option<&str>) -> Result<f64, String> {
    let value: f64 = number.parse().map_err(|_| format!("`{number}` is no number"))?;
    match (measure, unit) {
        (measure, unit) if measure.unit() == "µs" => match unit {
            Some(unit @ ("us" | "ms" | "s" | "m")) => {
                let span: Span = format!("{number}{unit}").parse()?;
                Ok(span.0.as_secs_f64() * 1e6)
            }
            _ if measure == Measure::Steady => Err("`steady` needs a unit: s, m".to_owned()),
            _ => Err("a response time needs a unit: us, ms, s".to_owned()),
        },
        (Measure::Rate, None | Some("/s")) | (Measure::Count, None) => Ok(value),
        (measure, Some("%")) if measure.unit() == "%" => Ok(value),
        (Measure::Errors, _) => Err("an error rate needs `%`".to_owned()),
        (measure, _) if measure.unit() == "%" => Err(format!("`{}` needs `%`", measure.word())),
        (_, unit) => Err(format!("`{}` is no unit of this measure", unit.unwrap_or_default())),
    }
}

/// A row by its name; without quotes, also what rows speak.
fn subject(
    quoted: Option<&str>,
    bare: Option<&str>,
    rows: &[&str],
) -> Result<Subject, (String, Option<String>)> {
    match (quoted, bare) {
        (None, None) => Ok(Subject::All),
        (None, Some("http")) => Ok(Subject::Http),
        (None, Some("sockets")) => Ok(Subject::Sockets),
        (quoted, bare) => find_row(quoted.or(bare).unwrap_or_default(), rows).map(Subject::Row),
    }
}

fn find_row(row: &str, rows: &[&str]) -> Result<usize, (String, Option<String>)> {
    let found = rows.iter().position(|candidate| *candidate == row);
    found.ok_or_else(|| {
        let help = did_you_mean(row, rows.iter().copied())
            .unwrap_or_else(|| format!("the rows of this file: {}", rows.join(", ")));
        (format!("no step is called `{row}`"), Some(help))
    })
}

#[cfg(test)]
mod tests {
    use super::{Comparison, Measure, Outcome, Slo, Subject};

    const ROWS: [&str; 2] = ["GET /feed", "emit chess:move"];

    fn parse(text: &str) -> Result<Slo, String> {
        Slo::parse(text, &ROWS).map_err(|(message, _)| message)
    }

    #[test]
    fn thresholds_are_read() {
        let slo = parse("p99.9 of \"GET /feed\" <= 1.5s").unwrap();
        assert_eq!((slo.measure, slo.subject), (Measure::Percentile(99.9), Subject::Row(0)));
        assert_eq!((slo.comparison, slo.limit), (Comparison::AtMost, 1_500_000.0));
        assert_eq!(parse("p95 of emit chess:move < 100ms").unwrap().subject, Subject::Row(1));
        let tag = |value: &str| Subject::Tag("area".to_owned(), value.to_owned());
        assert_eq!(parse("p95 of tag area=shop<1s").unwrap().subject, tag("shop"));
        assert_eq!(parse("errors of tag area=\"the shop\" < 1%").unwrap().subject, tag("the shop"));
        assert_eq!(parse("cache hits of http > 85%").unwrap().subject, Subject::Http);
        assert_eq!(parse("loss < 0.1%").unwrap().measure, Measure::Loss);
        assert_eq!(parse("errors < 0.1%").unwrap().limit, 0.1);
        assert_eq!(parse(" rate > 100/s ").unwrap().measure, Measure::Rate);
    }

    #[test]
    fn what_is_no_threshold_is_refused() {
        assert_eq!(parse("fast please").unwrap_err(), "`fast please` is no threshold");
        assert_eq!(parse("p95 < 200").unwrap_err(), "a response time needs a unit: us, ms, s");
        assert_eq!(parse("errors < 1").unwrap_err(), "an error rate needs `%`");
        assert_eq!(parse("count > 5%").unwrap_err(), "`%` is no unit of this measure");
        assert_eq!(parse("loss < 1").unwrap_err(), "`loss` needs `%`");
        assert_eq!(parse("p95 of \"GET /fed\" < 1s").unwrap_err(), "no step is called `GET /fed`");
    }

    #[test]
    fn a_threshold_without_samples_is_inconclusive() {
        let slo = parse("p95 < 200ms").unwrap();
        assert_eq!(slo.judge(None).outcome, Outcome::Inconclusive);
        assert_eq!(slo.judge(Some(199_999.0)).outcome, Outcome::Passed);
        assert_eq!(slo.judge(Some(200_000.0)).outcome, Outcome::Failed);
    }
}
