//! Where a migration is, in Prometheus' text format: for the textfile collector, or a scrape by a script.

use std::fmt::Write;

use state_map::Phase;

use crate::state::status::{InstanceReport, StatusReport};

/// All metrics.
pub fn render(report: &StatusReport) -> String {
    let mut text = Text::default();
    let migration = [("namespace", report.namespace.as_str())];
    text.begin("phase", "gauge", "1 for the phase of the control record.");
    for phase in Phase::ALL {
        let labels = [migration[0], ("phase", phase.name())];
        text.sample("phase", &labels, u64::from(phase.name() == report.phase));
    }
    text.one("epoch", "gauge", "Epoch of the control record.", &migration, report.epoch);
    text.one(
        "conflicts",
        "gauge",
        "Keys with two values that nobody has decided on.",
        &migration,
        report.conflicts,
    );
    let replicas = u64::from(report.replicas_connected);
    text.one("replicas_connected", "gauge", "Replicas of the Redis that steers.", &migration, replicas);
    if let Some(next) = &report.next {
        let labels = [migration[0], ("to", next.to)];
        text.one(
            "gate_open",
            "gauge",
            "1 when nothing keeps the next step from being taken.",
            &labels,
            next.open.into(),
        );
        text.one(
            "gate_blockers",
            "gauge",
            "What keeps the next step from being taken.",
            &labels,
            next.blockers.len() as u64,
        );
    }
    for (name, kind, help, value) in INSTANCE_METRICS {
        text.begin(name, kind, help);
        for instance in &report.instances {
            text.sample(name, &[migration[0], ("instance", &instance.name)], value(instance));
        }
    }
    text.0
}

/// Name, kind, help and value of what each instance tells.
type Metric = (&'static str, &'static str, &'static str, fn(&InstanceReport) -> u64);

const INSTANCE_METRICS: [Metric; 13] = [
    ("instance_acknowledged", "gauge", "1 when the instance has acknowledged the phase.", |i| {
        i.acknowledged.into()
    }),
    ("instance_silent", "gauge", "1 when the lease of the instance is over.", |i| i.silent.into()),
    ("instance_seen_milliseconds", "gauge", "Time since the instance was last heard of.", |i| i.seen_ms_ago),
    ("keys_held", "gauge", "Keys with a value in memory.", |i| i.counts.held),
    ("keys_owned", "gauge", "Keys that the instance owns.", |i| i.counts.owned),
    ("keys_stored", "gauge", "Owned keys of which Redis has the newest version.", |i| i.counts.stored),
    ("keys_owed", "gauge", "Keys that Redis has to be told of.", |i| i.counts.owed),
    ("clean_rounds", "gauge", "Clean rounds of compares in a row.", |i| i.clean_rounds),
    ("compared_total", "counter", "Sampled compares.", |i| i.counts.compared),
    ("differences_total", "counter", "Compares that differed and did not settle.", |i| {
        i.counts.differences.unsettled
    }),
    ("writes_total", "counter", "Writes that Redis has accepted.", |i| i.counts.writes),
    ("bytes_total", "counter", "Bytes written to Redis.", |i| i.counts.bytes),
    ("unavailable_total", "counter", "Requests refused for want of Redis.", |i| i.counts.unavailable),
];

#[derive(Default)]
struct Text(String);

impl Text {
    fn one(&mut self, name: &str, kind: &str, help: &str, labels: &[(&str, &str)], value: u64) {
        self.begin(name, kind, help);
        self.sample(name, labels, value);
    }

    fn begin(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "# HELP scalectl_state_{name} {help}\n# TYPE scalectl_state_{name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let labels: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escape(value))).collect();
        let _ = writeln!(self.0, "scalectl_state_{name}{{{}}} {value}", labels.join(","));
    }
}

fn escape(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn labels_are_escaped() {
        let mut text = Text::default();
        text.one("epoch", "gauge", "Help.", &[("instance", "a\"b\\c\nd")], 7);
        assert_eq!(
            text.0,
            "# HELP scalectl_state_epoch Help.\n# TYPE scalectl_state_epoch gauge\n\
             scalectl_state_epoch{instance=\"a\\\"b\\\\c\\nd\"} 7\n"
        );
    }
}
