//! `scalectl migrate indexes verify` against real servers.

use std::net::TcpListener;
use std::time::Duration;

use mongodb::Database;
use mongodb::bson::{Document, doc};
use regex::Regex;
use rustix::process::Signal;
use scalectl::Exit;
use serde_json::Value;
use snapbox::str;
use tokio::runtime::Builder;

use crate::support::{MongoServer, Output, Scalectl};

/// One database with one collection, `posts`; `body` is what the specification says of it.
fn spec(body: &str) -> String {
    format!("databases:\n  app:\n    collections:\n      posts:\n{body}")
}

/// The index by author, newest first, and the query that it serves.
const FEED: &str = "
        indexes:
          - keys: {author: 1, at: -1}
        queries:
          - name: feed of an author
            find:
              filter: {author: {$sample: author}}
              sort: {at: -1}
              limit: 5
            index: author_1_at_-1
";

fn verify(server: &MongoServer, body: &str) -> Scalectl {
    let args = ["migrate", "indexes", "verify", "--spec", "indexes.yaml", "--uri", server.uri()];
    let command = Scalectl::new(args).arg("--database").arg(server.database());
    let command = command
        .hide_matches(r"scalectl_test_\d+_\d+", "[DB]")
        .hide_matches(r"\d+ since [-\d]+T[\d:]+Z", "[USES]")
        .hide_matches(" {2,}", "  ");
    command.file("indexes.yaml", spec(body))
}

fn report(server: &MongoServer, body: &str, exit: Exit) -> Value {
    verify(server, body).arg("--output").arg("json").run().code(exit).json()
}

/// The report on the only collection.
fn collection(report: &Value) -> &Value {
    &report["collections"][0]
}

/// The kinds of findings of the query with this number.
fn findings(report: &Value, query: usize) -> Vec<&str> {
    let findings = collection(report)["queries"][query]["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["kind"].as_str().unwrap()).collect()
}

fn on_database<T>(server: &MongoServer, work: impl AsyncFnOnce(Database) -> T) -> T {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { work(server.client().await.database(server.database())).await })
}

fn run(server: &MongoServer, commands: impl IntoIterator<Item = Document>) {
    on_database(server, async |database| {
        for command in commands {
            database.run_command(command).await.unwrap();
        }
    });
}

/// Makes indexes on `posts`.
fn create(server: &MongoServer, indexes: &[Document]) {
    run(server, [doc! { "createIndexes": "posts", "indexes": indexes.to_vec() }]);
}

fn feed_index() -> Document {
    doc! { "key": { "author": 1, "at": -1 }, "name": "author_1_at_-1" }
}

/// A thousand posts of ten authors.
fn with_posts(server: MongoServer) -> MongoServer {
    on_database(&server, async |database| {
        let posts = (0..1_000).map(|id: i32| {
            let tags = if id % 2 == 0 { vec!["even", "all"] } else { vec!["odd", "all"] };
            doc! { "_id": id, "author": id % 10, "at": id, "likes": id % 7, "tags": tags }
        });
        database.collection("posts").insert_many(posts).await.unwrap();
    });
    server
}

fn server_with_posts() -> MongoServer {
    with_posts(MongoServer::start())
}

fn posts(server: &MongoServer) -> Vec<Document> {
    on_database(server, async |database| {
        let mut cursor = database.collection::<Document>("posts").find(doc! {}).await.unwrap();
        let mut posts = Vec::new();
        while cursor.advance().await.unwrap() {
            posts.push(cursor.deserialize_current().unwrap());
        }
        posts
    })
}

#[test]
fn the_table_shows_what_was_proved() {
    let server = server_with_posts();
    create(&server, &[feed_index()]);
    verify(&server, FEED).run().code(Exit::Done).stderr(str![""]).stdout(str![[r#"
mongodb://[..], version [..]

VERDICT  COLLECTION  INDEX  ON MEMBERS  USES
passed  [DB].posts  author_1_at_-1  [..] of [..]  [USES]

VERDICT  QUERY  SERVED BY  RETURNED  KEYS  DOCUMENTS  PER RETURNED
passed  posts: feed of an author  author_1_at_-1  5  5  5  1.0

PASSED: 1 of 1 indexes and 1 of 1 queries proved

"#]]);
}

#[test]
fn the_table_says_what_is_missing_and_what_to_do_next() {
    let server = server_with_posts();
    verify(&server, FEED).run().code(Exit::Failed).stderr(str![""]).stdout(str![[r#"
mongodb://[..], version [..]

VERDICT  COLLECTION  INDEX  ON MEMBERS  USES
failed  [DB].posts  author_1_at_-1  0 of [..]  -

VERDICT  QUERY  SERVED BY  RETURNED  KEYS  DOCUMENTS  PER RETURNED
failed  posts: feed of an author  -  5  0  1,000  200.0

failed: indexes.yaml:7: [DB].posts, index author_1_at_-1: missing on [..]: {author: 1, at: -1}
...
failed: indexes.yaml:9: [DB].posts, query feed of an author: the whole collection is scanned: no index serves this query
failed: indexes.yaml:9: [DB].posts, query feed of an author: the result is sorted in memory: no index gives this order

FAILED: 0 of 1 indexes and 0 of 1 queries proved
next: scalectl migrate indexes plan, which shows what has to change

"#]]);
}

#[test]
fn every_operation_is_proved_and_none_is_done() {
    let server = server_with_posts();
    create(&server, &[feed_index(), doc! { "key": { "tags": 1 }, "name": "tags_1" }]);
    let before = posts(&server);
    let body = "
        indexes: [{keys: {author: 1, at: -1}}, {keys: {tags: 1}}]
        queries:
          - {name: find, find: {filter: {author: 3, at: {$gte: 500}}, projection: {_id: 1}}, index: author_1_at_-1}
          - {name: by tag, find: {filter: {tags: {$sample: tags}}}, index: tags_1}
          - name: aggregate
            aggregate: [{$match: {author: {$sample: author}}}, {$sort: {at: -1}}, {$limit: 3}]
            index: author_1_at_-1
          - name: grouped
            aggregate: [{$match: {author: {$sample: author}}}, {$group: {_id: $likes, n: {$sum: 1}}}]
            index: author_1_at_-1
          - {name: count, count: {author: 3}, index: author_1_at_-1}
          - {name: distinct, distinct: {key: at, filter: {author: 3}}, index: author_1_at_-1}
          - {name: update, update: {author: {$sample: author}}, index: author_1_at_-1}
          - {name: delete, delete: {author: {$in: [1, 2]}}, index: author_1_at_-1}
          - {name: by id, find: {filter: {_id: {$sample: _id}}}}
";
    let report = report(&server, body, Exit::Done);
    let queries = collection(&report)["queries"].as_array().unwrap();
    let figures: Vec<_> = queries
        .iter()
        .map(|query| (query["query"].as_str().unwrap(), query["figures"]["returned"].as_u64().unwrap()))
        .collect();
    assert_eq!(
        figures,
        [
            ("find", 50),
            ("by tag", figures[1].1),
            ("aggregate", 3),
            ("grouped", 100),
            ("count", 100),
            ("distinct", 100),
            ("update", 100),
            ("delete", 200),
            ("by id", 1),
        ]
    );
    assert_eq!(posts(&server), before, "nothing was written");
    crate::schemas::conforms("indexes-verify-report.json", &report);
}

#[test]
fn a_scan_under_an_update_and_a_delete_fails_and_changes_nothing() {
    let server = server_with_posts();
    let before = posts(&server);
    let body = "
        queries:
          - {name: update, update: {author: {$sample: author}}}
          - {name: delete, delete: {likes: 3}}
";
    let report = report(&server, body, Exit::Failed);
    assert_eq!(
        (findings(&report, 0), findings(&report, 1)),
        (vec!["collectionScan"], vec!["collectionScan"])
    );
    assert_eq!(posts(&server), before, "nothing was written");
}

#[test]
fn sorting_in_memory_fails_unless_it_is_allowed() {
    let server = server_with_posts();
    create(&server, &[doc! { "key": { "likes": 1 }, "name": "likes_1" }]);
    let body = "
        queries:
          - {name: sorted, find: {filter: {likes: 3}, sort: {at: -1}}}
          - {name: allowed, find: {filter: {likes: 3}, sort: {at: -1}}, allowSort: true}
          - name: groups
            aggregate: [{$match: {likes: 3}}, {$group: {_id: $author, n: {$sum: 1}}}, {$sort: {n: -1}}]
";
    let report = report(&server, body, Exit::Failed);
    assert_eq!(findings(&report, 0), ["inMemorySort"]);
    assert_eq!(findings(&report, 1), Vec::<&str>::new());
    assert_eq!(findings(&report, 2), ["inMemorySort"]);
    let message = collection(&report)["queries"][2]["findings"][0]["message"].as_str().unwrap();
    assert!(message.ends_with("if that is meant, declare `allowSort: true`"), "{message}");
}

#[test]
fn another_index_than_the_named_one_fails() {
    let server = server_with_posts();
    create(&server, &[feed_index(), doc! { "key": { "likes": 1 }, "name": "likes_1" }]);
    let body = "
        indexes: [{keys: {author: 1, at: -1}}, {keys: {likes: 1}}]
        queries:
          - {name: likes, find: {filter: {likes: 3}}, index: author_1_at_-1}
";
    let report = report(&server, body, Exit::Failed);
    assert_eq!(findings(&report, 0), ["otherIndex"]);
    let message = &collection(&report)["queries"][0]["findings"][0]["message"];
    assert_eq!(message, "`likes_1` serves it, where `author_1_at_-1` should");
    verify(&server, body).run().stdout_has("next: declare what serves the queries, then ");
}

#[test]
fn too_much_examined_for_what_is_returned_fails_with_all_figures() {
    let server = server_with_posts();
    create(&server, &[feed_index()]);
    let body = "
        indexes: [{keys: {author: 1, at: -1}}]
        queries:
          - {name: strict, find: {filter: {author: 3, likes: 0}}}
          - {name: lenient, find: {filter: {author: 3, likes: 0}}, keysPerReturned: 10, docsPerReturned: 10}
";
    let report = report(&server, body, Exit::Failed);
    assert_eq!(findings(&report, 0), ["keysExamined", "docsExamined"]);
    assert_eq!(findings(&report, 1), Vec::<&str>::new());
    let strict = &collection(&report)["queries"][0];
    let message = "100 keys examined for 14 returned: 7.1 each, where `keysPerReturned` allows 2";
    assert_eq!(strict["findings"][0]["message"], message);
    assert_eq!(
        (&strict["figures"]["keysExamined"], &strict["figures"]["docsExamined"]),
        (&100.into(), &100.into())
    );
}

#[test]
fn the_worst_of_the_samples_is_reported() {
    let server = MongoServer::start();
    on_database(&server, async |database| {
        // Whoever asks for author 0 reads 500 documents to find one; there is nothing else to draw.
        let posts = (0..500).map(|id: i32| doc! { "_id": id, "author": 0, "likes": id });
        database.collection("posts").insert_many(posts).await.unwrap();
        let others = (500..520).map(|id: i32| doc! { "_id": id, "title": "no author" });
        database.collection("posts").insert_many(others).await.unwrap();
    });
    create(&server, &[doc! { "key": { "author": 1 }, "name": "author_1" }]);
    let body = "
        queries:
          - {name: one, find: {filter: {author: {$sample: author}, likes: {$sample: likes}}}, samples: 7}
";
    let report = report(&server, body, Exit::Failed);
    let query = &collection(&report)["queries"][0];
    assert_eq!((&query["samples"], &query["figures"]["keysExamined"]), (&7.into(), &500.into()));
    assert_eq!(query["figures"]["examinedPerReturned"], 500.0);
}

#[test]
fn documents_without_the_path_are_passed_over_however_many_there_are() {
    let server = server_with_posts();
    run(
        &server,
        [doc! {
            "update": "posts",
            "updates": [{ "q": { "_id": { "$in": [7, 8] } }, "u": { "$set": { "slug": "there", "address.city": "x" } }, "multi": true }],
        }],
    );
    create(&server, &[doc! { "key": { "slug": 1 }, "name": "slug_1" }]);
    let body = "
        queries:
          - {name: by slug, find: {filter: {slug: {$sample: slug}}}}
          - {name: by nothing, find: {filter: {author: {$sample: author}, slug: {$sample: nowhere}}}}
";
    let report = report(&server, body, Exit::Inconclusive);
    let queries = &collection(&report)["queries"];
    assert_eq!((&queries[0]["verdict"], &queries[0]["samples"]), (&"passed".into(), &2.into()));
    assert_eq!(
        (&queries[0]["figures"]["returned"], &queries[0]["indexes"][0]),
        (&2.into(), &"slug_1".into())
    );
    assert_eq!(findings(&report, 1), ["nothingToMeasure"]);
    assert_eq!((&queries[1]["figures"], &queries[1]["indexes"][0]), (&Value::Null, &"slug_1".into()));
}

#[test]
fn on_an_empty_collection_the_plan_is_judged_all_the_same() {
    let server = MongoServer::start();
    create(&server, &[feed_index()]);
    let report_of = |body: &str, exit| report(&server, body, exit);
    let report = report_of(FEED, Exit::Inconclusive);
    assert_eq!(findings(&report, 0), ["nothingToMeasure"]);
    assert_eq!(collection(&report)["queries"][0]["indexes"][0], "author_1_at_-1");
    assert_eq!(collection(&report)["indexes"][0]["verdict"], "passed");
    let body = "
        queries: [{name: given, find: {filter: {author: 1}}}, {name: scan, find: {filter: {likes: 1}}}]
";
    let report = report_of(body, Exit::Failed);
    assert_eq!(findings(&report, 0), ["nothingToMeasure"]);
    assert_eq!(findings(&report, 1), ["collectionScan", "nothingToMeasure"]);
}

#[test]
fn a_plan_that_hangs_on_values_that_are_not_there_is_left_open() {
    let server = MongoServer::start();
    let filter = doc! { "status": "open" };
    create(&server, &[doc! { "key": { "at": 1 }, "name": "at_1", "partialFilterExpression": filter }]);
    let body = "
        indexes: [{keys: {at: 1}, partialFilterExpression: {status: open}}]
        queries:
          - {name: open ones, find: {filter: {status: {$sample: status}, at: {$gte: {$sample: at}}}}, index: at_1}
          - {name: without index, find: {filter: {title: {$sample: title}}}}
";
    let report = report(&server, body, Exit::Failed);
    assert_eq!(findings(&report, 0), ["nothingToMeasure"]);
    assert_eq!(findings(&report, 1), ["collectionScan", "nothingToMeasure"]);
}

#[test]
fn a_collection_of_three_documents_gives_a_verdict() {
    let server = MongoServer::start();
    run(
        &server,
        [doc! { "insert": "posts", "documents": [
            { "_id": 1, "author": 1, "at": 1 }, { "_id": 2, "author": 1, "at": 2 }, { "_id": 3, "author": 2, "at": 3 },
        ] }],
    );
    create(&server, &[feed_index()]);
    report(&server, FEED, Exit::Done);
}

#[test]
fn differing_options_are_named_with_both_values() {
    let server = MongoServer::start();
    create(
        &server,
        &[
            doc! { "key": { "author": 1 }, "name": "author_1", "expireAfterSeconds": 90, "unique": true },
            doc! { "key": { "at": 1 }, "name": "other" },
            doc! { "key": { "likes": 1 }, "name": "mine" },
            doc! { "key": { "slug": 1 }, "name": "slug_1", "hidden": true },
        ],
    );
    let body = "
        indexes:
          - {keys: {author: 1}, expireAfterSeconds: 60, collation: {locale: de}}
          - {keys: {at: 1}, name: at}
          - {keys: {likes: 1}}
          - {keys: {slug: 1}}
          - {keys: {gone: 1}}
";
    let output = verify(&server, body).run();
    // One line per member; without their names they are the same.
    let member = Regex::new(r" on [^ ]+:\d+").unwrap();
    let lines = output.code(Exit::Failed).stdout.lines().filter(|line| line.starts_with("failed: "));
    let told = lines.filter_map(|line| Some(member.replace(line.split_once(", index ")?.1, "").into_owned()));
    let mut told: Vec<String> = told.collect();
    told.dedup();
    assert_eq!(
        told,
        [
            "author_1: differs: collation declared {\"locale\":\"de\"}, found not set; \
         expireAfterSeconds declared 60, found 90; unique declared not set, found true",
            "at: differs: name declared at, found other",
            "slug_1: hidden, and not declared so",
            "gone_1: missing: {gone: 1}",
        ]
    );
    let report = report(&server, body, Exit::Failed);
    assert_eq!(collection(&report)["indexes"][2]["members"][0]["listedAs"], "mine");
}

#[test]
fn what_must_be_gone_fails_what_is_not_named_does_not() {
    let server = server_with_posts();
    create(
        &server,
        &[
            feed_index(),
            doc! { "key": { "likes": 1 }, "name": "old" },
            doc! { "key": { "z": 1 }, "name": "z_1" },
        ],
    );
    let body = "
        indexes: [{keys: {author: 1, at: -1}}]
";
    let output = verify(&server, body).run();
    output.code(Exit::Done).stdout_has("index z_1 {z: 1}: not in the specification\n");
    let output = verify(&server, &format!("{body}        unmanaged: keep\n")).run();
    assert!(!output.code(Exit::Done).stdout.contains("z_1"), "{}", output.report());
    let output = verify(&server, &format!("{body}        absent: [old]\n")).run();
    output.code(Exit::Failed).stdout_has("index old: must be gone, and is still on ");
}

#[test]
fn a_replacement_counts_as_the_index_that_it_replaces() {
    let server = server_with_posts();
    create(
        &server,
        &[
            doc! { "key": { "author": 1, "at": -1 }, "name": "author_1_at_-1_r0a1b2c3d" },
            doc! { "key": { "author": 1 }, "name": "author_1_at_-1", "hidden": true },
        ],
    );
    let report = report(&server, FEED, Exit::Done);
    assert_eq!(collection(&report)["indexes"][0]["members"][0]["listedAs"], "author_1_at_-1_r0a1b2c3d");
    assert_eq!(collection(&report)["unmanaged"], Value::Array(Vec::new()));
}

#[test]
fn a_view_and_an_unclustered_collection_are_told() {
    let server = server_with_posts();
    run(&server, [doc! { "create": "shown", "viewOn": "posts", "pipeline": [] }]);
    let file =
        "databases: {app: {collections: {shown: {indexes: [{keys: {a: 1}}]}, posts: {clustered: true}}}}";
    let output = verify(&server, "").file("indexes.yaml", file).run();
    output
        .code(Exit::Failed)
        .stdout_has("shown is a view: declare the indexes on the collection that it shows");
    output.stdout_has("posts is not clustered, and is declared so");
}

#[test]
fn a_query_that_the_server_refuses_fails_with_its_words() {
    let server = server_with_posts();
    let body = "
        queries: [{name: odd, find: {filter: {$oddOperator: 1}}}]
";
    let report = report(&server, body, Exit::Failed);
    assert_eq!(findings(&report, 0), ["refused"]);
}

#[test]
fn a_specification_without_anything_to_prove_is_inconclusive() {
    let server = MongoServer::start();
    verify(&server, "        unmanaged: keep\n")
        .run()
        .code(Exit::Inconclusive)
        .stdout_has("note: the specification declares nothing that could be proved");
}

#[test]
fn a_server_that_only_resembles_mongodb_proves_nothing() {
    let server = with_posts(MongoServer::pretender());
    create(&server, &[feed_index()]);
    let before = posts(&server);
    let body = "
        queries:
          - {name: find, find: {filter: {author: {$sample: author}}}}
          - {name: given, find: {filter: {author: 3}}}
          - {name: count, count: {author: 3}}
          - {name: grouped, aggregate: [{$match: {author: 3}}]}
          - {name: update, update: {author: 3}}
          - {name: delete, delete: {author: 3}}
";
    let report = report(&server, body, Exit::Inconclusive);
    for query in 0..6 {
        let verdict = &collection(&report)["queries"][query]["verdict"];
        assert_eq!(verdict, "inconclusive", "{}", collection(&report)["queries"][query]);
    }
    assert_eq!(posts(&server), before, "nothing was written");
    let unique = "        indexes: [{keys: {author: 1}, unique: true}]\n";
    verify(&server, unique).run().code(Exit::Failed);
}

/// The server with fail points, which makes `commands` fail as `how` says.
fn failing(commands: &[&str], mode: Document, how: Document) -> MongoServer {
    let server = with_posts(MongoServer::with_failpoints());
    create(&server, &[feed_index()]);
    let mut data = doc! { "failCommands": commands.to_vec() };
    data.extend(how);
    server.admin(doc! { "configureFailPoint": "failCommand", "mode": mode, "data": data });
    server
}

#[test]
fn a_query_that_takes_too_long_is_judged_by_its_plan() {
    let server = failing(&["explain"], doc! { "times": 1 }, doc! { "errorCode": 50 });
    let body = "
        queries: [{name: slow, find: {filter: {author: 3}}}]
";
    let report = report(&server, body, Exit::Inconclusive);
    assert_eq!(findings(&report, 0), ["tooSlow"]);
    assert_eq!(collection(&report)["queries"][0]["indexes"][0], "author_1_at_-1");
}

#[test]
fn a_server_without_explain_proves_nothing() {
    let server = failing(&["explain"], doc! { "times": 1 }, doc! { "errorCode": 59 });
    let body = "
        queries: [{name: unknown, find: {filter: {author: 3}}}]
";
    assert_eq!(findings(&report(&server, body, Exit::Inconclusive), 0), ["notProvable"]);
}

#[test]
fn an_account_that_may_not_explain_is_refused_with_what_it_lacks() {
    let server = failing(&["explain"], doc! { "times": 1 }, doc! { "errorCode": 13 });
    let output = verify(&server, FEED).run();
    output
        .code(Exit::Refused)
        .stdout(str![""])
        .stderr_has("not allowed to explain the query `feed of an author` of ");
}

#[test]
fn a_member_that_hangs_up_is_named() {
    let server = failing(&["listIndexes"], doc! { "skip": 1 }, doc! { "closeConnection": true });
    let output = verify(&server, FEED).arg("--timeout").arg("2s").run();
    let member = server.uri().trim_start_matches("mongodb://");
    output.code(Exit::Unreachable).stdout(str![""]).stderr_has(&format!("error: {member}: "));
}

#[test]
fn a_server_that_is_gone_ends_it_soon_and_is_named() {
    let mut server = MongoServer::start_with(&[]);
    let command = verify(&server, FEED).arg("--timeout").arg("1s");
    server.process().unwrap().kill();
    let output: Output = command.run();
    output.code(Exit::Unreachable).stdout(str![""]).stderr_has(server.uri());
    assert!(output.took < Duration::from_secs(10), "{}", output.report());
}

#[test]
fn ctrl_c_ends_it_while_a_server_is_silent() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("mongodb://{}", silent.local_addr().unwrap());
    let args = ["migrate", "indexes", "verify", "--timeout", "60s", "--uri", &uri];
    let running = Scalectl::new(args).file("indexes.yaml", spec(FEED)).spawn();
    let _connection = silent.accept().unwrap();
    running.signal(Signal::INT);
    running.wait(Duration::from_secs(10)).code(Exit::Interrupted).stdout(str![""]);
}

#[test]
fn a_file_with_mistakes_is_refused_before_anything_is_asked() {
    let args = ["migrate", "indexes", "verify", "--uri", "mongodb://127.0.0.1:1"];
    let file = spec("        queries: [{name: q, count: {a: 1}, index: nowhere}]\n");
    let output = Scalectl::new(args).file("indexes.yaml", file).run();
    output.code(Exit::Usage).stdout(str![""]).stderr_has("no index `nowhere` is declared");
}
