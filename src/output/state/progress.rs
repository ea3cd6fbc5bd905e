//! A command that steers, while it is at work.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use state_map::Phase;
use state_map::operator::Blocker;
use state_map::wire::call::Surveyed;

use super::journal::outcome_words;
use super::notice;
use crate::lock::lock;
use crate::output::Output;
use crate::output::progress::CountProgress;
use crate::state::Seen;

/// Between two lines on the same thing.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// Tells what goes on: a line for each thing, and on a terminal a bar while keys are written.
pub struct StateProgress {
    output: Output,
    said: Mutex<Said>,
}

#[derive(Default)]
struct Said {
    waiting: Option<(Vec<&'static str>, Instant)>,
    bar: Option<CountProgress>,
    /// The phases whose notices were shown: each is, once.
    noticed: Vec<Phase>,
}

impl StateProgress {
    /// Begins to tell.
    pub fn start(output: Output) -> Self {
        Self { output, said: Mutex::default() }
    }

    /// Tells one thing.
    pub fn show(&self, seen: &Seen<'_>) {
        let mut said = lock(&self.said);
        match seen {
            Seen::Torn => self.output.note(
                "the last entry of the journal on disk was only begun: the machine stopped before anything was changed",
            ),
            Seen::Diverged(number) => self.output.note(&format!(
                "the journal on disk and its copy in Redis differ from entry {number} on: somebody steered from another \
                 machine. The copy in Redis is gone on with; the file is kept aside, and its epochs are not used again"
            )),
            Seen::Open(intent, was_made) => {
                let (from, to) = (intent.from, intent.record.phase);
                let was = if *was_made { "was made" } else { "was not made" };
                self.output.note(&format!(
                    "an earlier command ended in the middle of {from} -> {to}: the change {was}"
                ));
            }
            Seen::FellBack(blocker) => self.output.note(&blocker.to_string()),
            Seen::Cleared(keys) => {
                self.output.note(&format!("{keys} keys that the run before had left in Redis were deleted"));
            }
            Seen::Adopted(keys) => self.output.note(&format!(
                "{keys} keys that no instance had in memory were shared out among them: in off only memory counts"
            )),
            Seen::Entering(phase) => {
                if let Some(text) = notice::before(*phase).filter(|_| !said.noticed.contains(phase)) {
                    said.noticed.push(*phase);
                    self.output.note(text);
                }
            }
            Seen::Changed(changed) => {
                (said.waiting, said.bar) = (None, None);
                if let Some(text) = notice::after(changed.from, changed.record.phase) {
                    self.output.note(text);
                }
            }
            Seen::Verifying => self.output.note("verifying: memory is compared with Redis"),
            Seen::Verified(verification) => {
                let outcome = outcome_words(verification.outcome);
                self.output.note(&format!("the verification {outcome}: {}", verification.summary));
            }
            Seen::Waiting(blockers, view) => self.wait(&mut said, blockers, view),
        }
    }

    fn wait(&self, said: &mut Said, blockers: &[Blocker], view: &Surveyed) {
        let is_keys = blockers.iter().all(|blocker| matches!(blocker, Blocker::Owed { .. }));
        if is_keys && self.output.is_interactive() {
            let sum = |of: fn(&state_map::control::Counts) -> u64| -> u64 {
                view.members.values().map(|member| of(&member.report.counts)).sum()
            };
            let (stored, owed) = (sum(|counts| counts.stored), sum(|counts| counts.owed));
            let bar = said.bar.get_or_insert_with(|| CountProgress::start(self.output, "backfill", "keys"));
            return bar.update(stored, stored + owed);
        }
        let kinds: Vec<&'static str> = blockers.iter().map(Blocker::kind).collect();
        let is_said =
            said.waiting.as_ref().is_some_and(|(known, at)| *known == kinds && at.elapsed() < BETWEEN_LINES);
        if !is_said {
            for blocker in blockers {
                self.output.note(&format!("waiting: {blocker}"));
            }
            said.waiting = Some((kinds, Instant::now()));
        }
    }
}
