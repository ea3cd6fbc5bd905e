//! What a schema cannot say: settings that do not go together.

use std::path::Path;

use reference_server::{Config, JobMode, RateScope, RedisSettings, StoreHome};
use rustix::fs::{Access, access};
use secrecy::ExposeSecret;

use super::args::Args;
use super::secret::UNKNOWN;
use super::settings::Settings;
use crate::clients::SecretUrl;
use crate::config::{Diagnostic, Document};

/// One mistake, by the setting that it is about.
#[derive(Debug)]
pub struct Problem {
    /// The setting, as a JSON pointer.
    pub pointer: &'static str,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Problem {
    fn new(pointer: &'static str, message: impl Into<String>) -> Self {
        Self { pointer, message: message.into() }
    }

    /// The same at its place in the file.
    pub fn at(self, document: &Document) -> Diagnostic {
        Diagnostic::new(document.place(self.pointer), self.message)
    }
}

/// Every mistake there is.
pub fn check(settings: &Settings, args: &Args) -> Vec<Problem> {
    let config = &settings.server;
    let checks = [
        store(config),
        redis(config),
        sharing(config),
        jobs(config),
        sockets(config),
        origins(config),
        data(config),
    ];
    let mut problems: Vec<Problem> = checks.into_iter().flatten().collect();
    if args.wants_shared_cache() && config.redis.is_none() {
        problems.push(Problem::new("/cache/redis", "--cache redis needs Redis: give it with --redis"));
    }
    if settings.log.otlp.as_deref().is_some_and(|url| SecretUrl::new(url).has_password()) {
        problems.push(Problem::new("/log/otlp", "the URL for traces contains a password: leave it out"));
    }
    problems
}

fn store(config: &Config) -> Vec<Problem> {
    let StoreHome::Mongo(mongodb) = &config.store.home else { return Vec::new() };
    let mut problems = Vec::new();
    match mongodb.uri.expose_secret() {
        "" => problems.push(Problem::new(
            "/store/mongodb",
            "settings of MongoDB without a MongoDB: give its connection string with --mongodb or `uri`",
        )),
        UNKNOWN => {}
        uri if uri.starts_with("mongodb://") || uri.starts_with("mongodb+srv://") => {}
        _ => problems.push(Problem::new(
            "/store/mongodb/uri",
            "a connection string of MongoDB begins with mongodb:// or mongodb+srv://",
        )),
    }
    let (min, max) = (mongodb.min_pool_size, mongodb.max_pool_size);
    if min > max || max == 0 {
        let message =
            format!("a pool of {min} to {max} connections is none: the second number is the larger");
        problems.push(Problem::new("/store/mongodb/minPoolSize", message));
    }
    problems
}

fn redis(config: &Config) -> Vec<Problem> {
    let Some(RedisSettings { url, timeout, .. }) = &config.redis else { return Vec::new() };
    let mut problems: Vec<Problem> = redis_url("/redis/url", url.expose_secret()).into_iter().collect();
    if timeout.is_zero() {
        problems.push(Problem::new("/redis/timeout", "no command of Redis takes no time: give at least 1ms"));
    }
    problems
}

const REDIS_SCHEMES: [&str; 6] =
    ["redis", "rediss", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster"];

fn redis_url(pointer: &'static str, url: &str) -> Option<Problem> {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    match url {
        UNKNOWN => None,
        "" => Some(Problem::new(
            "/redis",
            "settings of Redis without a Redis: give its URL with --redis or `redis.url`",
        )),
        _ if REDIS_SCHEMES.contains(&scheme) => None,
        _ => Some(Problem::new(
            pointer,
            "the URL of a Redis begins with redis://, rediss://, redis+sentinel:// or redis+cluster://",
        )),
    }
}

/// Whether a URL is that of a Cluster.
pub fn is_cluster(url: &str) -> bool {
    url.starts_with("redis+cluster://") || url.starts_with("rediss+cluster://")
}

fn sharing(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    if config.redis.is_some() {
        return problems;
    }
    if config.rate_limits.scope == RateScope::Redis {
        let message =
            "rate limits that all instances share need Redis: give it with --redis, or limit locally";
        problems.push(Problem::new("/rateLimits/scope", message));
    }
    if config.cache.enabled && config.cache.l1_entries == 0 {
        let message = "a cache without entries in the process is one in Redis: give it with --redis";
        problems.push(Problem::new("/cache/l1Entries", message));
    }
    problems
}

fn jobs(config: &Config) -> Vec<Problem> {
    let own = config.jobs.redis.as_ref().map(ExposeSecret::expose_secret);
    let mut problems: Vec<Problem> = own.and_then(|url| redis_url("/jobs/redis", url)).into_iter().collect();
    let shared = config.redis.as_ref().map(|redis| redis.url.expose_secret());
    let message = match own.or(shared) {
        None => Some("a job queue needs Redis: give it with --redis or --jobs-redis, or run jobs inline"),
        Some(url) if is_cluster(url) => {
            Some("a job queue cannot live in a Redis Cluster: give it a Redis of its own with --jobs-redis")
        }
        Some(_) => None,
    };
    if config.jobs.mode == JobMode::Queued {
        problems.extend(message.map(|message| Problem::new("/jobs/mode", message)));
    }
    problems
}

fn sockets(config: &Config) -> Vec<Problem> {
    let waits = [
        ("/socket/pingInterval", "time between two pings", config.socket.ping_interval),
        ("/socket/pingTimeout", "time to answer a ping", config.socket.ping_timeout),
        ("/http/headTimeout", "time to send a request head", config.http.head_timeout),
        ("/http/requestTimeout", "time to answer a request", config.http.request_timeout),
    ];
    let zero = waits.into_iter().filter(|(_, _, wait)| wait.is_zero());
    zero.map(|(pointer, what, _)| Problem::new(pointer, format!("the {what} is zero: nobody could keep it")))
        .collect()
}

fn origins(config: &Config) -> Vec<Problem> {
    let is_origin = |text: &str| {
        url::Url::parse(text).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text
        })
    };
    let wrong = config.security.allowed_origins.iter().filter(|text| !is_origin(text));
    wrong
        .map(|text| {
            let message =
                format!("`{text}` is no origin: write scheme, host and port only, https://example.org");
            Problem::new("/security/allowedOrigins", message)
        })
        .collect()
}

/// The folder can be written to, or made.
fn data(config: &Config) -> Vec<Problem> {
    let folder = std::path::absolute(&config.data).unwrap_or_else(|_| config.data.clone());
    let existing = folder.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let why = match access(existing, Access::WRITE_OK | Access::EXEC_OK) {
        _ if !existing.is_dir() => Some("it is no folder".to_owned()),
        Err(error) => Some(std::io::Error::from(error).to_string()),
        Ok(()) => None,
    };
    let message = |why| {
        format!(
            "data cannot be kept in {}: {}: {why}; choose another with --data",
            config.data.display(),
            existing.display()
        )
    };
    why.map(|why| Problem::new("/data", message(why))).into_iter().collect()
}
