//! What the progress of a run tells of its measured part: rates over exactly that time.

use std::time::Duration;

use crate::load::Progress;

/// Ends of the window over which users under way are averaged.
const EDGE: f64 = 0.15;
/// Users under way come and go by chance; a change within so many standard deviations is none.
const CHANCE: f64 = 3.0;

/// Looks at a run, several a second.
#[derive(Debug)]
pub struct Window {
    opens: Duration,
    looks: Vec<Look>,
    /// Users under way, added up over all looks, those before the window too.
    active_sum: f64,
    active_looks: u32,
    last: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Look {
    at: f64,
    active: f64,
    begun: f64,
    done: f64,
    errors: f64,
}

impl Window {
    /// A window that opens after the warm-up.
    pub fn new(opens: Duration) -> Self {
        Self { opens, looks: Vec::new(), active_sum: 0.0, active_looks: 0, last: Duration::ZERO }
    }

    /// Takes one look. After the end users only finish what they had begun: that says nothing of the level.
    pub fn see(&mut self, progress: &Progress) {
        if progress.elapsed >= progress.total {
            return;
        }
        self.active_sum += f64::from(progress.active);
        self.active_looks += 1;
        self.last = progress.elapsed;
        if progress.elapsed >= self.opens {
            self.looks.push(Look {
                at: progress.elapsed.as_secs_f64(),
                active: f64::from(progress.active),
                begun: progress.begun as f64,
                done: progress.done as f64,
                errors: progress.errors as f64,
            });
        }
    }

    /// How long it was open.
    pub fn seconds(&self) -> f64 {
        self.span(|look| look.at).max(0.0)
    }

    /// Users under way, on average.
    pub fn active(&self) -> f64 {
        mean(&self.looks)
    }

    /// Exchanges a second.
    pub fn exchanges_per_second(&self) -> f64 {
        self.per_second(self.span(|look| look.done))
    }

    /// Failed exchanges a second.
    pub fn errors_per_second(&self) -> f64 {
        self.per_second(self.span(|look| look.errors))
    }

    /// Arrivals a second that left again: those that came, less those by which more are under way at the end than at
    /// the beginning. So nothing has to be known of how long one takes. The one that falls on the edge counts: at low
    /// rates it would look like a shortfall.
    pub fn completions_per_second(&self) -> f64 {
        let edge = ((self.looks.len() as f64 * EDGE).ceil() as usize).clamp(1, self.looks.len().max(1));
        let first = mean(self.looks.get(..edge).unwrap_or_default());
        let last = mean(self.looks.get(self.looks.len().saturating_sub(edge)..).unwrap_or_default());
        // Between the middles of the two edges; over the whole window it is more by this.
        let widened = 1.0 / (1.0 - EDGE);
        let growth = (last - first) * widened;
        let is_chance = growth.abs() <= CHANCE * self.active().sqrt();
        let growth = if is_chance { 0.0 } else { growth };
        self.per_second((1.0 + self.span(|look| look.begun) - growth).max(0.0))
    }

    /// How long one arrival takes, from users under way since the first of `rate` arrivals a second: they fill up for
    /// that long. Nothing when that is longer than what was seen.
    pub fn iteration_length(&self, rate: f64) -> Option<Duration> {
        let seen = self.last.as_secs_f64();
        let active = self.active_sum / f64::from(self.active_looks.max(1));
        // The mean over the time seen is rate·(T − T²/2·seen) when one takes T.
        let left = seen * seen - 2.0 * seen * active / rate;
        let length = seen - left.max(0.0).sqrt();
        (seen > 0.0 && length < 0.8 * seen).then(|| Duration::from_secs_f64(length.max(0.0)))
    }

    fn span(&self, pick: fn(&Look) -> f64) -> f64 {
        let ends = self.looks.first().zip(self.looks.last());
        ends.map_or(0.0, |(first, last)| pick(last) - pick(first))
    }

    fn per_second(&self, count: f64) -> f64 {
        if self.seconds() > 0.0 { count / self.seconds() } else { 0.0 }
    }
}

fn mean(looks: &[Look]) -> f64 {
    looks.iter().map(|look| look.active).sum::<f64>() / (looks.len() as f64).max(1.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Window;
    use crate::load::Progress;

    /// Looks at `rate` arrivals a second, of which the system finishes at most `limit`, each taking `length`.
    fn window(rate: f64, limit: f64, length: f64, opens: u64) -> Window {
        let mut window = Window::new(Duration::from_secs(opens));
        for tenth in 0..200_u32 {
            let at = f64::from(tenth) / 10.0;
            let begun = rate * at;
            let finished = (rate * (at - length)).max(0.0).min(limit * (at - length).max(0.0));
            window.see(&Progress {
                phase: String::new(),
                elapsed: Duration::from_secs_f64(at),
                total: Duration::from_secs(20),
                active: (begun - finished) as u32,
                begun: begun as u64,
                done: (2.0 * finished) as u64,
                errors: 0,
            });
        }
        window
    }

    #[test]
    fn what_arrives_and_what_leaves_are_told_apart() {
        let keeps_up = window(200.0, 1_000.0, 0.05, 5);
        assert!((keeps_up.completions_per_second() / 200.0 - 1.0).abs() < 0.01);
        assert!((keeps_up.exchanges_per_second() / 400.0 - 1.0).abs() < 0.01);
        let drowns = window(200.0, 150.0, 0.05, 5);
        let part = drowns.completions_per_second() / 200.0;
        assert!((0.74..0.77).contains(&part), "{part}");
    }

    #[test]
    fn a_long_scenario_keeps_up_although_few_are_done_at_once() {
        let long = window(5.0, 1_000.0, 8.0, 10);
        assert!(
            (long.completions_per_second() / 5.0 - 1.0).abs() < 0.02,
            "{}",
            long.completions_per_second()
        );
    }

    #[test]
    fn the_length_of_an_iteration_is_read_off_the_users_under_way() {
        for length in [0.0_f64, 0.5, 4.0, 10.0] {
            let found = window(50.0, 1e6, length, 0).iteration_length(50.0).unwrap().as_secs_f64();
            assert!((found - length).abs() < 0.1 + 0.02 * length, "{found} where {length} is true");
        }
        assert_eq!(window(50.0, 1e6, 19.0, 0).iteration_length(50.0), None);
    }
}
