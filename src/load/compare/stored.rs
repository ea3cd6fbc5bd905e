//! Reports in files, as far as a comparison needs them.

use std::path::Path;

use serde::Deserialize;

use crate::load::stretch::Stretch;
use crate::load::tally::Times;

/// The layout that is read.
const SCHEMA: &str = "scalectl.loadtest/1";
/// Larger files are no reports.
const MAX_BYTES: u64 = 512 << 20;

/// A report.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stored {
    /// The file, as it was named.
    #[serde(skip)]
    pub file: String,
    schema: String,
    verdict: String,
    /// Virtual users.
    pub users: u32,
    /// Seconds in each stretch.
    pub stretch_seconds: u32,
    /// All exchanges.
    pub total: StoredRow,
    /// Row by row.
    pub rows: Vec<StoredRow>,
    generator: Generator,
}

#[derive(Debug, Deserialize)]
struct Generator {
    doubts: Vec<String>,
}

/// One row.
#[derive(Debug, Clone, Deserialize)]
pub struct StoredRow {
    /// Its name.
    pub name: String,
    /// Steps done.
    pub count: u64,
    /// Those that failed.
    pub errors: u64,
    /// All response times.
    #[serde(with = "crate::load::pairs")]
    pub histogram: Times,
    /// The same, stretch by stretch.
    pub stretches: Vec<Stretch>,
}

/// A file that is no report.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {why}")]
pub struct NoReport {
    file: String,
    why: String,
}

impl Stored {
    /// Reads a report.
    pub fn read(path: &Path) -> Result<Self, NoReport> {
        let file = path.display().to_string();
        match Self::parse(path) {
            Ok(stored) => Ok(Self { file, ..stored }),
            Err(why) => Err(NoReport { file, why }),
        }
    }

    fn parse(path: &Path) -> Result<Self, String> {
        let length = std::fs::metadata(path).map_err(|error| error.kind().to_string())?.len();
        if length > MAX_BYTES {
            return Err(format!("{length} bytes; a report has at most {MAX_BYTES}"));
        }
        let text = std::fs::read(path).map_err(|error| error.kind().to_string())?;
        let help = "write reports with `loadtest run --report json=FILE`";
        let stored: Self = serde_json::from_slice(&text)
            .map_err(|error| format!("no report of a load test: {error}; {help}"))?;
        match stored.schema == SCHEMA {
            true => Ok(stored),
            false => Err(format!("it has the layout {}, this version reads {SCHEMA}", stored.schema)),
        }
    }

    /// Why it says nothing of the system.
    pub fn doubt(&self) -> Option<String> {
        match self.verdict.as_str() {
            "interrupted" => Some("it was interrupted".to_owned()),
            _ => self.generator.doubts.first().cloned(),
        }
    }

    /// How it was another load than `other`.
    pub fn other_load(&self, other: &Self) -> Option<String> {
        if self.users != other.users {
            return Some(format!("{} users, not {}", self.users, other.users));
        }
        let (one, two) = (self.stretch_seconds, other.stretch_seconds);
        (one != two).then(|| format!("its stretches last {one} s, not {two} s: it is of another length"))
    }

    /// The row of this name.
    pub fn row(&self, name: &str) -> Option<&StoredRow> {
        self.rows.iter().find(|row| row.name == name)
    }
}

impl StoredRow {
    /// A percentile of all response times, in microseconds.
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        (!self.histogram.is_empty()).then(|| self.histogram.histogram().value_at_quantile(quantile) as f64)
    }

    /// Steps done in whole stretches.
    pub fn stretched(&self) -> u64 {
        self.stretches.iter().map(|stretch| stretch.count).sum()
    }
}

#[cfg(test)]
impl Stored {
    /// A report with one row beside the total, which has the same.
    pub fn of(file: &str, users: u32, row: StoredRow) -> Self {
        let total = StoredRow { name: "all exchanges".to_owned(), ..row.clone() };
        Self {
            file: file.to_owned(),
            schema: SCHEMA.to_owned(),
            verdict: "passed".to_owned(),
            users,
            stretch_seconds: 1,
            total,
            rows: vec![row],
            generator: Generator { doubts: Vec::new() },
        }
    }

    /// The same with a doubt.
    pub fn doubted(mut self, doubt: &str) -> Self {
        self.generator.doubts.push(doubt.to_owned());
        self
    }
}
