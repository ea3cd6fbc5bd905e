//! Redis's own account: `INFO`, and how long a `PING` takes.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;

use super::Reading;
use crate::clients::redis::{client_error, connect};
use crate::clients::{ClientError, SecretUrl};

const SOURCE: &str = "redis";
/// Commands that wait this long for the one thread wait for something else than the network.
const SLOW_PING: f64 = 0.05;

/// A Redis to be asked.
#[derive(Clone)]
pub struct Redis {
    url: SecretUrl,
    connection: MultiplexedConnection,
    limit: Duration,
}

/// One answer.
#[derive(Debug, Clone, Default)]
pub struct Info {
    fields: HashMap<String, String>,
    ping: Duration,
}

impl Redis {
    /// Connects.
    pub async fn new(url: SecretUrl, limit: Duration) -> Result<Self, ClientError> {
        let connection = connect(&url, limit).await?;
        Ok(Self { url, connection, limit })
    }

    /// Asks once.
    pub async fn info(&self) -> Result<Info, ClientError> {
        let mut connection = self.connection.clone();
        let failed = |error| client_error(&self.url, self.limit, &error);
        let begun = Instant::now();
        redis::cmd("PING").query_async::<()>(&mut connection).await.map_err(failed)?;
        let ping = begun.elapsed();
        let text: String = redis::cmd("INFO").query_async(&mut connection).await.map_err(failed)?;
        Ok(Info { fields: fields(&text), ping })
    }
}

fn fields(info: &str) -> HashMap<String, String> {
    let pairs = info.lines().filter_map(|line| line.trim().split_once(':'));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

impl Info {
    fn number(&self, name: &str) -> Option<f64> {
        self.fields.get(name)?.parse().ok()
    }

    fn growth(&self, name: &str, before: &Self) -> Option<f64> {
        Some((self.number(name)? - before.number(name)?).max(0.0))
    }
}

/// What two answers, `seconds` apart, tell. Redis runs commands on one thread: one core is all there is.
pub fn readings(before: &Info, after: &Info, seconds: f64) -> Vec<Reading> {
    let rate = |name| after.growth(name, before).map(|grown| grown / seconds);
    let mut readings = Vec::new();
    let main = rate("used_cpu_user_main_thread").zip(rate("used_cpu_sys_main_thread"));
    if let Some((user, system)) = main.or_else(|| rate("used_cpu_user").zip(rate("used_cpu_sys"))) {
        readings.push(Reading::limited(SOURCE, "CPU", user + system, "cores", user + system));
    }
    let ping = after.ping.max(before.ping).as_secs_f64();
    readings.push(Reading::limited(SOURCE, "PING", ping * 1e3, "ms", ping / SLOW_PING));
    let most = after.number("maxmemory").filter(|most| *most > 0.0);
    if let (Some(used), Some(most)) = (after.number("used_memory"), most) {
        readings.push(Reading::limited(SOURCE, "memory", used / 1_048_576.0, "MiB", used / most));
    }
    let clients = after.number("connected_clients");
    if let (Some(clients), Some(most)) = (clients, after.number("maxclients").filter(|most| *most > 0.0)) {
        readings.push(Reading::limited(SOURCE, "clients", clients, "", clients / most));
    }
    for (field, name) in [("total_commands_processed", "commands"), ("evicted_keys", "evictions")] {
        readings.extend(rate(field).map(|rate| Reading::plain(SOURCE, name, rate, "/s")));
    }
    for (field, name) in [("blocked_clients", "blocked clients"), ("pubsub_channels", "channels")] {
        readings.extend(after.number(field).map(|value| Reading::plain(SOURCE, name, value, "")));
    }
    readings
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Info, fields, readings};

    #[test]
    fn counters_become_rates_and_limits_become_saturation() {
        let info = |text: &str| Info { fields: fields(text), ping: Duration::from_millis(25) };
        let before = info(
            "used_cpu_user:1.0\r\nused_cpu_sys:1.0\r\ntotal_commands_processed:100\r\nevicted_keys:0\r\n",
        );
        let after = info(
            "# CPU\r\nused_cpu_user:3.5\r\nused_cpu_sys:3.5\r\ntotal_commands_processed:1100\r\nevicted_keys:50\r\n\
             used_memory:1048576\r\nmaxmemory:2097152\r\nblocked_clients:3\r\n",
        );
        let found = readings(&before, &after, 10.0);
        let shown: Vec<_> = found.iter().map(|r| (r.name, r.value, r.saturation)).collect();
        assert_eq!(
            shown,
            [
                ("CPU", 0.5, Some(0.5)),
                ("PING", 25.0, Some(0.5)),
                ("memory", 1.0, Some(0.5)),
                ("commands", 100.0, None),
                ("evictions", 5.0, None),
                ("blocked clients", 3.0, None),
            ]
        );
    }
}
