//! Verifications of state, for people.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::config::duration::humanize;
use crate::output::indexes::plan::bytes;
use crate::output::table::{table, thousands};
use crate::output::{Output, style};
use crate::state::verify::Progress;
use crate::state::verify::class::Weight;
use crate::state::verify::report::{InvariantReport, Mode, Sample, SideReport, Verdict, VerifyReport};
use crate::text::one_line;

/// Digits of a hash that people need to tell two apart.
const HASH_DIGITS: usize = 12;

/// What was compared, what differs, and what it comes to.
pub fn render(report: &VerifyReport) -> String {
    let against = match report.mode {
        Mode::MemoryAndRedis => "memory of the instances against Redis",
        Mode::RedisAlone => "Redis against its own records",
    };
    let mut text = format!("{}, phase {}: {against}\n", one_line(&report.target), report.phase);
    text += &maps(report);
    text += &instances(report);
    for (class, count) in &report.classes {
        let name = match class.weight() {
            Weight::Bad => style::bad(class.name()),
            Weight::Open => style::look(class.name()),
            Weight::Told => style::dim(class.name()),
        };
        text += &format!("{name}: {} keys\n", thousands(*count));
    }
    for sample in &report.samples {
        text += &shown(sample);
    }
    text += &report.invariants.iter().map(invariant).collect::<String>();
    if let Some(found) = &report.baseline {
        let (keys, back, absent) = (thousands(found.keys), found.went_back, found.absent);
        text += &format!("baseline: {keys} keys, {back} went back, {absent} are not there any more\n");
    }
    for note in &report.notes {
        text += &format!("{}: {}\n", style::dim("note"), one_line(note));
    }
    text + "\n" + &summary(report)
}

fn maps(report: &VerifyReport) -> String {
    let rows: Vec<Vec<String>> = report
        .coverage
        .maps
        .iter()
        .map(|map| {
            let numbers =
                [map.in_memory, map.in_redis, map.compared, map.unowned, map.tombstones, map.expiring];
            let numbers = numbers.map(thousands);
            [vec![one_line(&map.name)], numbers.to_vec(), vec![bytes(map.bytes)]].concat()
        })
        .collect();
    let header = ["map", "in memory", "in Redis", "compared", "unowned", "tombstones", "expiring", "bytes"];
    titled(&header, 1, rows)
}

fn instances(report: &VerifyReport) -> String {
    let rows: Vec<Vec<String>> = report
        .instances
        .iter()
        .map(|instance| {
            let answered = if instance.answered { style::well("answered") } else { style::look("silent") };
            let serving = instance.serving.clone().unwrap_or_else(|| "-".to_owned());
            let counts = [instance.keys, instance.highest_seq].map(thousands);
            [vec![one_line(&instance.name), answered, one_line(&serving)], counts.to_vec()].concat()
        })
        .collect();
    let text = titled(&["instance", "", "serving", "keys", "highest write"], 3, rows);
    if text.is_empty() { text } else { text + "\n" }
}

fn titled(header: &[&str], numbers_from: usize, rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() { String::new() } else { format!("\n{}", table(header, numbers_from, rows)) }
}

fn shown(sample: &Sample) -> String {
    let class = sample.class.name();
    let mut text = format!("  {class}: {}", one_line(&sample.key));
    if let Some(detail) = &sample.detail {
        text += &format!("; {}", one_line(detail));
    }
    text += "\n";
    for (name, side) in [("memory", &sample.memory), ("Redis", &sample.redis)] {
        if sample.memory.is_some() || sample.redis.is_some() {
            text += &format!("    {name}: {}\n", side.as_ref().map_or_else(|| "nothing".to_owned(), whole));
        }
    }
    text
}

fn whole(side: &SideReport) -> String {
    let value = match (&side.value, &side.value_hash) {
        (Some(value), _) => format!("value {value}"),
        (None, Some(hash)) => format!("value #{}", &hash[..HASH_DIGITS.min(hash.len())]),
        (None, None) => "no value".to_owned(),
    };
    let expiry = match side.expires_ms {
        0 => String::new(),
        at => format!(", expires at {at} ms"),
    };
    one_line(&format!("write {}, {value}{expiry}", side.seq))
}

fn invariant(report: &InvariantReport) -> String {
    let rule = one_line(&report.rule);
    match (report.applies, report.broken) {
        (false, _) => format!("{}: {rule}: these maps are not there\n", style::dim("invariant")),
        (true, 0) => format!("invariant: {rule}: holds for {} keys\n", thousands(report.checked)),
        (true, broken) => {
            let text = format!("broken for {} of {} keys", thousands(broken), thousands(report.checked));
            format!("invariant: {rule}: {}\n", style::bad(&text))
        }
    }
}

fn summary(report: &VerifyReport) -> String {
    let coverage = &report.coverage;
    let compared = format!(
        "{} of {} keys compared, {} settled, {} in {}",
        thousands(coverage.compared),
        thousands(coverage.keys),
        thousands(coverage.settled),
        bytes(coverage.bytes),
        humanize(Duration::from_millis(report.took_ms))
    );
    let rounds =
        if report.rounds > 1 { format!(", {} rounds", thousands(report.rounds)) } else { String::new() };
    let mut text = format!("{}: {compared}{rounds}\n", title(report.verdict));
    for reason in &report.reasons {
        text += &format!("{}: {}\n", style::look("not proved"), one_line(reason));
    }
    if report.verdict == Verdict::Pass {
        text += &format!("verified past {} ms of Redis' clock\n", report.verified_past_ms);
    }
    text
}

fn title(verdict: Verdict) -> String {
    match verdict {
        Verdict::Pass => style::well("PASS"),
        Verdict::Inconclusive => style::look("INCONCLUSIVE"),
        Verdict::Fail => style::bad("FAIL"),
    }
}

/// One round of many, on a line.
pub fn line(round: u64, report: &VerifyReport) -> String {
    let classes: Vec<String> = report
        .classes
        .iter()
        .map(|(class, count)| format!("{} {}", thousands(*count), class.name()))
        .collect();
    let found = if classes.is_empty() { "nothing differs".to_owned() } else { classes.join(", ") };
    let (compared, keys) = (thousands(report.coverage.compared), thousands(report.coverage.keys));
    let took = humanize(Duration::from_millis(report.took_ms));
    let verdict = match report.verdict {
        Verdict::Pass => "pass",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Fail => "fail",
    };
    format!("round {round}: {verdict}, {compared} of {keys} keys in {took}, {found}")
}

/// How far a verification is: a bar, on a terminal only.
#[derive(Debug)]
pub struct VerifyProgress {
    bar: Option<ProgressBar>,
    begun: Instant,
}

impl VerifyProgress {
    /// Begins.
    pub fn start(output: Output) -> Self {
        let bar = output.is_interactive().then(|| {
            // The template is a constant; were it wrong, the default style would do.
            let style = ProgressStyle::with_template("{prefix:.bold} [{bar:24}] {msg}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
            ProgressBar::new(1_000).with_style(style).with_prefix("verify")
        });
        Self { bar, begun: Instant::now() }
    }

    /// Shows how far it is.
    pub fn show(&self, progress: Progress) {
        let Some(bar) = &self.bar else { return };
        match progress {
            Progress::Reading { keys, bytes: read, names, gone_over } => {
                let seconds = self.begun.elapsed().as_secs_f64().max(1e-3);
                let left = names.saturating_sub(gone_over) as f64 * seconds / gone_over.max(1) as f64;
                bar.set_position(gone_over * 1_000 / names.max(1));
                bar.set_message(format!(
                    "{} keys, {:.0} keys/s, {}/s, {} left",
                    thousands(keys),
                    keys as f64 / seconds,
                    bytes((read as f64 / seconds) as u64),
                    humanize(Duration::from_secs(left as u64))
                ));
            }
            Progress::Settling { keys } => {
                bar.set_position(1_000);
                bar.set_message(format!("{} keys are looked at again", thousands(keys as u64)));
            }
        }
    }
}

impl Drop for VerifyProgress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
