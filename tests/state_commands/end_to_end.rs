//! Two processes with real maps, from memory to Redis by the commands alone.

use std::time::Duration;

use scalectl::Exit;
use snapbox::str;
use state_map::redis::RedisPort;
use state_map::{Change, Map, MapSpec, Node, Phase, Settings, Text};
use tokio::runtime::Runtime;

use super::site::{Site, port};
use crate::support::wait_until;

/// A process with one map.
struct App {
    runtime: Runtime,
    map: Map<String, RedisPort>,
}

impl App {
    fn start(site: &Site, name: &str) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let url = site.redis.url();
        let settings = Settings {
            lease: Duration::from_secs(2),
            call_life: Duration::from_secs(3),
            compare_every: Duration::from_millis(50),
            ..Settings::named(name)
        };
        let map = runtime.block_on(async {
            let node = Node::new(port(&url), settings);
            let map = node.map(MapSpec::new("rooms", "room:", Text)).unwrap();
            tokio::spawn(std::sync::Arc::clone(&node).run());
            node.registered().await;
            map
        });
        Self { runtime, map }
    }

    fn set(&self, id: &str, value: &str) {
        let value = value.to_owned();
        let set = self.map.update(id, move |_| (Change::Set(value.clone(), None), ()));
        self.runtime.block_on(set).unwrap();
    }

    fn get(&self, id: &str) -> Option<String> {
        self.runtime.block_on(self.map.get(id)).unwrap().map(|value| value.to_string())
    }
}

#[test]
fn two_processes_are_led_from_memory_to_redis() {
    let site = Site::start();
    let (a, b) = (App::start(&site, "a"), App::start(&site, "b"));
    for number in 0..100 {
        let app = if number % 2 == 0 { &a } else { &b };
        app.set(&number.to_string(), &format!("value {number}"));
    }
    let auto = |args: &[&str]| {
        let command = site.command(&[&["start", "--auto", "--timeout", "60s"], args].concat());
        command.timeout(Duration::from_secs(120)).run()
    };
    auto(&[]).code(Exit::Done).stdout(str![[r#"
off -> dual (start), epoch 1.
dual -> backfill (advance), epoch 2.
backfill -> shadow (advance), epoch 3.
shadow -> read-new (advance), epoch 4.
Every instance has acknowledged it.

Stopped before strict.
In strict a write is acknowledged by Redis and its replicas. While they cannot accept it, a request gets an error that may be tried again. Until now it was served from memory. The way back to read-new stays open.
To go on: scalectl migrate state start --auto --yes

"#]]);
    a.set("0", "changed");
    auto(&["--yes", "--to", "primary-new"])
        .code(Exit::Done)
        .stdout_has("strict -> primary-new (advance), epoch 6.")
        .stderr_has("In strict a write is acknowledged by Redis and its replicas.");
    auto(&["--yes"]).code(Exit::Done).stdout_has("Stopped before stop-old.");
    assert_eq!(site.at().0, Phase::PrimaryNew, "there is no way back from behind it: it has to be named");
    assert_eq!((b.get("0").as_deref(), a.get("1").as_deref()), (Some("changed"), Some("value 1")));
    let finish = site.command(&["finish", "--yes", "--horizon", "8s", "--timeout", "60s"]);
    finish.timeout(Duration::from_secs(120)).run().code(Exit::Done).stdout_has("The migration is done.");
    wait_until("done", Duration::from_secs(30), || site.at().0 == Phase::Done);
    assert_eq!(b.get("99").as_deref(), Some("value 99"));
    site.command(&["journal"]).run().code(Exit::Done);
}
