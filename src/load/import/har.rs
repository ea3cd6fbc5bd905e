//! A browser's recording (HAR 1.2) as one scenario: the requests to one origin, in their order, with the pauses
//! between them, and with what answers gave captured for later requests.

use std::path::Path;

use serde_json::{Map, Value, json};
use url::Url;

use super::correlate::Correlation;
use super::draft::{Draft, is_header, is_secret, is_sendable, literal, number};
use super::har_file::{Entry, Har, Pair, PostData, Request};
use super::log_line::epoch_seconds;
use super::route::{is_asset, is_id};
use super::{ImportError, ImportReport, read_text, report};

/// Shorter gaps are the browser's, not the user's.
const SHORTEST_THINK: f64 = 0.2;
const LONGEST_THINK: f64 = 60.0;
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
/// Headers that browsers and connections add by themselves.
const OF_THE_BROWSER: [&str; 22] = [
    "host",
    "connection",
    "content-length",
    "cookie",
    "user-agent",
    "accept-encoding",
    "accept-language",
    "referer",
    "origin",
    "cache-control",
    "pragma",
    "dnt",
    "upgrade-insecure-requests",
    "if-none-match",
    "if-modified-since",
    "priority",
    "te",
    "keep-alive",
    "transfer-encoding",
    "proxy-connection",
    "save-data",
    "purpose",
];

/// What to take from a recording.
#[derive(Debug, Clone, Default)]
pub struct HarOptions {
    /// The origin whose requests are taken; that of the first one when left out.
    pub origin: Option<Url>,
    /// Whether images, scripts, styles and fonts are taken too.
    pub with_assets: bool,
}

/// Reads a recording.
pub fn import(path: &Path, options: &HarOptions) -> Result<ImportReport, ImportError> {
    import_text(path, &read_text(path)?, options)
}

/// The same of a text that was read already.
pub fn import_text(path: &Path, text: &str, options: &HarOptions) -> Result<ImportReport, ImportError> {
    let har: Har = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| ImportError::unreadable(path, &format!("is no HAR file: {error}")))?;
    let found = har.log.entries.len() as u64;
    let origin =
        options.origin.clone().or_else(|| har.log.entries.iter().find_map(|entry| web(&entry.request.url)));
    let Some(origin) = origin else {
        return Err(ImportError::nothing(path, "there is no request in the recording"));
    };
    let mut recording = Recording::new(&origin);
    for entry in &har.log.entries {
        recording.take(entry, options.with_assets);
    }
    let kept = recording.steps.len() as u64;
    if kept == 0 {
        let origin = origin.origin().ascii_serialization();
        return Err(ImportError::nothing(
            path,
            &format!("no request to {origin}; name another with --target"),
        ));
    }
    Ok(report(path, found, kept, recording.finish()))
}

struct Recording {
    origin: Url,
    draft: Draft,
    known: Correlation,
    steps: Vec<(Option<f64>, String, Map<String, Value>)>,
    cookies_of_server: Vec<String>,
    last_end: Option<f64>,
    others: u64,
    assets: u64,
    unanswered: u64,
}

impl Recording {
    fn new(origin: &Url) -> Self {
        let draft = Draft {
            target: origin.origin().ascii_serialization(),
            phase: json!({"duration": "1m", "users": 1}),
            ..Draft::default()
        };
        Self {
            origin: origin.clone(),
            draft,
            known: Correlation::default(),
            steps: Vec::new(),
            cookies_of_server: Vec::new(),
            last_end: None,
            others: 0,
            assets: 0,
            unanswered: 0,
        }
    }

    fn take(&mut self, entry: &Entry, with_assets: bool) {
        let url = web(&entry.request.url).filter(|url| url.origin() == self.origin.origin());
        let Some(url) = url else {
            self.others += 1;
            return;
        };
        let is_asset = is_asset(url.path())
            || matches!(
                entry.resource_type.as_deref(),
                Some("image" | "stylesheet" | "script" | "font" | "media")
            );
        if is_asset && !with_assets {
            self.assets += 1;
            return;
        }
        let method = entry.request.method.to_ascii_uppercase();
        let is_sound = METHODS.contains(&method.as_str()) && is_sendable(url.path());
        if entry.response.status <= 0 || !is_sound {
            self.unanswered += 1;
            return;
        }
        let think = self.pause(entry);
        let step = self.step(&entry.request, &url);
        let index = self.steps.len();
        self.steps.push((think, method.to_ascii_lowercase(), step));
        self.cookies_of_server.extend(entry.response.cookies.iter().map(|cookie| cookie.name.clone()));
        if let Some(answer) = entry.response.content.json() {
            self.known.learn(index, &answer);
        }
    }

    /// How long nothing was sent before this request.
    fn pause(&mut self, entry: &Entry) -> Option<f64> {
        let start = epoch_seconds(&entry.started_date_time)?;
        let end = start + entry.time.unwrap_or(0.0).max(0.0) / 1e3;
        let gap = start - self.last_end.unwrap_or(start);
        self.last_end = Some(self.last_end.map_or(end, |last| last.max(end)));
        (gap >= SHORTEST_THINK).then(|| (gap.min(LONGEST_THINK) * 10.0).round() / 10.0)
    }

    fn step(&mut self, request: &Request, url: &Url) -> Map<String, Value> {
        let mut step = Map::new();
        let (path, is_changed) = self.known.path(url.path());
        if is_changed || url.path().split('/').any(is_id) {
            let is_one = |segment: &str| is_id(segment) || segment.starts_with("{{");
            let route: Vec<&str> = path.split('/').map(|s| if is_one(s) { ":id" } else { s }).collect();
            let method = request.method.to_ascii_uppercase();
            step.insert("name".to_owned(), format!("{method} {}", route.join("/")).into());
        }
        step.insert("url".to_owned(), path.into());
        let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        if !query.is_empty() {
            let query = query.iter().map(|(name, value)| (name.clone(), self.value_of(name, value).into()));
            step.insert("qs".to_owned(), Value::Object(query.collect()));
        }
        let headers = self.headers(request);
        if !headers.is_empty() {
            step.insert("headers".to_owned(), headers.into());
        }
        let cookies = self.cookies(request);
        if !cookies.is_empty() {
            step.insert("cookie".to_owned(), cookies.into());
        }
        if let Some(body) = &request.post_data {
            step.extend(self.body(body));
        }
        step
    }

    /// A value as it is to be sent: what an answer gave, a variable for a secret, or the text itself.
    fn value_of(&mut self, name: &str, value: &str) -> String {
        if !self.known.knows(value) && is_secret(name) && !value.is_empty() {
            return format!("{{{{ {} }}}}", self.draft.placeholder(name));
        }
        self.known.text(value)
    }

    fn headers(&mut self, request: &Request) -> Map<String, Value> {
        let mut headers = Map::new();
        for Pair { name, value } in &request.headers {
            let name = name.to_ascii_lowercase();
            let is_own =
                OF_THE_BROWSER.contains(&name.as_str()) || name.starts_with("sec-") || name.starts_with(':');
            let is_usual = (name == "accept" && !value.starts_with("application/"))
                || (name == "content-type"
                    && request.post_data.as_ref().is_some_and(|body| is_readable(&body.mime_type)));
            if is_own || is_usual {
                continue;
            }
            let value = match value.split_once(' ') {
                Some((scheme, secret)) if name == "authorization" && !self.known.knows(secret) => {
                    format!("{} {{{{ {} }}}}", literal(scheme), self.draft.placeholder("authorization"))
                }
                _ => self.value_of(&name, value),
            };
            if is_header(&name, &value) {
                headers.insert(name, value.into());
            }
        }
        headers
    }

    /// Cookies that no recorded answer has set: the user had them before.
    fn cookies(&mut self, request: &Request) -> Map<String, Value> {
        let mut cookies = Map::new();
        for Pair { name, .. } in &request.cookies {
            if !self.cookies_of_server.contains(name) {
                let variable = self.draft.placeholder(&format!("cookie_{name}"));
                cookies.insert(name.clone(), format!("{{{{ {variable} }}}}").into());
                self.cookies_of_server.push(name.clone());
            }
        }
        cookies
    }

    fn body(&mut self, body: &PostData) -> Option<(String, Value)> {
        if body.mime_type.contains("json")
            && let Ok(json) = serde_json::from_str::<Value>(&body.text)
        {
            return Some(("json".to_owned(), self.json(&json, "")));
        }
        if body.mime_type.starts_with("application/x-www-form-urlencoded") {
            let pairs: Vec<(String, String)> = match body.params.is_empty() {
                true => url::form_urlencoded::parse(body.text.as_bytes()).into_owned().collect(),
                false => body.params.iter().map(|pair| (pair.name.clone(), pair.value.clone())).collect(),
            };
            let form = pairs.iter().map(|(name, value)| (name.clone(), self.value_of(name, value).into()));
            return Some(("form".to_owned(), Value::Object(form.collect())));
        }
        (!body.text.is_empty()).then(|| ("body".to_owned(), literal(&body.text).into()))
    }

    /// A body with variables for secrets and for what answers gave.
    fn json(&mut self, value: &Value, key: &str) -> Value {
        match value {
            Value::Object(map) => {
                let entries = map.iter().map(|(key, value)| (key.clone(), self.json(value, key)));
                Value::Object(entries.collect())
            }
            Value::Array(items) => items.iter().map(|item| self.json(item, key)).collect(),
            Value::String(text) => self.value_of(key, text).into(),
            other => self.known.json(other),
        }
    }

    fn finish(mut self) -> Draft {
        let captures = self.known.captures().to_vec();
        let mut flow = Vec::new();
        for (index, (think, method, mut step)) in self.steps.into_iter().enumerate() {
            flow.extend(think.map(|seconds| json!({"think": number(seconds)})));
            let own = captures.iter().filter(|(exchange, ..)| *exchange == index);
            let own: Vec<Value> = own.map(|(_, path, name)| json!({"json": path, "as": name})).collect();
            if !own.is_empty() {
                step.insert("capture".to_owned(), own.into());
            }
            let is_plain = step.len() == 1;
            let request = if is_plain { step["url"].clone() } else { step.into() };
            flow.push(json!({method: request}));
        }
        let left_out = [
            (self.others, "requests to other hosts are left out"),
            (self.assets, "images, scripts, styles and fonts are left out; --with-assets takes them"),
            (self.unanswered, "requests without an answer are left out"),
        ];
        for (count, what) in left_out.iter().filter(|(count, _)| *count > 0) {
            self.draft.notes.push(format!("{count} {what}"));
        }
        self.draft.scenarios.push(json!({"name": "recorded", "flow": flow}));
        self.draft
    }
}

/// An address that load can go to.
fn web(url: &str) -> Option<Url> {
    Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Whether the type of a body is said by the key that it is written under.
fn is_readable(mime_type: &str) -> bool {
    mime_type.starts_with("application/json") || mime_type.starts_with("application/x-www-form-urlencoded")
}
