//! The curve of a search, drawn with characters: goodput as a bar for each level, response times beside it.

use std::collections::BTreeMap;

use super::level;
use crate::load::capacity::report::{SearchReport, StepReport};
use crate::load::capacity::step::Verdict;
use crate::output::style;

const WIDTH: usize = 40;
/// Eighths of a column.
const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// One line for each level that was measured, the lowest first; of several steps at a level the last.
pub fn draw(search: &SearchReport) -> String {
    let valid = search.steps.iter().filter(|step| step.verdict != Verdict::Invalid);
    let levels: BTreeMap<u64, &StepReport> = valid.map(|step| (step.level.to_bits(), step)).collect();
    let most = levels.values().map(|step| step.goodput).fold(0.0, f64::max);
    if most <= 0.0 {
        return String::new();
    }
    let peak = search.peak.as_ref().map(|peak| peak.level);
    levels.values().map(|step| line(step, most, peak == Some(step.level))).collect()
}

fn line(step: &StepReport, most: f64, is_peak: bool) -> String {
    let p95 = step.response.map_or("-".to_owned(), |times| super::micros(times.p95));
    let mark = match (is_peak, step.verdict) {
        (true, _) => style::well("peak"),
        (_, Verdict::Passed) => String::new(),
        _ if step.is_breaking => style::bad("breaks"),
        _ => style::look("fails"),
    };
    let shown = format!(
        "{:>9}  {}  {:>9}  p95 {p95:>7}  {mark}",
        level(step.level),
        block(step.goodput / most),
        level(step.goodput)
    );
    format!("{}\n", shown.trim_end())
}

/// A bar of fixed width, filled to a part between 0 and 1.
fn block(part: f64) -> String {
    let eighths = (part.clamp(0.0, 1.0) * (WIDTH * 8) as f64).round() as usize;
    let bar = format!("{}{}", "█".repeat(eighths / 8), PARTS[eighths % 8]);
    format!("{bar}{}", " ".repeat(WIDTH - bar.chars().count()))
}

#[cfg(test)]
mod tests {
    use super::{WIDTH, block};

    #[test]
    fn bars_have_one_width_and_the_length_of_their_part() {
        assert_eq!(block(0.5), format!("{}{}", "█".repeat(20), " ".repeat(20)));
        assert_eq!(block(1.0 / 320.0).trim_end(), "▏");
        for part in [0.0, 0.013, 0.99, 1.0, 2.0] {
            assert_eq!(block(part).chars().count(), WIDTH);
        }
    }
}
