//! The application's own metrics: Node's usual ones (prom-client's names), the reference server's, and what any
//! process exports.

use std::time::Duration;

use bytes::Bytes;
use hyper::Request;
use hyper::header::HOST;
use url::Url;

use super::Reading;
use super::prometheus::Scrape;
use crate::clients::http::HttpConnection;
use crate::clients::net::within;
use crate::clients::{ClientError, Connector};

const SOURCE: &str = "target";
/// An event loop, or a runtime, that is this late answers nobody in time.
const LATEST: f64 = 0.1;
/// A share of time for garbage collection at which little else is done.
const MOST_GC: f64 = 0.25;
const MIB: f64 = 1_048_576.0;

/// What is counted in gauges, and under which name it is shown.
const GAUGES: [(&str, &str); 4] = [
    ("http_requests_in_flight", "requests under way"),
    ("connections_open", "connections"),
    ("socketio_connected", "sockets"),
    ("mongodb_pool_waiting", "waiting for the MongoDB pool"),
];
/// Pools: in use, size, and the name under which they are shown.
const POOLS: [(&str, &str, &str); 2] = [
    ("mongodb_pool_in_use", "mongodb_pool_size", "MongoDB pool"),
    ("store_pool_in_use", "store_pool_size", "store pool"),
];

/// Asks once.
pub async fn scrape(url: &Url, limit: Duration) -> Result<Scrape, ClientError> {
    within(limit, async {
        let connector = Connector::resolve(url).await?;
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let request = Request::get(path)
            .header(HOST, connector.authority())
            .body(Bytes::new())
            .map_err(|error| ClientError::Protocol(error.to_string()))?;
        let response = HttpConnection::open(&connector).await?.send(request).await?;
        if !response.status.is_success() {
            return Err(ClientError::Status {
                status: response.status.as_u16(),
                what: "to the request for metrics",
            });
        }
        match Scrape::parse(&String::from_utf8_lossy(&response.body)) {
            scrape if scrape.is_empty() => Err(ClientError::Protocol("no Prometheus metrics".to_owned())),
            scrape => Ok(scrape),
        }
    })
    .await
}

/// What two scrapes, `seconds` apart, tell; `cores` are the machine's where the target shares it with us.
pub fn readings(before: &Scrape, after: &Scrape, seconds: f64, cores: Option<f64>) -> Vec<Reading> {
    let mut readings: Vec<Reading> = cpu(before, after, seconds, cores).into_iter().collect();
    readings.extend(lag(before, after));
    readings.extend(garbage(before, after, seconds));
    if let Some(bytes) = after.sum("process_resident_memory_bytes") {
        readings.push(Reading::plain(SOURCE, "memory", bytes / MIB, "MiB"));
    }
    readings.extend(descriptors(after));
    for (in_use, size, name) in POOLS {
        if let (Some(in_use), Some(size)) = (after.sum(in_use), after.sum(size).filter(|size| *size > 0.0)) {
            readings.push(Reading::limited(SOURCE, name, in_use, "", in_use / size));
        }
    }
    for (series, name) in GAUGES {
        readings.extend(after.sum(series).map(|value| Reading::plain(SOURCE, name, value, "")));
    }
    readings
}

/// A Node process has one thread for its event loop: the busiest process decides. Others use all their threads.
fn cpu(before: &Scrape, after: &Scrape, seconds: f64, cores: Option<f64>) -> Option<Reading> {
    let name = "process_cpu_seconds_total";
    let used: Vec<f64> = after.growth(name, before).iter().map(|grown| grown / seconds).collect();
    let busiest = used.iter().copied().reduce(f64::max)?;
    let all: f64 = used.iter().sum();
    let is_node = after.max("nodejs_eventloop_lag_seconds").or(after.max("nodejs_version_info")).is_some();
    let threads =
        after.sum("runtime_workers").map(|threads| cores.map_or(threads, |cores| cores.min(threads)));
    Some(match threads {
        _ if is_node => Reading::limited(SOURCE, "CPU", all, "cores", busiest),
        Some(threads) if threads > 0.0 => Reading::limited(SOURCE, "CPU", all, "cores", all / threads),
        _ => Reading::plain(SOURCE, "CPU", all, "cores"),
    })
}

fn lag(before: &Scrape, after: &Scrape) -> Option<Reading> {
    let node = after.max("nodejs_eventloop_lag_p99_seconds").or(after.max("nodejs_eventloop_lag_seconds"));
    let name = if node.is_some() { "event-loop lag (p99)" } else { "runtime lag (p99)" };
    let seconds = node.or_else(|| after.quantile("runtime_lag_seconds", 0.99, before))?;
    Some(Reading::limited(SOURCE, name, seconds * 1e3, "ms", seconds / LATEST))
}

fn garbage(before: &Scrape, after: &Scrape, seconds: f64) -> Option<Reading> {
    let spent = after.growth("nodejs_gc_duration_seconds_sum", before);
    let processes = after.values("process_cpu_seconds_total").count().max(1) as f64;
    let share = spent.iter().copied().reduce(|a, b| a + b)? / seconds / processes;
    Some(Reading::limited(SOURCE, "garbage collection", 100.0 * share, "%", share / MOST_GC))
}

fn descriptors(after: &Scrape) -> Option<Reading> {
    let open = after.sum("process_open_fds")?;
    Some(match after.sum("process_max_fds").filter(|most| *most > 0.0) {
        Some(most) => Reading::limited(SOURCE, "file descriptors", open, "", open / most),
        None => Reading::plain(SOURCE, "file descriptors", open, ""),
    })
}

#[cfg(test)]
mod tests {
    use super::{Scrape, readings};

    fn saturation(readings: &[super::Reading], name: &str) -> Option<f64> {
        readings
            .iter()
            .find(|reading| reading.name == name)
            .unwrap_or_else(|| panic!("{readings:#?}"))
            .saturation
    }

    #[test]
    fn nodes_own_names_are_known() {
        let before =
            Scrape::parse("process_cpu_seconds_total 10\nnodejs_gc_duration_seconds_sum{kind=\"minor\"} 1\n");
        let after = Scrape::parse(
            "process_cpu_seconds_total 19\nnodejs_gc_duration_seconds_sum{kind=\"minor\"} 2\n\
             nodejs_eventloop_lag_seconds 0.01\nnodejs_eventloop_lag_p99_seconds 0.05\nprocess_open_fds 500\n\
             process_max_fds 1000\n",
        );
        let readings = readings(&before, &after, 10.0, Some(8.0));
        assert_eq!(saturation(&readings, "CPU"), Some(0.9));
        assert_eq!(saturation(&readings, "event-loop lag (p99)"), Some(0.5));
        assert_eq!(saturation(&readings, "garbage collection"), Some(0.4));
        assert_eq!(saturation(&readings, "file descriptors"), Some(0.5));
    }

    #[test]
    fn a_server_with_threads_is_measured_by_them_and_by_the_machine() {
        let before = Scrape::parse("process_cpu_seconds_total 0\nruntime_workers 8\n");
        let after = Scrape::parse("process_cpu_seconds_total 20\nruntime_workers 8\n");
        assert_eq!(saturation(&readings(&before, &after, 10.0, None), "CPU"), Some(0.25));
        assert_eq!(saturation(&readings(&before, &after, 10.0, Some(2.0)), "CPU"), Some(1.0));
        let unknown = Scrape::parse("process_cpu_seconds_total 20\n");
        assert_eq!(saturation(&readings(&before, &unknown, 10.0, None), "CPU"), None);
    }
}
