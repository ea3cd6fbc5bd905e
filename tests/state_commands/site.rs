//! A Redis, a folder for the journal, and instances that are only imitated: they beat when the test says so.

use std::sync::Arc;
use std::time::Duration;

use state_map::control::{Counts, Report};
use state_map::redis::{RedisPort, RedisSettings};
use state_map::wire::PROTOCOL;
use state_map::wire::call::{Beat, Beaten, Call, Reply, Steer, Steered, Surveyed};
use state_map::wire::key::Space;
use state_map::{ControlRecord, Id, Phase, Port, Stamp};

use crate::support::{Output, RedisServer, Scalectl, WorkDir, block_on};

/// Long enough for a test never to meet its end.
const LEASE_MS: u64 = 600_000;

/// Where a migration is steered.
pub struct Site {
    pub redis: RedisServer,
    pub dir: Arc<WorkDir>,
}

impl Site {
    pub fn start() -> Self {
        Self::with(RedisServer::start())
    }

    pub fn with(redis: RedisServer) -> Self {
        Self { redis, dir: Arc::new(WorkDir::new("state")) }
    }

    /// `scalectl migrate state ARGS`, in the folder of the journal.
    pub fn command(&self, args: &[&str]) -> Scalectl {
        self.command_at(&self.redis.url(), args)
    }

    /// The same for Redis at another address.
    pub fn command_at(&self, url: &str, args: &[&str]) -> Scalectl {
        let command = ["migrate", "state"].iter().chain(args).copied();
        Scalectl::new(command)
            .arg("--redis")
            .arg(url)
            .env("USER", "tester")
            .dir(&self.dir)
            .hide_matches(r"tester@\S+ \(process \d+\)", "[WHO]")
            .hide_matches(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\b", "[AT]")
            .hide_matches(r"run [0-9a-f]{8}\b", "run [RUN]")
    }

    /// A command that steers, without patience. Instances that are imitated answer no question, so that a start has
    /// to be told of their maps.
    #[track_caller]
    pub fn steer(&self, args: &[&str]) -> Output {
        let begin = ["--map", "games=game:", "--instance-timeout", "50ms"];
        let more = if args.first() == Some(&"start") { &begin[..] } else { &[] };
        self.command(&[args, &["--timeout", "0s"], more].concat()).run()
    }

    /// An instance that has registered and acknowledged the record.
    pub fn instance(&self, name: &str) -> Instance {
        let mut instance = Instance {
            url: self.redis.url(),
            name: name.to_owned(),
            incarnation: Id(rand::random()),
            run: Id::NONE,
            ack: Stamp::default(),
            replid: String::new(),
            lease_ms: LEASE_MS,
            report: Report { protocol: PROTOCOL, ..Report::default() },
        };
        instance.send(true);
        instance.follow();
        instance
    }

    /// The record in this phase, the last step taken from the phase before, as another tool would have left it.
    pub fn place(&self, phase: Phase) -> ControlRecord {
        let view = self.survey();
        let epoch = view.record.stamp.epoch + 1;
        let stamp = Stamp { epoch, nonce: Id(rand::random()) };
        let run = if view.record.run.is_none() { Id(rand::random()) } else { view.record.run };
        let prev = Phase::ALL.get(phase as usize - 1).copied();
        let record = ControlRecord { run, stamp, phase, prev, replid: String::new(), replicas: 0 };
        let steer = Steer { expected: view.record.stamp, record: record.clone(), fencing: 0 };
        assert_eq!(call(&self.redis.url(), Call::Steer(Box::new(steer))), Reply::Steered(Steered::Done));
        record
    }

    /// How Redis sees the migration.
    pub fn survey(&self) -> Surveyed {
        match call(&self.redis.url(), Call::Survey) {
            Reply::Surveyed(view) => *view,
            other => panic!("{other:?}"),
        }
    }

    /// The phase and the epoch of the record.
    pub fn at(&self) -> (Phase, u64) {
        let record = self.survey().record;
        (record.phase, record.stamp.epoch)
    }

    /// A key as an instance that took part in this run has written it; without a value: a tombstone.
    pub fn store(&self, key: &str, run: &str, value: Option<&str>) {
        let fields = [("run", run), ("seq", "2"), ("op", &"1".repeat(32))];
        self.run::<()>(redis::cmd("HSET").arg(format!("{{{key}}}:m")).arg(&fields));
        if let Some(value) = value {
            self.run::<()>(redis::cmd("SET").arg(key).arg(value));
        }
    }

    /// Whether Redis has this key.
    pub fn has(&self, key: &str) -> bool {
        self.run(redis::cmd("EXISTS").arg(key))
    }

    /// Runs a command on the server.
    pub fn run<T: redis::FromRedisValue>(&self, command: &mut redis::Cmd) -> T {
        command.query(&mut self.redis.connect()).unwrap()
    }

    /// The name of the lock's key.
    pub fn lock() -> String {
        Space::default().lock()
    }

    /// The journal on disk.
    pub fn journal(&self) -> String {
        std::fs::read_to_string(self.dir.join(".scalectl/state-stateMigration.jsonl")).unwrap()
    }

    /// The journal's copy in Redis as it was after so many entries.
    pub fn forget_entries(&self, kept: usize) {
        let key = Space::default().journal();
        let read: redis::streams::StreamRangeReply =
            self.run(redis::cmd("XRANGE").arg(&key).arg("-").arg("+"));
        self.run::<()>(redis::cmd("DEL").arg(&key));
        for entry in &read.ids[..kept] {
            let line: String = entry.get("line").unwrap();
            self.run::<()>(redis::cmd("XADD").arg(&key).arg(&entry.id).arg("line").arg(line));
        }
    }

    /// Replaces the journal on disk.
    pub fn write_journal(&self, text: &str) {
        self.dir.write(".scalectl/state-stateMigration.jsonl", text);
    }
}

/// An instance that is only imitated.
pub struct Instance {
    url: String,
    name: String,
    pub incarnation: Id,
    run: Id,
    ack: Stamp,
    replid: String,
    lease_ms: u64,
    pub report: Report,
}

impl Instance {
    /// Learns the record and acknowledges it.
    pub fn follow(&mut self) {
        let record = self.send(false).record;
        self.ack = record.stamp;
        self.run = record.run;
        self.report.serving = record.phase;
        self.report.served = record.stamp;
        self.send(false);
    }

    /// Beats with these counts.
    pub fn count(&mut self, counts: Counts) {
        self.report.counts = counts;
        self.send(false);
    }

    /// Beats for the last time: its lease is over.
    pub fn fall_silent(&mut self) {
        self.lease_ms = 1;
        self.send(false);
        std::thread::sleep(Duration::from_millis(10));
    }

    /// Knows of a change that the record does not have.
    pub fn be_ahead(&mut self, serving: Phase) {
        self.ack = Stamp { epoch: self.ack.epoch + 1, nonce: Id(rand::random()) };
        (self.report.serving, self.report.served) = (serving, self.ack);
        self.send(false);
    }

    fn send(&mut self, registering: bool) -> Beaten {
        let beat = Beat {
            name: self.name.clone(),
            incarnation: self.incarnation,
            run: self.run,
            ack: self.ack,
            replid: self.replid.clone(),
            lease_ms: self.lease_ms,
            report: self.report.clone(),
            registering,
            replaces: Id::NONE,
        };
        match call(&self.url, Call::Beat(Box::new(beat))) {
            Reply::Beaten(answer) => {
                assert_eq!(answer.dead, None);
                self.replid.clone_from(&answer.replid);
                *answer
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A port to a Redis, in a runtime.
pub fn port(url: &str) -> Arc<RedisPort> {
    let (timeout, replicate_within) = (Duration::from_secs(5), Duration::from_secs(1));
    let settings = RedisSettings { url: url.to_owned(), space: Space::default(), timeout, replicate_within };
    RedisPort::new(settings).unwrap()
}

fn call(url: &str, call: Call) -> Reply {
    block_on(async { port(url).call(call, 0).await.unwrap() })
}
