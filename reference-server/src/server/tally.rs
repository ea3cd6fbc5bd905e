//! How many connections each instance has, in a file that all of them write to: whoever has more than the others
//! lets them accept first.
//!
//! They share one listener, so that an instance that dies leaves no client waiting in a backlog of its own; but
//! then whoever wakes first takes all that is there. Each instance has 16 bytes in the file: connections, and
//! the time of writing. An entry that is not renewed is that of an instance that hangs or is gone.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{interval, sleep};

use crate::config::Instance;

const ENTRY: usize = 16;

/// Connections that an instance may have more than the one that has least.
const SLACK: u64 = 4;

/// What the others get to accept first.
const PAUSE: Duration = Duration::from_millis(1);

/// Pauses before it is taken for granted that nobody else accepts.
const PATIENCE: usize = 5;

/// Time between two renewals of an entry that does not change.
const RENEWAL: Duration = Duration::from_millis(100);

/// Age at which an entry counts no longer.
const STALE_MILLIS: u64 = 500;

/// One instance's view of the file.
pub struct Tally {
    file: File,
    own: usize,
    of: usize,
}

impl Tally {
    /// Joins the others.
    pub fn open(instance: &Instance) -> io::Result<Self> {
        let path = Instance::tally(&instance.meeting_place);
        let file = File::options().create(true).truncate(false).read(true).write(true).open(path)?;
        Ok(Self { file, own: instance.number as usize - 1, of: instance.of as usize })
    }

    /// Lets the others accept first, for a moment, if this instance has more connections than they.
    pub async fn give_way(&self, open: impl Fn() -> usize) {
        for _ in 0..PATIENCE {
            if !self.is_ahead(open() as u64) {
                return;
            }
            sleep(PAUSE).await;
        }
    }

    /// Keeps the entry fresh until it is dropped.
    pub async fn renew(&self, open: impl Fn() -> usize) {
        let mut ticks = interval(RENEWAL);
        loop {
            ticks.tick().await;
            self.write(open() as u64, now());
        }
    }

    fn is_ahead(&self, own: u64) -> bool {
        let now = now();
        self.write(own, now);
        self.least_of_others(now).is_some_and(|least| own > least + SLACK)
    }

    /// A file that cannot be written to costs the balance, and nothing else.
    fn write(&self, connections: u64, now: u64) {
        let mut entry = [0; ENTRY];
        entry[..8].copy_from_slice(&connections.to_ne_bytes());
        entry[8..].copy_from_slice(&now.to_ne_bytes());
        if let Err(failure) = self.file.write_all_at(&entry, (self.own * ENTRY) as u64) {
            tracing::debug!(%failure, "the connections of this instance are not told to the others");
        }
    }

    fn least_of_others(&self, now: u64) -> Option<u64> {
        let mut entries = vec![0; self.of * ENTRY];
        let read = self.file.read_at(&mut entries, 0).ok()?;
        let others = entries[..read].chunks_exact(ENTRY).enumerate().filter(|(index, _)| *index != self.own);
        let fresh = others.filter_map(|(_, entry)| {
            let (connections, written) = (number(&entry[..8]), number(&entry[8..]));
            (now.saturating_sub(written) < STALE_MILLIS).then_some(connections)
        });
        fresh.min()
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_ne_bytes)
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> (tempfile::TempDir, [Tally; 3]) {
        let folder = tempfile::tempdir().unwrap();
        let join = |number| {
            let meeting_place = folder.path().to_owned();
            Tally::open(&Instance { number, of: 3, restarts: 0, has_other_name: false, meeting_place })
                .unwrap()
        };
        let tallies = [1, 2, 3].map(join);
        (folder, tallies)
    }

    #[test]
    fn whoever_has_more_than_the_least_is_ahead() {
        let (_folder, [one, two, three]) = three();
        two.write(10, now());
        three.write(20, now());
        assert!(!one.is_ahead(10 + SLACK));
        assert!(one.is_ahead(11 + SLACK));
        assert!(two.least_of_others(now()) == Some(11 + SLACK));
    }

    #[test]
    fn an_instance_that_is_gone_holds_nobody_up() {
        let (_folder, [one, two, _]) = three();
        assert!(!one.is_ahead(1_000), "nobody else has been here");
        two.write(0, now() - STALE_MILLIS);
        assert!(!one.is_ahead(1_000));
    }

    #[tokio::test]
    async fn giving_way_ends_even_when_nobody_takes_it() {
        let (_folder, [one, two, _]) = three();
        two.write(0, now() + 60_000);
        let started = tokio::time::Instant::now();
        one.give_way(|| 1_000).await;
        assert!(started.elapsed() >= PAUSE * PATIENCE as u32);
    }
}
