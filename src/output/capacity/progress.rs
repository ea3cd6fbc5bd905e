//! What a search does while it goes on: a bar on a terminal, a line for each step elsewhere.

use indicatif::ProgressBar;

use super::{level, verdict_word};
use crate::load::capacity::drive::Event;
use crate::load::capacity::search::{Ask, Step};
use crate::output::Output;
use crate::output::progress::bar;

/// The progress of a search.
#[derive(Debug)]
pub struct CapacityProgress {
    bar: Option<ProgressBar>,
    output: Output,
    unit: &'static str,
    step: String,
    last: String,
}

impl CapacityProgress {
    /// Begins to show it; levels are in `unit`.
    pub fn start(output: Output, unit: &'static str) -> Self {
        let bar = output.is_interactive().then(|| bar("find-capacity"));
        let progress = Self { bar, output, unit, step: String::new(), last: String::new() };
        progress.show(0, "getting ready");
        progress
    }

    /// Shows what has happened.
    pub fn update(&mut self, event: &Event<'_>) {
        match event {
            Event::Begun { number, ask } => {
                self.step = format!("step {number}, {}", self.asked(ask));
                self.show(0, &self.step);
            }
            Event::Running(progress) => {
                let part = progress.elapsed.as_secs_f64() / progress.total.as_secs_f64().max(1e-3);
                self.show((part * 1_000.0) as u64, &self.step);
            }
            Event::Ended(step) => self.ended(step),
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    fn ended(&mut self, step: &Step) {
        let reasons = step.judged.reasons.join("; ");
        let why = if reasons.is_empty() { String::new() } else { format!(": {reasons}") };
        self.last = format!("; {} {}", level(step.ask.level), verdict_word(step.judged.verdict));
        if self.bar.is_none() {
            let word = verdict_word(step.judged.verdict);
            self.output.note(&format!("{} {word}{why}", self.step));
        }
    }

    fn asked(&self, ask: &Ask) -> String {
        let again = if ask.is_repeat { " again" } else { "" };
        format!("{}{again}: {} {}", super::purpose_word(ask.purpose), level(ask.level), self.unit)
    }

    fn show(&self, position: u64, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_position(position);
            bar.set_message(format!("{text}{}", self.last));
        }
    }
}
