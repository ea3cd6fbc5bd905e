//! The options of `serve`, in groups. Each overrides one setting of the file ([`Args::overrides`] says which).

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use reference_server::{SeedPlan, Span};
use serde::Serialize;
use serde_json::{Value, json};

/// Runs the bundled reference server until Ctrl-C or SIGTERM, then drains it.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Every step of scaling is off until it is switched on. A setting comes from its option, else from \
the environment (--log-keep is SCALECTL_LOG_KEEP), else from the file, else it has its default. Secrets (the \
values of --mongodb, --redis, --jobs-redis and --admin-password) are named, not written: env:NAME or file:PATH."
)]
pub struct Args {
    /// YAML file of settings; those of the server itself are shown by GET /admin/config
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Switch on every step that works with what is given: compression, ETag, cache and its warming, and
    /// with Redis the shared cache, state, adapter and job queue; not rate limits, which refuse clients
    #[arg(long)]
    pub scaled: bool,
    /// Fill an empty store first, such as users=100000,posts=1000000: the same plan, the same data
    #[arg(long, value_name = "PLAN")]
    pub seed: Option<SeedPlan>,
    #[command(flatten)]
    process: ProcessArgs,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    redis: RedisArgs,
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    socket: SocketArgs,
    #[command(flatten)]
    security: SecurityArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// Options whose values are secrets: on the command line they may only be references.
pub const SECRET_OPTIONS: [&str; 4] = ["mongodb", "redis", "jobs_redis", "admin_password"];

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Processes")]
struct ProcessArgs {
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Run N supervised processes on the one port: restarted when they crash, replaced one by one on SIGHUP
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    instances: Option<u32>,
    /// Name of this process among those that share its state; its successor must have the same [default: the
    /// machine and the address]; each of several instances adds its number
    #[arg(long, value_name = "NAME")]
    instance_name: Option<String>,
    /// Folder of the embedded store and of uploads; made when it is not there [default: scalectl-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Connections served at once by each process; more are told to come back later [default: 10000, or what
    /// the limit of open files allows]
    #[arg(long, value_name = "N")]
    max_connections: Option<usize>,
    /// How long requests under way may take to finish at the end [default: 10s]
    #[arg(long, value_name = "DURATION")]
    drain: Option<Span>,
}

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Store")]
struct StoreArgs {
    /// Keep the data in MongoDB instead of the embedded store
    #[arg(long, value_name = "URI")]
    mongodb: Option<String>,
    /// Connections of each process to MongoDB [default: 10..50]
    #[arg(long, value_name = "MIN..MAX", value_parser = pool_size)]
    pool_size: Option<(u32, u32)>,
    /// Which members of MongoDB answer reads that may be a little old [default: primary]
    #[arg(long, value_name = "MEMBERS", value_parser = word([
        "primary", "primaryPreferred", "secondary", "secondaryPreferred", "nearest"]))]
    read_from: Option<String>,
    /// When the embedded store acknowledges a write: after an fsync (full) or after the system has it (process)
    #[arg(long, value_name = "WHEN", value_parser = word(["full", "process"]))]
    durability: Option<String>,
    /// Leave out the declared indexes: lists are read by scanning
    #[arg(long)]
    no_indexes: bool,
}

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Redis and jobs")]
struct RedisArgs {
    /// Redis: redis://, rediss://, redis+sentinel://host:port,host:port/master, redis+cluster://host:port,...
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// Where presence and games live: in the process, in Redis, or on the way there as `migrate state` steers it
    /// [default: redis, if there is one]
    #[arg(long, value_name = "HOME", value_parser = word(["memory", "redis", "migrating"]))]
    state: Option<String>,
    /// Whether events reach the sockets of other instances, through Redis [default: on, if there is one]
    #[arg(long, value_name = "on|off", value_parser = switch)]
    adapter: Option<bool>,
    /// Whether a request waits for its jobs (inline) or a worker does them later (queued) [default: inline]
    #[arg(long, value_name = "MODE", value_parser = word(["inline", "queued"]))]
    jobs: Option<String>,
    /// Another Redis for the job queue, which cannot live in a Cluster
    #[arg(long, value_name = "URL")]
    jobs_redis: Option<String>,
}

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "HTTP")]
struct HttpArgs {
    /// Compress responses with Brotli or gzip
    #[arg(long, value_name = "on|off", value_parser = switch, num_args = 0..=1, require_equals = true,
        default_missing_value = "on")]
    compression: Option<bool>,
    /// Send ETag, and answer If-None-Match with 304
    #[arg(long, value_name = "on|off", value_parser = switch, num_args = 0..=1, require_equals = true,
        default_missing_value = "on")]
    etag: Option<bool>,
    /// Cache responses in the process (memory), or there and in Redis (redis) [default: off]
    #[arg(long, value_name = "WHERE", value_parser = word(["off", "memory", "redis"]))]
    pub cache: Option<String>,
    /// Load popular entries into the cache at the start
    #[arg(long, value_name = "on|off", value_parser = switch, num_args = 0..=1, require_equals = true,
        default_missing_value = "on")]
    cache_warming: Option<bool>,
    /// Limit what one client may do, counted in each process (local) or for all (redis) [default: off]
    #[arg(long, value_name = "SCOPE", value_parser = word(["off", "local", "redis"]))]
    rate_limits: Option<String>,
}

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Socket.IO")]
struct SocketArgs {
    /// Sockets that one user may have in each process [default: 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_sockets_per_user: Option<u32>,
    /// Time between two pings [default: 25s]
    #[arg(long, value_name = "DURATION")]
    ping_interval: Option<Span>,
    /// Largest message [default: 1000000]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1_024..))]
    max_message_bytes: Option<u32>,
}

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Security")]
struct SecurityArgs {
    /// An administrator that exists from the start
    #[arg(long, value_name = "USERNAME")]
    admin: Option<String>,
    /// The administrator's password [default: env:SCALECTL_ADMIN_PASSWORD]
    #[arg(long, value_name = "REFERENCE", requires = "admin")]
    admin_password: Option<String>,
    /// Answer admin routes to other machines too
    #[arg(long, value_name = "on|off", value_parser = switch, num_args = 0..=1, require_equals = true,
        default_missing_value = "on")]
    remote_admin: Option<bool>,
    /// An origin whose pages may call the API; may be given several times
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',')]
    allow_origin: Option<Vec<String>>,
}

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Logs and traces")]
struct LogArgs {
    /// What to log: error, warn, info, debug, or tracing directives [default: warn]
    #[arg(long, value_name = "LEVEL")]
    log: Option<String>,
    /// How to log [default: text on a terminal, else json]
    #[arg(long, value_name = "FORMAT", value_parser = word(["text", "json"]))]
    log_format: Option<String>,
    /// Log to files PATH.DATE instead of stderr
    #[arg(long, value_name = "PATH")]
    log_file: Option<PathBuf>,
    /// When a new file is begun [default: daily]
    #[arg(long, value_name = "WHEN", value_parser = word(["hourly", "daily"]))]
    log_rotation: Option<String>,
    /// Files that are kept [default: 14]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    log_keep: Option<u32>,
    /// Send traces to an OpenTelemetry collector over HTTP, such as http://127.0.0.1:4318
    #[arg(long, value_name = "URL")]
    otlp: Option<String>,
}

/// Settings by JSON pointer.
#[derive(Debug, Default)]
pub struct Overrides(pub Vec<(&'static str, Value)>);

impl Overrides {
    fn set(&mut self, pointer: &'static str, value: &Option<impl Serialize>) {
        if let Some(value) = value {
            self.0.push((pointer, json!(value)));
        }
    }
}

impl Args {
    /// The settings that were given by option or environment.
    pub fn overrides(&self) -> Overrides {
        let mut to = Overrides::default();
        self.process.overrides(&mut to);
        self.store.overrides(&mut to);
        self.redis.overrides(&mut to);
        self.http.overrides(&mut to);
        self.socket.overrides(&mut to);
        self.security.overrides(&mut to);
        self.log.overrides(&mut to);
        to
    }

    /// Whether the cache is asked to be in Redis, which then has to be there.
    pub fn wants_shared_cache(&self) -> bool {
        self.http.cache.as_deref() == Some("redis")
    }
}

impl ProcessArgs {
    fn overrides(&self, to: &mut Overrides) {
        to.set("/listen", &self.listen);
        to.set("/instances", &self.instances);
        to.set("/instanceName", &self.instance_name);
        to.set("/data", &self.data);
        to.set("/maxConnections", &self.max_connections);
        to.set("/drainDeadline", &self.drain);
    }
}

impl StoreArgs {
    fn overrides(&self, to: &mut Overrides) {
        to.set("/store/mongodb/uri", &secret(&self.mongodb, "SCALECTL_MONGODB"));
        to.set("/store/mongodb/minPoolSize", &self.pool_size.map(|(min, _)| min));
        to.set("/store/mongodb/maxPoolSize", &self.pool_size.map(|(_, max)| max));
        to.set("/store/mongodb/readFrom", &self.read_from);
        to.set("/store/durability", &self.durability);
        to.set("/store/indexes", &self.no_indexes.then_some(false));
    }
}

impl RedisArgs {
    fn overrides(&self, to: &mut Overrides) {
        to.set("/redis/url", &secret(&self.redis, "SCALECTL_REDIS"));
        to.set("/redis/state", &self.state);
        to.set("/redis/adapter", &self.adapter);
        to.set("/jobs/mode", &self.jobs);
        to.set("/jobs/redis", &secret(&self.jobs_redis, "SCALECTL_JOBS_REDIS"));
    }
}

impl HttpArgs {
    fn overrides(&self, to: &mut Overrides) {
        to.set("/http/compression/enabled", &self.compression);
        to.set("/http/etag", &self.etag);
        to.set("/cache/enabled", &self.cache.as_ref().map(|home| home != "off"));
        to.set("/cache/redis", &self.cache.as_ref().map(|home| home == "redis"));
        to.set("/cache/warming", &self.cache_warming);
        to.set("/rateLimits/scope", &self.rate_limits);
    }
}

impl SocketArgs {
    fn overrides(&self, to: &mut Overrides) {
        to.set("/socket/maxPerUser", &self.max_sockets_per_user);
        to.set("/socket/pingInterval", &self.ping_interval);
        to.set("/socket/maxPayloadBytes", &self.max_message_bytes);
    }
}

impl SecurityArgs {
    fn overrides(&self, to: &mut Overrides) {
        to.set("/security/administrator/username", &self.admin);
        let password =
            self.admin_password.clone().unwrap_or_else(|| "env:SCALECTL_ADMIN_PASSWORD".to_owned());
        to.set("/security/administrator/password", &self.admin.as_ref().map(|_| password));
        to.set("/security/remoteAdmin", &self.remote_admin);
        to.set("/security/allowedOrigins", &self.allow_origin);
    }
}

impl LogArgs {
    fn overrides(&self, to: &mut Overrides) {
        to.set("/log/level", &self.log);
        to.set("/log/format", &self.log_format);
        to.set("/log/file", &self.log_file);
        to.set("/log/rotation", &self.log_rotation);
        to.set("/log/keep", &self.log_keep);
        to.set("/log/otlp", &self.otlp);
    }
}

/// What was given on the command line; else a reference to the variable, which may hold the secret itself.
fn secret(given: &Option<String>, variable: &str) -> Option<String> {
    let set = || std::env::var(variable).ok().filter(|text| !text.is_empty());
    given.clone().or_else(|| {
        set().map(|text| match text.split_once(':') {
            Some(("env" | "file", _)) => text,
            _ => format!("env:{variable}"),
        })
    })
}

fn word<const N: usize>(words: [&'static str; N]) -> PossibleValuesParser {
    PossibleValuesParser::new(words)
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" | "true" | "1" => Ok(true),
        "off" | "false" | "0" => Ok(false),
        _ => Err("it is on or off".to_owned()),
    }
}

fn pool_size(text: &str) -> Result<(u32, u32), String> {
    let sizes = text.split_once("..").map(|(min, max)| (min.parse(), max.parse()));
    match sizes {
        Some((Ok(min), Ok(max))) => Ok((min, max)),
        _ => Err("write MIN..MAX, such as 10..50".to_owned()),
    }
}
