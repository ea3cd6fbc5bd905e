//! A run of a plan, while it goes on and at its end.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::config::duration::humanize;
use crate::indexes::apply::{ApplyReport, Ending, Progress, QueryChange};
use crate::indexes::verify::QueryProof;
use crate::lock::lock;
use crate::output::table::{table, thousands};
use crate::output::{Output, style};
use crate::text::one_line;

/// Between two lines on the same thing.
const BETWEEN_LINES: Duration = Duration::from_secs(10);
const BAR: &str = "  {prefix} [{bar:24}] {msg}";

/// What was done, and how it ended.
pub fn render(report: &ApplyReport) -> String {
    let rows = report.steps.iter().map(|step| {
        let place = format!("{}.{}", step.database, step.collection);
        let took = humanize(Duration::from_millis(step.took_ms));
        vec![one_line(&place), one_line(&step.step.to_string()), took]
    });
    let steps =
        if report.steps.is_empty() { String::new() } else { table(&["collection", "step", "took"], 2, rows) };
    let verdict = match report.ending {
        Ending::Nothing => style::well("Nothing to do: every index is as it must be."),
        Ending::Done => style::well("Done: every index is as it must be, on every member."),
        Ending::Interrupted => {
            style::look("Interrupted. To go on: scalectl migrate indexes apply (the same arguments)")
        }
    };
    if steps.is_empty() { verdict } else { format!("{steps}{}\n{verdict}\n", queries(&report.queries)) }
}

/// The declared queries before and after.
fn queries(queries: &[QueryChange]) -> String {
    if queries.is_empty() {
        return String::new();
    }
    let rows = queries.iter().map(|change| {
        let name = format!("{}: {}", change.collection, change.query);
        let (before, after) = (&change.before, &change.after);
        vec![one_line(&name), served_by(before), examined(before), served_by(after), examined(after)]
    });
    let header = ["query", "before", "examined before", "after", "examined after"];
    format!(
        "\n{}(keys or documents, whichever is more, for each document returned)\n",
        table(&header, 5, rows)
    )
}

fn served_by(proof: &QueryProof) -> String {
    match &proof.indexes[..] {
        [] => match proof.stages.last().map(String::as_str) {
            Some("EOF") => "no collection".to_owned(),
            stage => one_line(stage.unwrap_or("-")),
        },
        indexes => one_line(&indexes.join(", ")),
    }
}

fn examined(proof: &QueryProof) -> String {
    proof.figures.map_or_else(|| "-".to_owned(), |figures| format!("{:.1}", figures.examined_per_returned))
}

/// Shows a run while it goes on: a line for each step, and on a terminal a bar for each member that builds.
#[derive(Debug)]
pub struct ApplyProgress {
    output: Output,
    bars: MultiProgress,
    shown: Mutex<BTreeMap<String, ProgressBar>>,
    /// Where there is no terminal: when something was last said of what.
    noted: Mutex<BTreeMap<String, Instant>>,
}

impl ApplyProgress {
    /// Begins to show it.
    pub fn start(output: Output) -> Self {
        Self { output, bars: MultiProgress::new(), shown: Mutex::default(), noted: Mutex::default() }
    }

    /// Shows what goes on.
    pub fn show(&self, progress: Progress<'_>) {
        match progress {
            Progress::Step { number, of, namespace, step } => {
                self.line(&one_line(&format!("[{number}/{of}] {namespace}: {step}")));
            }
            Progress::Build { member, done, total } => {
                let part = format!("{} of {}", thousands(done), thousands(total));
                self.bar(member, done, total, &part);
            }
            Progress::Waiting { what, left } => self.bar(what, 0, 0, &format!("{} left", humanize(left))),
            Progress::Done => self.clear(),
        }
    }

    fn line(&self, text: &str) {
        self.bars.suspend(|| self.output.note(text));
    }

    fn bar(&self, title: &str, done: u64, total: u64, message: &str) {
        if !self.output.is_interactive() {
            return self.now_and_then(&format!("  {title}: {message}"), title);
        }
        let mut shown = lock(&self.shown);
        let bar = shown.entry(title.to_owned()).or_insert_with(|| {
            // The template is a constant; were it wrong, the default style would do.
            let style = ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar());
            self.bars.add(ProgressBar::new(total.max(1)).with_style(style).with_prefix(one_line(title)))
        });
        bar.set_length(total.max(1));
        bar.set_position(done);
        bar.set_message(message.to_owned());
    }

    /// Without a terminal there are no bars, but a line now and then: whoever reads the log sees that it goes on.
    fn now_and_then(&self, text: &str, title: &str) {
        let mut noted = lock(&self.noted);
        if noted.get(title).is_none_or(|at| at.elapsed() >= BETWEEN_LINES) {
            noted.insert(title.to_owned(), Instant::now());
            self.line(&one_line(text));
        }
    }

    fn clear(&self) {
        lock(&self.noted).clear();
        let mut shown = lock(&self.shown);
        std::mem::take(&mut *shown).into_values().for_each(|bar| bar.finish_and_clear());
    }
}

impl Drop for ApplyProgress {
    fn drop(&mut self) {
        self.clear();
    }
}
