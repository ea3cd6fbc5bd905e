//! What a run says of a server that regularly stands still, beside what is true of it by calculation.
//!
//! Of two kinds of load the truth is known without another tool. Arrivals at a steady rate find the stall at evenly
//! spread moments. So do users that began evenly spread over one round of theirs and always think equally long; each
//! of them meets a stall that is longer than its round exactly once, and sends nothing more while it waits.

use std::time::Duration;

use scalectl::Exit;
use serde_json::Value;

use crate::support::Scalectl;
use crate::support::faults::StallingServer;

const PERIOD: Duration = Duration::from_secs(10);
const STALL: Duration = Duration::from_secs(1);
/// How far a percentile may be from the truth, as a share of it.
const TOLERANCE: f64 = 0.05;
/// A machine that has other things to do adds to what is measured; it takes nothing away.
const ATTEMPTS: usize = 3;

/// The waits that a stall gives, the longest first: that long, and each this much shorter than the one before.
struct Waits {
    longest: f64,
    step: f64,
}

impl Waits {
    /// The percentiles 95 and 99 and the maximum of `count` exchanges, in seconds. The rest takes no time.
    fn truth(&self, count: f64) -> [f64; 3] {
        [0.05, 0.01, 0.0].map(|above| self.longest - self.step * count * above)
    }
}

/// Runs until a run is as true as asked for.
fn assert_true(flow: &str, args: &[&str], waits: &Waits) {
    let mut missed = Vec::new();
    for _ in 0..ATTEMPTS {
        // Its clock starts now: a run of a little more than its period meets one stall, and no part of another.
        let server = StallingServer::start(PERIOD, STALL);
        let file = format!("config: {{target: \"{}\"}}\nscenarios:\n  - flow:\n{flow}", server.url());
        let run =
            ["loadtest", "run", "test.yaml", "--output", "json"].into_iter().chain(args.iter().copied());
        let report = Scalectl::new(run).file("test.yaml", &file).run().code(Exit::Done).json();
        let row = &report["rows"][0];
        let count = row["count"].as_f64().unwrap();
        let measured = ["p95", "p99", "max"].map(|name| seconds(&row["response"][name]));
        let truth = waits.truth(count);
        if measured.iter().zip(truth).all(|(measured, truth)| (measured / truth - 1.0).abs() <= TOLERANCE) {
            return;
        }
        missed.push((count, measured, truth));
    }
    panic!("count, measured and true p95, p99 and max: {missed:?}");
}

fn seconds(micros: &Value) -> f64 {
    micros.as_f64().unwrap() / 1e6
}

/// Whoever counts from when a request was sent, with a pool that is waiting, sees a few milliseconds at p99.
#[test]
fn arrivals_at_a_steady_rate_on_a_server_that_stalls() {
    const RATE: f64 = 200.0;
    let waits = Waits { longest: STALL.as_secs_f64(), step: 1.0 / RATE };
    let args = ["--arrival-rate", "200", "--duration", "10s"];
    assert_true("      - get: /\n", &args, &waits);
}

/// As many slow exchanges as users, however many they make in all.
#[test]
fn users_that_start_over_on_a_server_that_stalls() {
    const USERS: f64 = 180.0;
    const ROUND: f64 = 0.9;
    let waits = Waits { longest: STALL.as_secs_f64(), step: ROUND / USERS };
    let args = ["--users", "180", "--ramp", "900ms", "--duration", "10500ms"];
    assert_true("      - get: /\n      - think: 900ms\n", &args, &waits);
}
