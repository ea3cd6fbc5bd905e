//! All that `serve` is told: the file, what overrides it, and what is left at its default.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;

use reference_server::{Config, SECRETS};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::Args;
use super::check::{self, Problem};
use super::log::LogSettings;
use super::secret;
use crate::cli::Error;
use crate::config::{Document, Mistakes, schema};
use crate::limits;

/// The settings file of `scalectl serve`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Supervised processes on the one port; left out, one process without a supervisor.
    #[schemars(range(max = 256))]
    pub instances: Option<NonZeroU32>,
    /// Logs and traces.
    pub log: LogSettings,
    /// The server itself.
    #[serde(flatten)]
    pub server: Config,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8080).into(),
            instances: None,
            log: LogSettings::default(),
            server: Config::default(),
        }
    }
}

/// Settings whose secrets have been read. The plain form goes to other processes, never into a log.
pub struct Resolved {
    /// The settings.
    pub settings: Settings,
    /// The same, as another process reads them.
    pub plain: Value,
}

/// Reads, merges and checks everything, and names every mistake.
pub fn load(args: &Args) -> Result<Resolved, Error> {
    let mut document = args.config.as_deref().map(Document::load).transpose()?;
    if let Some(document) = &mut document {
        secret::hide_passwords(document);
        document.verdict(schema::mistakes::<Settings>(document))?;
    }
    let mut plain = merge(args, document.as_ref());
    let mut problems = resolve_secrets(&mut plain);
    let settings = read(&plain)?;
    problems.extend(check::check(&settings, args));
    refuse(document.as_ref(), problems)?;
    reference_server::check_limits(&settings.server)?;
    Ok(Resolved { settings, plain })
}

/// Settings in their plain form.
pub fn read(plain: &Value) -> Result<Settings, Error> {
    serde_json::from_value(plain.clone()).map_err(|error| Error::Usage(format!("settings: {error}")))
}

fn merge(args: &Args, document: Option<&Document>) -> Value {
    let mut plain = document.map_or_else(|| json!({}), |document| document.value.clone());
    if plain.is_null() {
        plain = json!({});
    }
    for (pointer, value) in args.overrides().0 {
        put(&mut plain, pointer, value);
    }
    forget_redis_that_is_not_asked_for(&mut plain);
    if args.scaled {
        scale(&mut plain);
    }
    put_default(&mut plain, "/maxConnections", json!(default_connections()));
    plain
}

/// `--state memory --adapter off` ask for no Redis.
fn forget_redis_that_is_not_asked_for(plain: &mut Value) {
    let asks_nothing = |redis: &Value| {
        redis.as_object().is_some_and(|redis| {
            redis.iter().all(|(key, value)| {
                (key == "state" && value == "memory") || (key == "adapter" && *value == json!(false))
            })
        })
    };
    if plain.get("redis").is_some_and(asks_nothing)
        && let Some(settings) = plain.as_object_mut()
    {
        settings.remove("redis");
    }
}

/// The steps that the documents describe, as far as they were not decided on.
fn scale(plain: &mut Value) {
    for pointer in ["/http/compression/enabled", "/http/etag", "/cache/enabled", "/cache/warming"] {
        put_default(plain, pointer, json!(true));
    }
    if let Some(url) = plain.pointer("/redis/url") {
        let is_cluster = url.as_str().is_some_and(check::is_cluster);
        if !is_cluster || plain.pointer("/jobs/redis").is_some() {
            put_default(plain, "/jobs/mode", json!("queued"));
        }
    }
}

fn default_connections() -> usize {
    limits::raise_descriptors();
    Config::default().max_connections.min(reference_server::connections_allowed())
}

fn put_default(plain: &mut Value, pointer: &str, value: Value) {
    if plain.pointer(pointer).is_none() {
        put(plain, pointer, value);
    }
}

/// Sets the value at `pointer`, with the mappings on the way to it.
fn put(plain: &mut Value, pointer: &str, value: Value) {
    let mut place = plain;
    for key in pointer.split('/').skip(1) {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[key];
    }
    *place = value;
}

fn resolve_secrets(plain: &mut Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    for pointer in SECRETS {
        let Some(written) = plain.pointer_mut(pointer).filter(|written| !written.is_null()) else { continue };
        match secret::resolve(pointer, written) {
            Ok(secret) => *written = Value::String(secret),
            Err(message) => {
                *written = Value::String(secret::UNKNOWN.to_owned());
                problems.push(Problem { pointer, message });
            }
        }
    }
    problems
}

/// What stands in the file is shown there, what came from elsewhere is told.
fn refuse(document: Option<&Document>, problems: Vec<Problem>) -> Result<(), Error> {
    let stands = |problem: &Problem| {
        document.is_some_and(|document| document.value.pointer(problem.pointer).is_some())
    };
    let (placed, told): (Vec<_>, Vec<_>) = problems.into_iter().partition(stands);
    let shown = document.and_then(|document| {
        let placed = placed.into_iter().map(|problem| problem.at(document)).collect();
        document.verdict(placed).err()
    });
    match (shown, told.is_empty()) {
        (None, true) => Ok(()),
        (shown, _) => Err(Error::Settings(Refusal { shown, told })),
    }
}

/// Settings that do not go together.
#[derive(Debug)]
pub struct Refusal {
    shown: Option<Mistakes>,
    told: Vec<Problem>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = self.shown.iter().map(ToString::to_string);
        let told = self.told.iter().map(|problem| format!("error: {}", problem.message));
        f.write_str(&shown.chain(told).collect::<Vec<_>>().join("\n"))
    }
}

impl std::error::Error for Refusal {}
