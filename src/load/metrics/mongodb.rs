//! MongoDB's own account: `serverStatus`.

use std::time::Duration;

use mongodb::Client;
use mongodb::bson::{Bson, Document, doc};

use super::Reading;
use crate::clients::mongodb::{client, client_error};
use crate::clients::net::within;
use crate::clients::{ClientError, SecretUrl};

const SOURCE: &str = "mongodb";
/// Operations that wait for their turn; so many are more than a moment's.
const LONG_QUEUE: f64 = 16.0;
/// WiredTiger makes clients evict pages themselves when this part of its cache is dirty.
const DIRTY_TRIGGER: f64 = 0.2;

/// A MongoDB to be asked.
#[derive(Debug, Clone)]
pub struct MongoDb {
    uri: SecretUrl,
    client: Client,
    limit: Duration,
}

impl MongoDb {
    /// Prepares to ask; connects when it is first asked.
    pub async fn new(uri: SecretUrl, limit: Duration) -> Result<Self, ClientError> {
        let client = client(&uri, limit).await?;
        Ok(Self { uri, client, limit })
    }

    /// Asks once.
    pub async fn status(&self) -> Result<Document, ClientError> {
        let admin = self.client.database("admin");
        let asked = async {
            let answer = admin.run_command(doc! {"serverStatus": 1}).await;
            answer.map_err(|error| client_error(&self.uri, self.limit, &error))
        };
        within(self.limit, asked).await
    }
}

/// What two answers, `seconds` apart, tell. What a server leaves out is left out.
pub fn readings(before: &Document, after: &Document, seconds: f64) -> Vec<Reading> {
    let mut readings = Vec::new();
    let current = number(after, &["connections", "current"]);
    if let (Some(current), Some(free)) = (current, number(after, &["connections", "available"])) {
        let part = current / (current + free).max(1.0);
        readings.push(Reading::limited(SOURCE, "connections", current, "", part));
    }
    if let Some(queue) = number(after, &["globalLock", "currentQueue", "total"]) {
        readings.push(Reading::limited(SOURCE, "queue", queue, "", queue / LONG_QUEUE));
    }
    for (kind, name) in [("read", "read tickets"), ("write", "write tickets")] {
        readings.extend(tickets(after, kind, name));
    }
    readings.extend(cache(after));
    readings.extend(operations(before, after, seconds));
    readings
}

/// Where they stood before and after version 8.
fn tickets(status: &Document, kind: &str, name: &'static str) -> Option<Reading> {
    let places = [["queues", "execution"], ["wiredTiger", "concurrentTransactions"]];
    places.iter().find_map(|[outer, inner]| {
        let out = number(status, &[outer, inner, kind, "out"])?;
        let all = number(status, &[outer, inner, kind, "totalTickets"]).filter(|all| *all > 0.0)?;
        Some(Reading::limited(SOURCE, name, out, "", out / all))
    })
}

fn cache(status: &Document) -> Option<Reading> {
    let bytes = |name| number(status, &["wiredTiger", "cache", name]);
    let most = bytes("maximum bytes configured").filter(|most| *most > 0.0)?;
    let dirty = bytes("tracked dirty bytes in the cache")? / most;
    Some(Reading::limited(SOURCE, "dirty cache", 100.0 * dirty, "%", dirty / DIRTY_TRIGGER))
}

fn operations(before: &Document, after: &Document, seconds: f64) -> Option<Reading> {
    let sum = |status: &Document| {
        let counters = status.get_document("opcounters").ok()?;
        Some(counters.values().filter_map(as_f64).sum::<f64>())
    };
    let grown = (sum(after)? - sum(before)?).max(0.0);
    Some(Reading::plain(SOURCE, "operations", grown / seconds, "/s"))
}

fn number(status: &Document, path: &[&str]) -> Option<f64> {
    let (last, folders) = path.split_last()?;
    let folder = folders.iter().try_fold(status, |folder, name| folder.get_document(name).ok())?;
    as_f64(folder.get(last)?)
}

fn as_f64(value: &Bson) -> Option<f64> {
    match value {
        Bson::Int32(value) => Some(f64::from(*value)),
        Bson::Int64(value) => Some(*value as f64),
        Bson::Double(value) => Some(*value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::readings;

    #[test]
    fn both_generations_of_servers_are_understood() {
        let before = doc! {"opcounters": {"insert": 10, "query": 5_i64}};
        let old = doc! {
            "connections": {"current": 90, "available": 10},
            "globalLock": {"currentQueue": {"total": 8}},
            "wiredTiger": {
                "concurrentTransactions": {"write": {"out": 128, "totalTickets": 128}},
                "cache": {"maximum bytes configured": 1_000_i64, "tracked dirty bytes in the cache": 100_i64},
            },
            "opcounters": {"insert": 110, "query": 105_i64},
        };
        let found = readings(&before, &old, 10.0);
        let shown: Vec<_> = found.iter().map(|r| (r.name, r.value, r.saturation)).collect();
        assert_eq!(
            shown,
            [
                ("connections", 90.0, Some(0.9)),
                ("queue", 8.0, Some(0.5)),
                ("write tickets", 128.0, Some(1.0)),
                ("dirty cache", 10.0, Some(0.5)),
                ("operations", 20.0, None),
            ]
        );
        let new = doc! {"queues": {"execution": {"read": {"out": 4, "totalTickets": 16}}}};
        assert_eq!(readings(&before, &new, 10.0)[0].saturation, Some(0.25));
        assert_eq!(readings(&before, &doc! {}, 10.0), []);
    }
}
