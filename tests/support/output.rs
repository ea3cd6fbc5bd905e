//! What a finished scalectl left behind, and the assertions on it.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use regex::Regex;
use scalectl::Exit;
use snapbox::report::Palette;
use snapbox::{Assert, IntoData};

use super::workdir::WorkDir;

/// Numbers that differ from run to run, and the word that stands for them in expected output.
#[derive(Clone, Debug)]
pub struct Redaction {
    pattern: Regex,
    word: String,
}

impl Redaction {
    /// Shows every match of `pattern` as `word`, in which `$1` is the first group.
    pub fn new(pattern: &str, word: &str) -> Self {
        let pattern = Regex::new(pattern).expect("the pattern of a redaction is a regular expression");
        Self { pattern, word: word.to_owned() }
    }

    /// Ports of this machine: `127.0.0.1:[PORT]`.
    pub fn ports() -> Self {
        Self::new(r"(127\.0\.0\.1|localhost|\[::1\]):\d+", "$1:[PORT]")
    }

    /// Durations such as `12ms`, `1.5 s` or `340µs`: `[TIME]`.
    pub fn times() -> Self {
        Self::new(r"\b\d+(\.\d+)? ?(ns|µs|us|ms|s|min)\b", "[TIME]")
    }

    fn apply(&self, text: &str) -> String {
        self.pattern.replace_all(text, &self.word).into_owned()
    }
}

/// Exit code and output. The assertions return the output again, so that they can follow one another.
#[derive(Debug)]
pub struct Output {
    /// How the process ended.
    pub status: ExitStatus,
    /// What it wrote to stdout, with nothing hidden.
    pub stdout: String,
    /// What it wrote to stderr, with nothing hidden.
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
    pub(super) command: String,
    pub(super) dir: Arc<WorkDir>,
    pub(super) redactions: Vec<Redaction>,
}

impl Output {
    /// Asserts the exit code.
    #[track_caller]
    pub fn code(&self, expected: Exit) -> &Self {
        let number = i32::from(expected.code());
        let report = || format!("expected exit code {number} ({expected:?})\n{}", self.report());
        assert!(self.status.code() == Some(number), "{}", report());
        self
    }

    /// Asserts all of stdout; `...` stands for any lines and `[..]` for any part of a line.
    /// `SNAPSHOTS=overwrite` writes what came into the test.
    #[track_caller]
    pub fn stdout(&self, expected: impl IntoData) -> &Self {
        self.equal("stdout", &self.stdout, expected)
    }

    /// Asserts all of stderr, as [`Output::stdout`] does.
    #[track_caller]
    pub fn stderr(&self, expected: impl IntoData) -> &Self {
        self.equal("stderr", &self.stderr, expected)
    }

    /// Asserts that stdout holds `part`.
    #[track_caller]
    pub fn stdout_has(&self, part: &str) -> &Self {
        assert!(self.stdout.contains(part), "expected {part:?} on stdout\n{}", self.report());
        self
    }

    /// Asserts that stderr holds `part`.
    #[track_caller]
    pub fn stderr_has(&self, part: &str) -> &Self {
        assert!(self.stderr.contains(part), "expected {part:?} on stderr\n{}", self.report());
        self
    }

    /// Stdout as one JSON document.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        let parsed = serde_json::from_str(&self.stdout);
        parsed.unwrap_or_else(|error| panic!("stdout is not one JSON document: {error}\n{}", self.report()))
    }

    /// The path of a file in the folder in which the command ran.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The command with all that it left, for the message of a failing test.
    pub fn report(&self) -> String {
        let Self { status, stdout, stderr, took, command, .. } = self;
        format!("$ {command}\n{status} after {took:?}\n--- stdout\n{stdout}--- stderr\n{stderr}---")
    }

    #[track_caller]
    fn equal(&self, stream: &'static str, text: &str, expected: impl IntoData) -> &Self {
        let shown = self.redactions.iter().fold(text.to_owned(), |text, redaction| redaction.apply(&text));
        let assert = Assert::new().normalize_paths(false).palette(Palette::plain());
        let assert = assert.action_env(snapbox::assert::DEFAULT_ACTION_ENV);
        if let Err(error) = assert.try_eq(Some(&stream), shown.into_data(), expected.into_data()) {
            panic!("{error}\n{}", self.report());
        }
        self
    }
}
