//! `scalectl migrate indexes advise` on real servers: what it proposes, what it leaves alone, what it never says.

use std::fmt::Write as _;

use mongodb::bson::{Document, doc};
use mongodb::{Collection, Database};
use scalectl::Exit;
use serde_json::Value;
use snapbox::str;

use crate::support::{MongoServer, Scalectl};

const NONE: [&str; 0] = [];

/// A server with 500 orders, and the driver that works on them.
struct Shop {
    server: MongoServer,
    runtime: tokio::runtime::Runtime,
    database: Database,
}

impl Shop {
    fn open() -> Self {
        Self::on(MongoServer::start())
    }

    fn on(server: MongoServer) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let database = runtime.block_on(server.client()).database(server.database());
        let orders = (0..500).map(|number| {
            doc! {
                "_id": number, "customer": format!("mallory-{}", number % 50), "status": number % 4,
                "total": number, "at": 1_000 - number, "tags": [number % 3, 7], "marks": [number % 5],
            }
        });
        let orders: Vec<Document> = orders.collect();
        runtime.block_on(async { database.collection("orders").insert_many(orders).await }).unwrap();
        Self { server, runtime, database }
    }

    fn orders(&self) -> Collection<Document> {
        self.database.collection("orders")
    }

    fn run(&self, command: Document) -> Document {
        self.runtime.block_on(async { self.database.run_command(command).await }).unwrap()
    }

    fn profile(&self, level: i32) {
        self.run(doc! { "profile": level, "slowms": 0 });
    }

    fn find(&self, filter: Document, sort: Document, limit: i64) {
        let mut find = doc! { "find": "orders", "filter": filter, "sort": sort };
        if limit > 0 {
            find.insert("limit", limit);
        }
        self.run(find);
    }

    fn index(&self, name: &str, key: Document, options: Document) {
        let mut index = doc! { "key": key, "name": name };
        index.extend(options);
        self.run(doc! { "createIndexes": "orders", "indexes": [index] });
    }

    fn advise(&self, args: &[&str]) -> Scalectl {
        let command = [
            "migrate",
            "indexes",
            "advise",
            "--uri",
            self.server.uri(),
            "--database",
            self.server.database(),
        ];
        Scalectl::new(command.iter().chain(args)).hide_matches(r"scalectl_test_\d+_\d+", "[DB]")
    }

    /// The keys of the missing indexes, as `customer 1, at -1`.
    #[track_caller]
    fn missing(&self, args: &[&str]) -> Vec<String> {
        let report = self.advise(&[&["--output", "json"], args].concat()).run().code(Exit::Done).json();
        let missing = report["missing"].as_array().unwrap().iter().map(|index| {
            let keys = index["keys"].as_array().unwrap().iter();
            let keys = keys.map(|key| format!("{} {}", key["field"].as_str().unwrap(), key["direction"]));
            keys.collect::<Vec<_>>().join(", ")
        });
        missing.collect()
    }
}

/// The names in a list of the report.
fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|index| index["name"].as_str().unwrap()).collect()
}

#[track_caller]
fn conforms(report: &Value) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schemas/indexes-advise.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(report).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{report:#}");
}

/// One line of a server's log.
fn slow(database: &str, attributes: &Value) -> String {
    let mut attributes = attributes.clone();
    attributes["ns"] = format!("{database}.orders").into();
    let line = serde_json::json!({
        "t": { "$date": "2026-11-21T10:00:00.000+00:00" }, "s": "I", "c": "COMMAND", "id": 51803, "ctx": "conn7",
        "msg": "Slow query", "attr": attributes,
    });
    format!("{line}\n")
}

#[test]
fn what_the_profiler_saw_becomes_an_index() {
    let shop = Shop::open();
    shop.profile(2);
    for number in 0..3 {
        let filter = doc! { "customer": format!("mallory-{number}"), "total": { "$gt": 10 } };
        shop.find(filter, doc! { "at": -1 }, 5);
        shop.run(doc! { "count": "orders", "query": { "customer": format!("mallory-{number}") } });
    }
    shop.profile(0);
    let output = shop.advise(&["--patch", "patch.yaml", "--detailed-exit-code"]).run();
    output.code(Exit::Failed);
    for part in [
        ".orders {customer: 1, at: -1, total: 1}",
        "serves find: customer =, sort at -1, range total (3 times, 1,500 documents examined for 15",
        "serves count: customer = (3 times",
        "equality customer, then sort at, then range total",
        "if the range of total leaves few documents, total before the sort reads less",
        "ADVICE: 1 missing, 0 redundant, 0 unused; 2 query shapes seen",
    ] {
        output.stdout_has(part);
    }
    assert!(output.stdout.lines().all(|line| line.chars().count() <= 100), "{}", output.stdout);
    let patch = std::fs::read_to_string(output.path("patch.yaml")).unwrap();
    for text in [&output.stdout, &output.stderr, &patch] {
        assert!(!text.contains("mallory"), "values of queries are nobody's business: {text}");
    }

    shop.index("made", doc! { "customer": 1, "at": -1, "total": 1 }, doc! {});
    assert_eq!(shop.missing(&[]), NONE);
    // The patch is a specification: relative to it, what it declares is no longer missing.
    shop.run(doc! { "dropIndexes": "orders", "index": "made" });
    assert_eq!(shop.missing(&[]), ["customer 1, at -1, total 1"]);
    let advise = shop.advise(&["--spec", "patch.yaml", "--detailed-exit-code"]).file("patch.yaml", &patch);
    advise.run().code(Exit::Done).stdout_has("OK: nothing to advise; 2 query shapes seen");
}

#[test]
fn every_kind_of_command_is_understood() {
    let shop = Shop::open();
    shop.profile(2);
    shop.run(doc! { "update": "orders", "updates": [
        { "q": { "a": 1 }, "u": { "$set": { "x": 1 } }, "multi": true },
    ] });
    shop.run(doc! { "delete": "orders", "deletes": [{ "q": { "b": 1 }, "limit": 0 }] });
    shop.run(doc! { "distinct": "orders", "key": "status", "query": { "c": 1 } });
    shop.run(doc! { "findAndModify": "orders", "query": { "d": 1 }, "update": { "$set": { "x": 1 } } });
    let pipeline = [doc! { "$match": { "e": 1 } }, doc! { "$group": { "_id": "$status" } }];
    shop.run(doc! { "aggregate": "orders", "pipeline": pipeline.to_vec(), "cursor": {} });
    shop.run(doc! { "count": "orders", "query": { "$or": [{ "f": 1 }, { "g": { "$gt": 1 } }] } });
    shop.find(doc! {}, doc! { "total": 1 }, 0);
    shop.find(doc! {}, doc! {}, 1);
    shop.profile(0);
    let before = shop.runtime.block_on(async { shop.orders().count_documents(doc! {}).await }).unwrap();
    let mut missing = shop.missing(&[]);
    missing.sort();
    assert_eq!(missing, ["a 1", "b 1", "c 1", "d 1", "e 1", "f 1", "g 1", "total 1"]);
    let after = shop.runtime.block_on(async { shop.orders().count_documents(doc! {}).await }).unwrap();
    let touched =
        shop.runtime.block_on(async { shop.orders().count_documents(doc! { "x": 1 }).await }).unwrap();
    assert_eq!((before, after, touched), (500, 500, 0), "advice changes nothing");
}

#[test]
fn a_sample_orders_fields_and_keeps_arrays_apart() {
    let shop = Shop::open();
    shop.profile(2);
    shop.find(doc! { "status": 1, "customer": "mallory-1" }, doc! {}, 0);
    shop.profile(0);
    assert_eq!(shop.missing(&[]), ["customer 1, status 1"]);
    assert_eq!(shop.missing(&["--no-sample"]), ["customer 1, status 1"], "by name where nothing is known");
    let advise = shop.advise(&[]).run();
    advise.stdout_has(
        "equality customer (50 values), status (4 values); values counted in a sample of 500 documents",
    );

    shop.profile(2);
    shop.find(doc! { "tags": 7, "marks": 3, "zone": 9 }, doc! {}, 0);
    shop.profile(0);
    let missing = shop.missing(&["--limit", "1"]);
    assert_eq!(missing.len(), 1);
    let both = missing[0].contains("tags") && missing[0].contains("marks");
    assert!(!both, "no index has two arrays: {missing:?}");
    let report = shop.advise(&["--output", "json"]).run().json();
    let keys: Document = report["missing"][0]["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| (key["field"].as_str().unwrap().to_owned(), key["direction"].as_i64().unwrap().into()))
        .collect();
    shop.index("buildable", keys, doc! {});
    assert!(!shop.missing(&[]).iter().any(|keys| keys.contains("zone")));
}

#[test]
fn an_index_that_is_hidden_or_partial_does_not_serve() {
    let shop = Shop::open();
    shop.index("aside", doc! { "customer": 1 }, doc! { "hidden": true });
    shop.index("some", doc! { "status": 1 }, doc! { "partialFilterExpression": { "total": { "$gt": 400 } } });
    shop.profile(2);
    shop.find(doc! { "customer": "mallory-1" }, doc! {}, 0);
    shop.find(doc! { "status": 1, "zone": 2 }, doc! {}, 0);
    shop.find(doc! { "status": 1 }, doc! { "at": 1 }, 3);
    shop.find(doc! { "status": 2 }, doc! {}, 0);
    shop.profile(0);
    let report = shop.advise(&["--output", "json"]).run().code(Exit::Done).json();
    assert!(report["notes"].to_string().contains("`aside` is hidden, and would serve"), "{report:#}");
    let missing = report["missing"].as_array().unwrap();
    assert!(missing.iter().all(|index| index["keys"][0]["field"] == "status"), "{report:#}");
    conforms(&report);
}

#[test]
fn slow_queries_of_a_log_are_evidence() {
    let shop = Shop::open();
    let database = shop.server.database();
    let query = serde_json::json!({
        "type": "command", "command": { "find": "orders", "filter": { "customer": "mallory-1", "at": { "$lt":
        { "$date": "2026-01-01T00:00:00Z" } } }, "sort": { "total": 1 }, "$db": database },
        "planSummary": "COLLSCAN", "keysExamined": 0, "docsExamined": 90_000, "hasSortStage": true,
        "nreturned": 10, "queryHash": "ABCD", "durationMillis": 250,
    });
    let update = serde_json::json!({
        "type": "update", "command": { "q": { "status": 3 }, "u": { "$set": { "x": 1 } }, "multi": true },
        "planSummary": "COLLSCAN", "keysExamined": 0, "docsExamined": 500, "nMatched": 1, "durationMillis": 120,
    });
    let goes_on = serde_json::json!({
        "type": "command", "command": { "getMore": 77, "collection": "orders" },
        "originatingCommand": { "find": "orders", "filter": { "customer": "mallory-1", "at": { "$lt": 5 } },
        "sort": { "total": 1 } }, "planSummary": "COLLSCAN", "docsExamined": 10, "nreturned": 5, "durationMillis": 101,
    });
    let good = serde_json::json!({
        "type": "command", "command": { "find": "orders", "filter": { "_id": 5 } }, "planSummary": "IDHACK",
        "keysExamined": 1, "docsExamined": 1, "nreturned": 1, "durationMillis": 180,
    });
    let mut log = [&query, &query, &update, &goes_on, &good].map(|entry| slow(database, entry)).concat();
    log += &slow("elsewhere", &query);
    log += &slow(database, &query).replacen("\"attr\"", "\"truncated\":{},\"attr\"", 1);
    writeln!(log, "not a structured line\n{}", "x".repeat(3 << 20)).unwrap();
    let advise = shop.advise(&["--log", "mongod.log"]).file("mongod.log", log).run();
    advise.code(Exit::Done);
    for part in [
        ".orders {customer: 1, total: 1, at: 1}",
        "find: customer =, sort total 1, range at (2 times, 180,010 documents examined for 25",
        ".orders {status: 1}",
        "7 slow queries in 9 lines, 1 cut off",
        "1 longer than 1 MiB",
        "profiling is off",
        "ADVICE: 2 missing",
    ] {
        let flat = advise.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(part), "{part}\n{}", advise.stdout);
    }
    assert!(!advise.stdout.contains("mallory") && !advise.stdout.contains("2026-01"), "{}", advise.stdout);
}

#[test]
fn redundant_and_unused_indexes_are_named_and_special_ones_spared() {
    let shop = Shop::open();
    shop.index("customer_1", doc! { "customer": 1 }, doc! {});
    shop.index("customer_1_at_-1", doc! { "customer": 1, "at": -1 }, doc! {});
    shop.index("total_unique", doc! { "total": 1 }, doc! { "unique": true });
    shop.index("total_status", doc! { "total": 1, "status": 1 }, doc! {});
    shop.index("expires", doc! { "at": 1 }, doc! { "expireAfterSeconds": 100_000 });
    shop.index("at_total", doc! { "at": 1, "total": 1 }, doc! {});
    shop.find(doc! { "customer": "mallory-2" }, doc! { "at": -1 }, 0);
    shop.profile(2);
    shop.find(doc! { "_id": 7 }, doc! {}, 0);
    shop.profile(0);

    let young = shop.advise(&["--output", "json"]).run().code(Exit::Done).json();
    assert_eq!(names(&young["redundant"]), ["customer_1"]);
    assert_eq!(names(&young["unused"]), NONE);
    let spared = young["spared"].to_string();
    assert!(spared.contains("too early to tell") && spared.contains("it is unique"), "{spared}");

    let args = ["--min-age", "0s", "--output", "json", "--detailed-exit-code"];
    let old = shop.advise(&args).run().code(Exit::Failed).json();
    assert_eq!(names(&old["redundant"]), ["customer_1"]);
    assert_eq!(names(&old["unused"]), ["at_total", "total_status"]);
    conforms(&old);
    let patch = old["patch"].as_str().unwrap();
    assert!(
        ["customer_1", "at_total", "total_status"].iter().all(|name| patch.contains(&format!("- {name}")))
    );

    // The long one is itself unused: the short one, which was used, must not go for it.
    shop.index("status_1", doc! { "status": 1 }, doc! {});
    shop.index("status_marks", doc! { "status": 1, "marks": 1 }, doc! {});
    shop.run(doc! { "find": "orders", "filter": { "status": 1 }, "hint": "status_1" });
    let leaning = shop.advise(&args).run().json();
    assert_eq!(names(&leaning["redundant"]), ["customer_1"]);
    assert_eq!(names(&leaning["unused"]), ["at_total", "status_marks", "total_status"]);
    assert!(leaning["spared"].to_string().contains("`status_marks` could do its work, and is itself unused"));

    // A declared query that names an index keeps it.
    let spec = "databases: {d: {collections: {orders: {indexes: [{keys: {customer: 1}}], queries: [{name: q, \
                count: {customer: 1}, index: customer_1}]}}}}\n";
    let kept =
        shop.advise(&["--spec", "indexes.yaml", "--output", "json"]).file("indexes.yaml", spec).run().json();
    assert!(!names(&kept["redundant"]).contains(&"customer_1"), "{kept:#}");
    assert!(kept["spared"].to_string().contains("a declared query names it"), "{kept:#}");
}

#[test]
fn without_evidence_nothing_is_claimed() {
    // Another deployment may have statistics of queries, whatever the profiler does.
    let shop = Shop::on(MongoServer::start_with(&[]));
    let advise = shop.advise(&["--patch", "patch.yaml"]).run();
    advise.code(Exit::Inconclusive).stdout_has("profiling is off");
    advise.stdout_has("INCONCLUSIVE: no source told of queries");
    advise.stderr_has("patch.yaml: not written, there is no advice");
    assert_eq!(shop.run(doc! { "profile": -1 }).get_i32("was").unwrap(), 0, "it is never switched on");

    let empty = shop.advise(&["--log", "mongod.log"]).file("mongod.log", "plain text\n").run();
    empty.code(Exit::Inconclusive).stdout_has("none of 1 lines is a structured");
}

#[test]
fn what_may_not_be_read_is_said_and_not_judged() {
    let server = MongoServer::with_failpoints();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let database = server.client().await.database(server.database());
        let index = doc! { "key": { "a": 1 }, "name": "a_1" };
        database.run_command(doc! { "createIndexes": "orders", "indexes": [index] }).await.unwrap();
    });
    let data = doc! { "errorCode": 13, "failCommands": ["aggregate", "find"] };
    server.admin(doc! { "configureFailPoint": "failCommand", "mode": "alwaysOn", "data": data });
    let command = ["migrate", "indexes", "advise", "--uri", server.uri(), "--database", server.database()];
    let args = command.iter().chain(&["--min-age", "0s", "--output", "json"]);
    let report = Scalectl::new(args).run().code(Exit::Inconclusive).json();
    let failed: Vec<&str> = report["sources"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|source| source["state"] == "failed")
        .map(|source| source["source"].as_str().unwrap())
        .collect();
    assert_eq!(failed, ["profiler", "queryStats", "indexStats"], "{report:#}");
    assert!(report["sources"].to_string().contains("not allowed to read $indexStats"), "{report:#}");
    assert_eq!(names(&report["unused"]), NONE);
    let reason = report["spared"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("use not judged: ") && reason.ends_with(" could not be read"), "{reason}");
}

#[test]
fn a_server_that_only_resembles_mongodb_is_asked_and_not_believed() {
    let server = MongoServer::pretender();
    let args = ["migrate", "indexes", "advise", "--uri", server.uri(), "--database", server.database()];
    Scalectl::new(args).run().code(Exit::Inconclusive).stderr(str![""]);
}

#[test]
fn files_are_not_overwritten_and_must_be_there() {
    let shop = Shop::open();
    let refused = shop.advise(&["--patch", "patch.yaml"]).file("patch.yaml", "mine").run();
    refused.code(Exit::Refused).stderr(str![[r#"
error: patch.yaml: the file exists; --force overwrites it

"#]]);
    assert_eq!(std::fs::read_to_string(refused.path("patch.yaml")).unwrap(), "mine");
    shop.advise(&["--log", "nowhere.log"]).run().code(Exit::Usage).stderr(str![[r#"
error: nowhere.log could not be read: No such file or directory (os error 2)

"#]]);
    let neither = Scalectl::new(["migrate", "indexes", "advise", "--uri", shop.server.uri()]);
    neither.run().code(Exit::Usage).stderr_has("--database <NAME>");
}

#[test]
fn a_server_that_is_down_is_said_without_its_password() {
    let args = ["migrate", "indexes", "advise", "--database", "d", "--timeout", "300ms", "--uri", "env:DB"];
    let output = Scalectl::new(args).env("DB", "mongodb://ada:hunter2@127.0.0.1:1").run();
    output.code(Exit::Unreachable).stderr_has("mongodb://ada:***@127.0.0.1");
    assert!(!output.stderr.contains("hunter2") && !output.stdout.contains("hunter2"), "{}", output.report());
}
