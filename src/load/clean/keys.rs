//! Keys that have the name of a run in theirs.

use std::collections::HashSet;
use std::time::Duration;

use redis::RedisError;
use redis::aio::MultiplexedConnection;
use tokio_util::sync::CancellationToken;

use super::{BATCH, Runs};
use crate::clients::redis::{Link, client_error};
use crate::clients::{ClientError, SecretUrl};
use crate::load::scenario::test_data::KeyPattern;

/// Keys of a pattern, on one server or on all masters of a Cluster.
pub struct Keys {
    url: SecretUrl,
    limit: Duration,
    link: Link,
    globs: Vec<String>,
}

impl Keys {
    /// The keys of some runs.
    pub fn new(link: Link, (url, limit): (&SecretUrl, Duration), pattern: &KeyPattern, runs: &Runs) -> Self {
        let globs = runs.patterns().iter().map(|name| pattern.glob(name)).collect();
        Self { url: url.clone(), limit, link, globs }
    }

    /// How many there are.
    pub async fn count(&self) -> Result<u64, ClientError> {
        let mut seen = HashSet::new();
        let never = CancellationToken::new();
        let counted = self.walk(&never, async |_, keys| {
            seen.extend(keys);
            Ok(())
        });
        counted.await.map_err(|error| self.error(&error))?;
        Ok(seen.len() as u64)
    }

    /// Removes them, and tells how many are gone so far.
    pub async fn remove(
        &self,
        stop: &CancellationToken,
        mut tell: impl FnMut(u64),
    ) -> Result<u64, ClientError> {
        let mut removed = 0;
        let walked = self.walk(stop, async |server, keys| {
            // One command for each: keys of one master may be of different slots.
            let mut pipe = redis::pipe();
            keys.iter().for_each(|key| _ = pipe.cmd("UNLINK").arg(key));
            let gone: Vec<u64> = pipe.query_async(server).await?;
            removed += gone.iter().sum::<u64>();
            tell(removed);
            Ok(())
        });
        walked.await.map_err(|error| self.error(&error))?;
        Ok(removed)
    }

    /// Goes over all keys of all masters; `each` gets some that were found.
    async fn walk(
        &self,
        stop: &CancellationToken,
        mut each: impl AsyncFnMut(&mut MultiplexedConnection, Vec<Vec<u8>>) -> Result<(), RedisError>,
    ) -> Result<(), RedisError> {
        for (_, mut server) in self.link.masters().await? {
            for glob in &self.globs {
                let mut cursor = 0_u64;
                loop {
                    let mut scan = redis::cmd("SCAN");
                    scan.arg(cursor).arg("MATCH").arg(glob).arg("COUNT").arg(BATCH);
                    let (next, keys): (u64, Vec<Vec<u8>>) = scan.query_async(&mut server).await?;
                    if !keys.is_empty() {
                        each(&mut server, keys).await?;
                    }
                    cursor = next;
                    if cursor == 0 || stop.is_cancelled() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn error(&self, error: &RedisError) -> ClientError {
        client_error(&self.url, self.limit, error)
    }
}
