//! What a page shows of a run while it goes on: the charts of the report, drawn anew, and in the end the report itself.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use super::html::{self, charts};
use crate::config::duration::humanize;
use crate::load::timeline::{Point, Timeline};
use crate::load::{LoadReport, Plan};
use crate::output::page::{self, Fact, Frame, Placed};
use crate::output::table::thousands;
use crate::text::printable;

const TEMPLATE: &str = include_str!("page/live.html");
const SCRIPT: &str = include_str!("page/live.js");

#[derive(Serialize)]
struct Page {
    #[serde(flatten)]
    frame: Frame,
    live: &'static str,
    scenario: String,
    target: String,
}

/// The page without figures. A template that cannot be rendered is a mistake of ours, and is said where it would be.
pub fn page(plan: &Plan) -> Bytes {
    let target = plan.target.origin().ascii_serialization();
    let content = Page {
        frame: Frame::new(),
        live: SCRIPT,
        scenario: printable(&plan.file),
        target: printable(&target),
    };
    page::render(TEMPLATE, content).unwrap_or_else(|error| error.to_string()).into()
}

/// Before the first second is over.
pub fn nothing(plan: &Plan) -> Bytes {
    let facts = [Fact { label: "load will last", value: humanize(plan.load.duration()) }];
    event("message", &json!({"facts": facts, "charts": []}))
}

/// The course so far.
pub fn frame(timeline: &Timeline, duration: Duration) -> Bytes {
    let charts: Vec<Placed> = charts::of_course(timeline).into_iter().map(Placed::from).collect();
    event("message", &json!({"facts": facts(timeline, duration), "charts": charts}))
}

/// The report.
pub fn over(report: &LoadReport) -> io::Result<Bytes> {
    let title = format!("{}: {}", super::verdict_words(report).0, printable(&report.scenario));
    Ok(event("over", &json!({"title": title, "html": html::render(report)?})))
}

fn facts(timeline: &Timeline, duration: Duration) -> Vec<Fact> {
    let step = timeline.step_seconds;
    let sum = |pick: fn(&Point) -> u64| timeline.points.iter().map(pick).sum::<u64>();
    let (done, errors) = (sum(|point| point.count), sum(|point| point.errors));
    let fact = |label, value| Fact { label, value };
    let Some(last) = timeline.points.last() else { return Vec::new() };
    let elapsed = Duration::from_secs((last.at + step).into()).min(duration);
    let time = |pick: fn(crate::load::timeline::PointTimes) -> u64| {
        last.response.map_or("-".to_owned(), |times| super::micros(pick(times)))
    };
    vec![
        fact("time", format!("{} of {}", humanize(elapsed), humanize(duration))),
        fact("users at work", thousands(last.active.into())),
        fact("exchanges", thousands(done)),
        fact("a second, now", thousands(last.count / u64::from(step.max(1)))),
        fact("failed", super::percent(errors, done)),
        fact("p50, now", time(|times| times.p50)),
        fact("p95, now", time(|times| times.p95)),
        fact("p99, now", time(|times| times.p99)),
    ]
}

/// JSON has no line ends of its own, and is one line of an event.
fn event(name: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("event: {name}\ndata: {data}\n\n").into()
}
