//! An access log as weighted scenarios: one for each route, as often as it was asked for, at the rate of the log.
//!
//! The log is read line by line and may be as long as it likes; what is kept of it is bounded.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde_json::{Map, Value, json};
use url::Url;

use super::draft::{Draft, is_secret, is_sendable, literal, number, variable_name};
use super::log_line::{LogLine, parse};
use super::route::{is_asset, is_id};
use super::{ImportError, ImportReport, PLACEHOLDER, report};

/// Routes that are told apart; what comes after is counted.
const MOST_ROUTES: usize = 2_000;
/// Routes that the scenario has: the most frequent ones.
const MOST_SCENARIOS: usize = 50;
/// Examples of one variable.
const MOST_EXAMPLES: usize = 100;
const LONGEST_LINE: u64 = 64 << 10;
/// Where no log says a target.
const USUAL_TARGET: &str = "http://127.0.0.1:8080";

/// What to take from a log.
#[derive(Debug, Clone, Default)]
pub struct LogOptions {
    /// Base URL of the scenario; a log does not name it.
    pub target: Option<Url>,
    /// Whether images, scripts, styles and fonts are taken too.
    pub with_assets: bool,
}

#[derive(Debug, Default)]
struct Traffic {
    routes: HashMap<(String, String), Route>,
    lines: u64,
    unread: u64,
    assets: u64,
    failed: u64,
    with_body: BTreeMap<String, u64>,
    beyond: u64,
    first: Option<f64>,
    last: Option<f64>,
    kept: u64,
}

#[derive(Debug, Default)]
struct Route {
    count: u64,
    /// Examples of each segment that is an id.
    ids: Vec<Vec<String>>,
    queries: Vec<String>,
}

/// Reads a log.
pub fn import(path: &Path, options: &LogOptions) -> Result<ImportReport, ImportError> {
    let file = File::open(path).map_err(|error| ImportError::unreadable(path, &error))?;
    import_lines(path, BufReader::new(file), options)
}

/// The same of lines that come from anywhere.
pub fn import_lines(
    path: &Path,
    lines: impl BufRead,
    options: &LogOptions,
) -> Result<ImportReport, ImportError> {
    let mut traffic = Traffic::default();
    let mut lines = lines;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut lines).take(LONGEST_LINE).read_until(b'\n', &mut line);
        match read {
            Ok(0) => break,
            Ok(_) => traffic.take(&String::from_utf8_lossy(&line), options.with_assets),
            Err(error) => return Err(ImportError::unreadable(path, &error)),
        }
    }
    if traffic.kept == 0 {
        let reason = "no line is a request that can be made again; nginx's and Apache's common and combined formats and JSON lines are read";
        return Err(ImportError::nothing(path, reason));
    }
    let (found, kept) = (traffic.lines, traffic.kept);
    Ok(report(path, found, kept, traffic.draft(options)))
}

impl Traffic {
    fn take(&mut self, line: &str, with_assets: bool) {
        if line.trim().is_empty() {
            return;
        }
        self.lines += 1;
        let Some(line) = parse(line).filter(|line| is_sendable(&line.path)) else {
            self.unread += 1;
            return;
        };
        let path = line.path.split(['?', '#']).next().unwrap_or_default().to_owned();
        if is_asset(&path) && !with_assets {
            self.assets += 1;
        } else if line.status.is_some_and(|status| status >= 400) {
            self.failed += 1;
        } else if matches!(line.method.as_str(), "GET" | "HEAD") {
            self.count(&line, &path);
        } else {
            let known = self.with_body.len() < MOST_ROUTES;
            let route = format!("{} {}", line.method, route_of(&path).0);
            if known || self.with_body.contains_key(&route) {
                *self.with_body.entry(route).or_insert(0) += 1;
            }
        }
    }

    fn count(&mut self, line: &LogLine, path: &str) {
        if let Some(time) = line.time {
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = Some(self.last.map_or(time, |last| last.max(time)));
        }
        let (name, ids) = route_of(path);
        let key = (line.method.clone(), name);
        if !self.routes.contains_key(&key) && self.routes.len() >= MOST_ROUTES {
            self.beyond += 1;
            return;
        }
        self.kept += 1;
        let route = self.routes.entry(key).or_default();
        route.count += 1;
        route.ids.resize(ids.len(), Vec::new());
        for (known, id) in route.ids.iter_mut().zip(ids) {
            keep(known, id);
        }
        if let Some((_, query)) = line.path.split_once('?') {
            keep(&mut route.queries, without_secrets(query));
        }
    }

    fn draft(self, options: &LogOptions) -> Draft {
        let target = options.target.as_ref().map(|url| url.origin().ascii_serialization());
        let mut draft =
            Draft { target: target.clone().unwrap_or(USUAL_TARGET.to_owned()), ..Draft::default() };
        if target.is_none() {
            draft
                .notes
                .push(format!("a log names no target: {USUAL_TARGET} stands for it; --target names another"));
        }
        let seconds = self.last.unwrap_or(0.0) - self.first.unwrap_or(0.0);
        let rate = if seconds > 0.0 { self.kept as f64 / seconds } else { 1.0 };
        let rate = ((rate * 100.0).round() / 100.0).clamp(0.01, 1_000_000.0);
        draft.phase = json!({"name": "as logged", "duration": "1m", "arrivalRate": number(rate)});
        draft.notes.push(match seconds > 0.0 {
            true => format!("{} requests in {seconds:.0} s: {rate} a second", self.kept),
            false => "the lines tell no time apart: the rate has to be filled in".to_owned(),
        });
        let mut routes: Vec<_> = self.routes.into_iter().collect();
        routes.sort_by(|(a, left), (b, right)| right.count.cmp(&left.count).then_with(|| a.cmp(b)));
        let rare: u64 = routes.iter().skip(MOST_SCENARIOS).map(|(_, route)| route.count).sum();
        for ((method, name), route) in routes.into_iter().take(MOST_SCENARIOS) {
            let scenario = scenario(&method, &name, route, &mut draft.variables);
            draft.scenarios.push(scenario);
        }
        let left_out = [
            (self.unread, "lines are of no kind that is known"),
            (self.assets, "images, scripts, styles and fonts are left out; --with-assets takes them"),
            (self.failed, "requests that failed are left out"),
            (rare + self.beyond, "requests of rare routes are left out"),
        ];
        for (count, what) in left_out.iter().filter(|(count, _)| *count > 0) {
            draft.notes.push(format!("{count} {what}"));
        }
        let mut with_body: Vec<_> = self.with_body.into_iter().collect();
        with_body.sort_by(|(a, left), (b, right)| right.cmp(left).then_with(|| a.cmp(b)));
        for (route, count) in with_body.iter().take(5) {
            draft.notes.push(format!("{count} times {route} is left out: a log does not hold what was sent"));
        }
        draft
    }
}

/// The route of a path, ids as `:id`, and the ids.
fn route_of(path: &str) -> (String, Vec<String>) {
    let mut ids = Vec::new();
    let segments = path.split('/').map(|segment| match is_id(segment) {
        true => {
            ids.push(segment.to_owned());
            ":id"
        }
        false => segment,
    });
    (segments.collect::<Vec<_>>().join("/"), ids)
}

fn keep(examples: &mut Vec<String>, value: String) {
    if examples.len() < MOST_EXAMPLES && !examples.contains(&value) {
        examples.push(value);
    }
}

fn without_secrets(query: &str) -> String {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={PLACEHOLDER}"),
        _ => pair.to_owned(),
    };
    query.split('&').map(pair).collect::<Vec<_>>().join("&")
}

fn scenario(method: &str, name: &str, route: Route, variables: &mut Map<String, Value>) -> Value {
    let Route { count, ids, queries } = route;
    let mut url = String::new();
    let (mut previous, mut ids) = ("", ids.into_iter());
    for (index, segment) in name.split('/').enumerate() {
        if index > 0 {
            url.push('/');
        }
        match segment {
            ":id" => {
                let examples = ids.next().unwrap_or_default();
                url += &variable(variables, &format!("{previous}_id"), examples);
            }
            plain => {
                url += &literal(plain);
                previous = plain;
            }
        }
    }
    if !queries.is_empty() {
        url += &format!("?{}", variable(variables, &format!("{previous}_query"), queries));
    }
    let request = json!({"url": url, "name": format!("{method} {name}")});
    json!({"name": format!("{method} {name}"), "weight": count.min(1_000_000), "flow": [{method.to_lowercase(): request}]})
}

/// A variable with these examples; one that has the same is used again.
fn variable(variables: &mut Map<String, Value>, name: &str, examples: Vec<String>) -> String {
    let base = variable_name(name);
    let examples = Value::from(examples);
    let mut name = base.clone();
    let mut number = 1;
    while variables.get(&name).is_some_and(|known| *known != examples) {
        number += 1;
        name = format!("{base}_{number}");
    }
    variables.insert(name.clone(), examples);
    format!("{{{{ {name} }}}}")
}
