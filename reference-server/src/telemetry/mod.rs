//! What the server measures of itself, in its own registry: several servers in one process stay apart.

mod cache;
mod database;
mod jobs;
mod limits;
mod merge;
mod process;
mod redis;
mod runtime;
mod state;
mod traffic;

pub use database::{Commands, Pool, PoolState};
pub use merge::merge;
pub use runtime::watch as watch_runtime;

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::config::Instance;

const SECONDS: &[f64] =
    &[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// The registry, and the handles that are used too often to be looked up.
pub struct Telemetry {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    /// `GET /health`, which passes by the router.
    pub health_requests: Counter,
    /// Connections answered with 503 because all places were taken.
    pub refused_connections: Counter,
    /// Packets dropped because a client did not read.
    pub dropped_packets: Counter,
    in_flight: Gauge,
    response_bytes: Counter,
    runtime_lag: Gauge,
    runtime_lags: Histogram,
}

/// What is counted when it is asked for.
pub struct Sampled {
    /// Connections that hold a place.
    pub connections: usize,
    /// Sockets past their handshake.
    pub sockets: usize,
    /// Socket.IO rooms with a member in this process.
    pub socket_rooms: usize,
    /// Chess rooms.
    pub rooms: usize,
    /// Chess rooms with a running game.
    pub games: usize,
    /// Players that wait for an opponent.
    pub waiting: usize,
    /// The migration of state, where there is one.
    pub migration: Option<state_map::Status>,
}

impl Telemetry {
    /// An empty registry. One of several instances puts its number on every series.
    pub fn new(instance: Option<&Instance>) -> Self {
        let mut builder = PrometheusBuilder::new();
        if let Some(instance) = instance {
            builder = builder.add_global_label("instance_id", instance.number.to_string());
        }
        let builder = builder.set_buckets(SECONDS).unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        if let Some(instance) = instance {
            let restarts = recorder.register_counter(&named("instance_restarts_total"), &METADATA);
            restarts.absolute(instance.restarts.into());
        }
        let health = labelled("http_requests_total", [("route", "/health"), ("status", "2xx")]);
        Self {
            handle: recorder.handle(),
            health_requests: recorder.register_counter(&health, &METADATA),
            refused_connections: recorder.register_counter(&named("connections_refused_total"), &METADATA),
            dropped_packets: recorder.register_counter(&named("socketio_dropped_packets_total"), &METADATA),
            in_flight: recorder.register_gauge(&named("http_requests_in_flight"), &METADATA),
            response_bytes: recorder.register_counter(&named("http_response_bytes_total"), &METADATA),
            runtime_lag: recorder.register_gauge(&named("runtime_lag_max_seconds"), &METADATA),
            runtime_lags: recorder.register_histogram(&named("runtime_lag_seconds"), &METADATA),
            recorder,
        }
    }

    /// One answered HTTP request.
    pub fn http_request(&self, route: &str, status: u16, took: Duration) {
        let class = status_class(status);
        let total = labelled("http_requests_total", [("route", route), ("status", class)]);
        self.recorder.register_counter(&total, &METADATA).increment(1);
        let seconds = labelled("http_request_duration_seconds", [("route", route), ("status", class)]);
        self.recorder.register_histogram(&seconds, &METADATA).record(took);
    }

    /// One event of a client.
    pub fn socket_event(&self, event: &'static str, ok: bool) {
        let outcome = if ok { "ok" } else { "error" };
        let total = labelled("socketio_events_total", [("event", event), ("outcome", outcome)]);
        self.recorder.register_counter(&total, &METADATA).increment(1);
    }

    /// One call of the store.
    pub fn store_call(&self, operation: &'static str, ok: bool, took: Duration) {
        let outcome = if ok { "ok" } else { "error" };
        let total = labelled("store_calls_total", [("operation", operation), ("outcome", outcome)]);
        self.recorder.register_counter(&total, &METADATA).increment(1);
        let seconds =
            Key::from_parts("store_call_duration_seconds", vec![Label::new("operation", operation)]);
        self.recorder.register_histogram(&seconds, &METADATA).record(took);
    }

    /// The registry in Prometheus's text format. Reads `/proc`: keep it off the runtime's threads.
    pub fn render(&self, sampled: &Sampled) -> String {
        let Sampled { connections, sockets, socket_rooms, rooms, games, waiting, migration } = sampled;
        self.set("connections_open", *connections);
        self.set("socketio_connected", *sockets);
        self.set("socketio_rooms", *socket_rooms);
        self.set("chess_rooms", *rooms);
        self.set("chess_games_active", *games);
        self.set("chess_players_waiting", *waiting);
        if let Some(status) = migration {
            self.state(status);
        }
        if let Some(usage) = process::usage() {
            self.set("process_open_fds", usage.open_descriptors);
            self.set("process_resident_memory_bytes", usage.resident_bytes);
            let cpu = self.recorder.register_gauge(&named("process_cpu_seconds_total"), &METADATA);
            cpu.set(usage.cpu_seconds);
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let runtime = runtime.metrics();
            self.set("runtime_workers", runtime.num_workers());
            self.set("runtime_tasks_alive", runtime.num_alive_tasks());
            self.set("runtime_global_queue_depth", runtime.global_queue_depth());
        }
        self.handle.render()
    }

    fn set(&self, name: &'static str, value: usize) {
        self.recorder.register_gauge(&named(name), &METADATA).set(value as f64);
    }
}

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

fn named(name: &'static str) -> Key {
    Key::from_static_name(name)
}

fn labelled(name: &'static str, labels: [(&'static str, &str); 2]) -> Key {
    Key::from_parts(name, labels.map(|(key, value)| Label::new(key, value.to_owned())).to_vec())
}

fn status_class(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}
