//! Named courses of load: what a phase with `shape`, or `--shape` on the command line, stands for.

use std::time::Duration;

use crate::config::duration::Span;
use crate::load::scenario::model::{Pattern, Phase};

/// One piece of a course: name, part of the time in percent, level at its start and at its end in percent.
type Piece = (&'static str, u32, f64, f64);

const SMOKE: &[Piece] = &[("smoke", 100, 100.0, 100.0)];
const LOAD: &[Piece] =
    &[("ramp-up", 20, 0.0, 100.0), ("hold", 70, 100.0, 100.0), ("ramp-down", 10, 100.0, 0.0)];
const STRESS: &[Piece] = &[
    ("ramp-up", 10, 0.0, 25.0),
    ("quarter", 15, 25.0, 25.0),
    ("half", 20, 50.0, 50.0),
    ("three-quarters", 20, 75.0, 75.0),
    ("full", 25, 100.0, 100.0),
    ("ramp-down", 10, 100.0, 0.0),
];
const SPIKE: &[Piece] = &[
    ("before", 30, 10.0, 10.0),
    ("rise", 2, 10.0, 100.0),
    ("spike", 18, 100.0, 100.0),
    ("after", 50, 10.0, 10.0),
];
const SOAK: &[Piece] = &[("ramp-up", 5, 0.0, 100.0), ("soak", 95, 100.0, 100.0)];

/// The phases that `phase` stands for; itself, when it has no shape.
pub fn expand(phase: &Phase) -> Vec<Phase> {
    let (Some(pattern), Some(duration)) = (phase.shape, phase.duration) else { return vec![phase.clone()] };
    let pieces = match pattern {
        Pattern::Smoke => SMOKE,
        Pattern::Load => LOAD,
        Pattern::Stress => STRESS,
        Pattern::Spike => SPIKE,
        Pattern::Soak => SOAK,
    };
    pieces.iter().map(|piece| part(phase, duration.0, piece)).collect()
}

fn part(phase: &Phase, whole: Duration, (name, time, from, to): &Piece) -> Phase {
    let level = phase.users.map(f64::from).or(phase.arrival_rate).unwrap_or_default();
    let at = |percent: f64| level * percent / 100.0;
    // A level that is not nothing is at least one user.
    let users = |percent: f64| if percent > 0.0 { at(percent).max(1.0).round() } else { 0.0 };
    let is_closed = phase.users.is_some();
    Phase {
        name: Some((*name).to_owned()),
        duration: Some(Span(whole * *time / 100)),
        users: is_closed.then(|| users(*from) as u32),
        arrival_rate: (!is_closed).then(|| at(*from)),
        ramp_to: (from != to).then(|| if is_closed { users(*to) } else { at(*to) }),
        max_vusers: phase.max_vusers,
        ..Phase::default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LOAD, SMOKE, SOAK, SPIKE, STRESS, expand};
    use crate::config::duration::Span;
    use crate::load::scenario::model::{Pattern, Phase};

    #[test]
    fn every_course_fills_its_time() {
        for pieces in [SMOKE, LOAD, STRESS, SPIKE, SOAK] {
            assert_eq!(pieces.iter().map(|(_, time, ..)| time).sum::<u32>(), 100, "{pieces:?}");
        }
    }

    #[test]
    fn a_spike_is_ten_times_what_is_before_and_after_it() {
        let phase = Phase {
            shape: Some(Pattern::Spike),
            duration: Some(Span(Duration::from_secs(100))),
            users: Some(500),
            ..Phase::default()
        };
        let seen: Vec<_> = expand(&phase)
            .into_iter()
            .map(|part| (part.name.unwrap(), part.duration.unwrap().0.as_secs(), part.users, part.ramp_to))
            .collect();
        let expected = [
            ("before".to_owned(), 30, Some(50), None),
            ("rise".to_owned(), 2, Some(50), Some(500.0)),
            ("spike".to_owned(), 18, Some(500), None),
            ("after".to_owned(), 50, Some(50), None),
        ];
        assert_eq!(seen, expected);
    }
}
