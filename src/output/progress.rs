//! What goes on while it goes on: a bar on a terminal, a line every few seconds elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Output;
use super::table::thousands;
use crate::load::Progress;

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// The live rate is taken over this time.
const RATE_OVER: Duration = Duration::from_secs(1);
const BAR: &str = "{prefix:.bold} [{bar:24}] {msg}";

/// The progress of rows that are written; their number is only roughly known before.
#[derive(Debug)]
pub struct RowProgress {
    bar: Option<ProgressBar>,
}

impl RowProgress {
    /// Begins to show the progress of what is called `title`; on a terminal only.
    pub fn start(output: Output, title: &str) -> Self {
        Self { bar: output.is_interactive().then(|| bar(title)) }
    }

    /// Shows how far it is.
    pub fn update(&self, rows: u64, expected: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(rows * 1_000 / expected.max(1));
            bar.set_message(format!("{} of about {} rows", thousands(rows), thousands(expected)));
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The progress of things that are counted.
#[derive(Debug)]
pub struct CountProgress {
    bar: Option<ProgressBar>,
    what: &'static str,
}

impl CountProgress {
    /// Begins to show the progress of what is called `title`, which goes over `what`; on a terminal only.
    pub fn start(output: Output, title: &str, what: &'static str) -> Self {
        Self { bar: output.is_interactive().then(|| bar(title)), what }
    }

    /// Shows how far it is.
    pub fn update(&self, done: u64, of: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done * 1_000 / of.max(1));
            bar.set_message(format!("{} of {} {}", thousands(done), thousands(of), self.what));
        }
    }
}

impl Drop for CountProgress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// An empty bar, in thousandths.
pub fn bar(title: &str) -> ProgressBar {
    // The template is a constant; were it wrong, the default style would do.
    let style = ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(1_000).with_style(style.progress_chars("=> ")).with_prefix(title.to_owned())
}

/// The progress of a load test.
#[derive(Debug)]
pub struct LoadProgress {
    bar: Option<ProgressBar>,
    output: Output,
    title: String,
    next_line: Duration,
    rate_from: (Duration, u64),
    rate: f64,
}

impl LoadProgress {
    /// Begins to show the progress of what is called `title`.
    pub fn start(output: Output, title: &str) -> Self {
        let bar = output.is_interactive().then(|| bar(title));
        Self {
            bar,
            output,
            title: title.to_owned(),
            next_line: LINE_EVERY,
            rate_from: (Duration::ZERO, 0),
            rate: 0.0,
        }
    }

    /// Shows how far it is.
    pub fn update(&mut self, progress: &Progress) {
        self.measure_rate(progress);
        match &self.bar {
            Some(bar) => {
                let part = progress.elapsed.as_secs_f64() / progress.total.as_secs_f64().max(1e-3);
                bar.set_position((part * 1_000.0) as u64);
                bar.set_message(self.line(progress));
            }
            None if progress.elapsed >= self.next_line => {
                self.next_line = progress.elapsed + LINE_EVERY;
                self.output.note(&format!("{}: {}", self.title, self.line(progress)));
            }
            None => {}
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    fn measure_rate(&mut self, progress: &Progress) {
        let (since, done) = self.rate_from;
        let passed = progress.elapsed.saturating_sub(since);
        if passed >= RATE_OVER {
            self.rate = progress.done.saturating_sub(done) as f64 / passed.as_secs_f64();
            self.rate_from = (progress.elapsed, progress.done);
        }
    }

    fn line(&self, progress: &Progress) -> String {
        let phase = if progress.phase.is_empty() { String::new() } else { format!("{}, ", progress.phase) };
        format!(
            "{phase}{:.0}s of {:.0}s, {} active, {} done, {:.0}/s, {} errors",
            progress.elapsed.as_secs_f64(),
            progress.total.as_secs_f64(),
            thousands(u64::from(progress.active)),
            thousands(progress.done),
            self.rate,
            thousands(progress.errors)
        )
    }
}
