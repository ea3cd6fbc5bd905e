//! `scalectl loadtest clean`: exactly what runs have left behind goes, and only where that is allowed.

use mongodb::bson::{Document, doc};
use scalectl::Exit;
use snapbox::str;

use crate::schemas::conforms;
use crate::support::{MongoServer, RedisServer, Scalectl};

const SEED: &str = "7";
const RUN: &str = "t0000000000000007";
const OTHER_RUN: &str = "t00000000000000ff";

const SCENARIO: &str = r#"
config:
  target: http://127.0.0.1:1
  testData:
    mongodb:
      - collection: users
        database: app
        field: profile.name
    redis:
      - keys: "session:*{{ $testId }}*"
scenarios:
  - flow: [{get: /}]
"#;

fn clean(args: &[&str]) -> Scalectl {
    let command = ["loadtest", "clean", "test.yaml"];
    Scalectl::new(command.iter().chain(args)).file("test.yaml", SCENARIO)
}

struct Stores {
    mongodb: MongoServer,
    redis: RedisServer,
}

impl Stores {
    /// With 2,500 users and 3,000 sessions of one run, one of each of another, and what people have made.
    async fn filled() -> Self {
        let (mongodb, redis) = (MongoServer::start(), RedisServer::start());
        let user = |name: String| doc! {"profile": {"name": name}};
        let mut users: Vec<Document> = (0..2_500).map(|number| user(format!("u {RUN} {number}"))).collect();
        users.extend([OTHER_RUN, "t. Miller", "t000000000000000g", "Ann"].map(|name| user(name.to_owned())));
        users.push(doc! {"profile": {"city": RUN}});
        let database = mongodb.client().await.database(mongodb.database());
        database.collection("users").insert_many(users).await.unwrap();
        let mut line = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
        let mut pipe = redis::pipe();
        (0..3_000).for_each(|number| _ = pipe.set(format!("session:{number}:{RUN}"), 1));
        for key in [format!("session:{OTHER_RUN}"), format!("other:{RUN}"), "session:t".to_owned()] {
            pipe.set(key, 1);
        }
        pipe.exec(&mut line).unwrap();
        Self { mongodb, redis }
    }

    fn run(&self, args: &[&str]) -> crate::support::Output {
        let stores = ["--mongodb", "env:TEST_MONGODB", "--redis", "env:TEST_REDIS"];
        let file = SCENARIO.replace("app", self.mongodb.database());
        let command = clean(&[args, &stores].concat()).file("test.yaml", file);
        command.env("TEST_MONGODB", self.mongodb.uri()).env("TEST_REDIS", self.redis.url()).run()
    }

    async fn left(&self) -> (u64, usize) {
        let users = self.mongodb.client().await.database(self.mongodb.database());
        let users = users.collection::<Document>("users");
        let mut line = redis::Client::open(self.redis.url()).unwrap().get_connection().unwrap();
        (users.count_documents(doc! {}).await.unwrap(), redis::cmd("DBSIZE").query(&mut line).unwrap())
    }
}

#[tokio::test]
async fn the_data_of_a_run_goes_and_nothing_else() {
    let stores = Stores::filled().await;
    let all = (2_505, 3_003);
    stores.run(&["--run", SEED]).code(Exit::Done).stdout(str![[r#"
test.yaml: test data of t0000000000000007

PLACE                    STORE    FOUND  REMOVED
users.profile.name       mongodb  2,500        -
session:*{{ $testId }}*  redis    3,000        -

nothing was removed: the same command with --yes does it

"#]]);
    assert_eq!(stores.left().await, all);
    let report = stores.run(&["--run", RUN, "--yes", "--output", "json"]).code(Exit::Done).json();
    conforms("loadtest-clean.json", &report);
    assert_eq!(
        (&report["places"][0]["removed"], &report["places"][1]["removed"]),
        (&2_500.into(), &3_000.into())
    );
    assert_eq!(stores.left().await, (5, 3));
    stores.run(&["--run", SEED, "--yes"]).code(Exit::Done).stdout_has("CLEAN: nothing was left behind");
    stores.run(&["--all-runs", "--yes"]).code(Exit::Done).stdout_has("DONE: 2 were removed");
    assert_eq!(stores.left().await, (4, 2));
}

#[test]
fn data_are_removed_only_where_that_is_allowed() {
    let at = |host: &str| format!("redis://{host}:1");
    let elsewhere =
        clean(&["--run", "7", "--mongodb", "mongodb://127.0.0.1:1/a", "--redis", &at("192.0.2.1")]);
    elsewhere.run().code(Exit::Refused).stderr(str![[r#"
error: removing data from 192.0.2.1 was not allowed; if the host is yours, add --allow-host 192.0.2.1, or list it under `load` of its environment in scalectl.yaml

"#]]);
    let topology = "environments: {live: {production: true, redis: 'redis://127.0.0.1:1'}}\n";
    let args = ["--run", "7", "--mongodb", "mongodb://localhost:1/a", "--redis", "redis://127.0.0.1:1"];
    clean(&args)
        .file("scalectl.yaml", topology)
        .run()
        .code(Exit::Refused)
        .stderr_has("confirm with --production live");
    let confirmed = clean(&[&args[..], &["--production", "live"]].concat()).file("scalectl.yaml", topology);
    confirmed.run().code(Exit::Unreachable).stderr_has("session:*{{ $testId }}*: connection refused");
}

#[test]
fn what_is_missing_is_named() {
    let words = |args: &[&str]| clean(args).run().code(Exit::Usage).stderr.clone();
    assert!(words(&["--run", "7"]).contains("say where it is with --mongodb"));
    assert!(words(&["--run", "t12"]).contains("write the seed of the run, as its report has it"));
    assert!(words(&[]).contains("--run"));
    let file = "config: {target: 'http://h'}\nscenarios: [{flow: [{get: /}]}]\n";
    let plain = Scalectl::new(["loadtest", "clean", "test.yaml", "--run", "7"]).file("test.yaml", file);
    plain.run().code(Exit::Usage).stderr_has("name collections and keys in `config.testData`");
}

#[test]
fn keys_without_the_runs_name_are_refused_where_they_stand() {
    let file = SCENARIO.replace("session:*{{ $testId }}*", "session:*").replace("profile.name", "$where");
    let output = Scalectl::new(["loadtest", "validate", "test.yaml"]).file("test.yaml", file).run();
    let output = output.code(Exit::Usage);
    output.stderr_has("test.yaml:8:16").stderr_has("test.yaml:10:15");
    output.stderr_has("without the run's name it would remove what is not the run's");
}
