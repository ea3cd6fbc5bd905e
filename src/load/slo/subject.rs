//! What a threshold is about: rows of the report, chosen by name, by tag, or by what they speak.

use super::{Measure, Slo};
use crate::config::suggest::did_you_mean;
use crate::load::scenario::model::Engine;
use crate::load::scenario::plan::{MetricDef, MetricKind};

/// Which rows a threshold sums up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// All exchanges, or all fan-outs where it measures those.
    All,
    /// One row.
    Row(usize),
    /// The rows that carry a tag with this value.
    Tag(String, String),
    /// Requests and their answers.
    Http,
    /// What is asked and answered on sockets.
    Sockets,
}

impl Slo {
    /// The rows that it is about, among those of the report and one more for steps that could not be begun.
    ///
    /// Whoever waits in vain for an event has met an error, though no time of the system's was measured: without a row of
    /// its own, `errors` counts waits too.
    pub fn rows(&self, metrics: &[MetricDef]) -> Vec<usize> {
        let all = |is_meant: &dyn Fn(&MetricDef) -> bool| -> Vec<usize> {
            metrics.iter().enumerate().filter(|(_, metric)| is_meant(metric)).map(|(row, _)| row).collect()
        };
        let counts = |metric: &MetricDef| match self.measure {
            Measure::Errors => !matches!(metric.kind, MetricKind::Delivery | MetricKind::Setup),
            measure if measure.is_of_fanout() => metric.kind == MetricKind::Delivery,
            _ => metric.kind.is_exchange(),
        };
        match &self.subject {
            Subject::Row(row) => vec![*row],
            Subject::All => all(&counts).into_iter().chain([metrics.len()]).collect(),
            Subject::Http => all(&|metric| counts(metric) && metric.speaks == Engine::Http),
            Subject::Sockets => all(&|metric| counts(metric) && metric.speaks != Engine::Http),
            Subject::Tag(name, value) => {
                let carries = |metric: &MetricDef| metric.tags.get(name) == Some(value);
                let rows = all(&|metric| counts(metric) && carries(metric));
                // A tag on nothing but waits or deliveries means those.
                if rows.is_empty() { all(&carries) } else { rows }
            }
        }
    }

    /// Why there is nothing that it could be about, with the repair.
    pub fn idle(&self, metrics: &[MetricDef], fanouts: &[usize]) -> Option<(String, Option<String>)> {
        if self.measure == Measure::Steady {
            let is_socketio = metrics.iter().any(|metric| metric.speaks == Engine::Socketio);
            let message = match (is_socketio, &self.subject) {
                (false, _) => {
                    "`steady` is about Socket.IO connections, and no scenario has `engine: socketio`"
                }
                (true, Subject::All) => return None,
                (true, _) => "`steady` is about all connections; leave `of` out",
            };
            return Some((message.to_owned(), None));
        }
        let rows = self.rows(metrics);
        if self.measure.is_of_fanout() {
            let is_fanout = rows.iter().any(|row| fanouts.contains(row));
            let message =
                format!("`{}` is measured by `fanout` steps, and this is about none", self.measure.word());
            return (!is_fanout).then_some((message, None));
        }
        if !rows.is_empty() {
            return None;
        }
        Some(match &self.subject {
            Subject::Tag(name, value) => unknown_tag(name, value, metrics),
            Subject::Http => ("no step of this file sends an HTTP request".to_owned(), None),
            Subject::Sockets => ("no step of this file asks anything on a socket".to_owned(), None),
            Subject::All | Subject::Row(_) => return None,
        })
    }
}

fn unknown_tag(name: &str, value: &str, metrics: &[MetricDef]) -> (String, Option<String>) {
    let tags = metrics.iter().flat_map(|metric| &metric.tags);
    let mut known: Vec<String> = tags.map(|(name, value)| format!("{name}={value}")).collect();
    known.sort_unstable();
    known.dedup();
    let help = did_you_mean(&format!("{name}={value}"), known.iter().map(String::as_str));
    let help =
        help.or_else(|| (!known.is_empty()).then(|| format!("the tags of this file: {}", known.join(", "))));
    (format!("no step carries the tag `{name}={value}`"), help)
}

#[cfg(test)]
mod tests {
    use crate::load::scenario::model::Engine;
    use crate::load::scenario::plan::{MetricDef, MetricKind};
    use crate::load::slo::Slo;

    fn metrics() -> Vec<MetricDef> {
        let row = |name: &str, kind, speaks, area: &str| {
            let tags = [("area".to_owned(), area.to_owned())].into();
            MetricDef { speaks, tags, ..MetricDef::of_http(name, kind) }
        };
        vec![
            row("GET /", MetricKind::Exchange, Engine::Http, "shop"),
            row("emit buy", MetricKind::Exchange, Engine::Socketio, "shop"),
            row("receive sold", MetricKind::Wait, Engine::Socketio, "news"),
            row("fanout sold", MetricKind::Delivery, Engine::Socketio, "news"),
            row("send", MetricKind::Sent, Engine::Ws, "other"),
        ]
    }

    fn rows(text: &str) -> Vec<usize> {
        Slo::parse(text, &["GET /", "emit buy", "receive sold", "fanout sold", "send"])
            .unwrap()
            .rows(&metrics())
    }

    #[test]
    fn rows_are_chosen_by_tag_and_by_what_they_speak() {
        assert_eq!(rows("p95 < 1s"), [0, 1, 4, 5]);
        assert_eq!(rows("p95 of tag area=shop < 1s"), [0, 1]);
        assert_eq!(rows("p95 of tag area=news < 1s"), [2, 3], "nothing else carries it");
        assert_eq!(rows("errors of tag area=\"news\" < 1%"), [2]);
        assert_eq!(rows("p95 of http < 1s"), [0]);
        assert_eq!(
            (rows("p95 of sockets < 1s"), rows("errors of sockets < 1%")),
            (vec![1, 4], vec![1, 2, 4])
        );
        assert_eq!(rows("loss < 1%"), [3, 5]);
    }

    #[test]
    fn a_threshold_about_nothing_is_told() {
        let idle = |text: &str| {
            let names = ["GET /", "emit buy", "receive sold", "fanout sold", "send"];
            Slo::parse(text, &names).unwrap().idle(&metrics(), &[3])
        };
        assert_eq!(idle("p95 of tag area=shop < 1s"), None);
        let (message, help) = idle("p95 of tag area=shp < 1s").unwrap();
        assert_eq!(message, "no step carries the tag `area=shp`");
        assert_eq!(help.as_deref(), Some("did you mean `area=shop`?"));
        assert_eq!(idle("loss of fanout sold < 1%"), None);
        assert_eq!(idle("steady < 30s"), None);
        let steady = Slo::parse("steady < 30s", &["GET /"]).unwrap();
        let (message, _) = steady.idle(&metrics()[..1], &[]).unwrap();
        assert_eq!(
            message,
            "`steady` is about Socket.IO connections, and no scenario has `engine: socketio`"
        );
        let (message, _) = idle("loss of \"GET /\" < 1%").unwrap();
        assert_eq!(message, "`loss` is measured by `fanout` steps, and this is about none");
    }
}
