//! `scalectl migrate indexes plan`, `apply`, `rollback` and `history`, against a real server.

use mongodb::bson::{Bson, DateTime, Document, doc};
use scalectl::Exit;
use snapbox::str;

use crate::support::{Indexed, MongoServer, Scalectl, block_on};

const FEED: &str = "\
indexes:
  - keys: {author: 1, at: -1}
";

fn things(count: i32) -> impl Iterator<Item = Document> {
    (0..count).map(|n| doc! { "author": n % 10, "at": n, "slug": format!("s{n}"), "n": n })
}

#[test]
fn a_declared_index_is_planned_made_and_then_there_is_nothing_to_do() {
    let app = Indexed::start();
    app.insert(things(1_000));
    app.declare(FEED);
    let plan = app.command(&["plan", "--detailed-exit-code"]);
    let plan = plan
        .hide_matches(r"against .*", "against [DEPLOYMENT]")
        .hide_matches(r"index about .*", "[SIZE]")
        .run();
    plan.code(Exit::Failed)
        .stdout(str![[r#"
indexes.yaml against [DEPLOYMENT]

create author_1_at_-1 on [DB].things, low risk
  why: no index has these keys and options
  size: 1,000 documents, [SIZE]
  1. build author_1_at_-1 {author: 1, at: -1}
  2. verify author_1_at_-1 on every member

1 changes in 2 steps.

"#]])
        .stderr(str![[r#"
to make these changes: scalectl migrate indexes apply (the same arguments)

"#]]);
    assert_eq!(app.names(), [""; 0], "a plan changes nothing");
    app.command(&["apply", "--yes", "--quiet"]).run().code(Exit::Done).stderr(str![""]).stdout(str![[r#"
COLLECTION [..] STEP [..] TOOK
[DB].things  build author_1_at_-1 {author: 1, at: -1}[..][TIME]
[DB].things  verify author_1_at_-1 on every member[..][TIME]

Done: every index is as it must be, on every member.

"#]]);
    assert_eq!(app.names(), ["author_1_at_-1"]);
    let again = app
        .command(&["plan", "--detailed-exit-code"])
        .hide_matches(r"against .*", "against [DEPLOYMENT]")
        .run();
    again.code(Exit::Done).stderr(str![""]).stdout(str![[r#"
indexes.yaml against [DEPLOYMENT]

Nothing to do: every declared index is there.

"#]]);
}

/// Declares `wanted`, makes it so, and holds that nothing is left to do; gives what the server lists then.
#[track_caller]
fn brought_to(app: &Indexed, wanted: &str, flags: &[&str]) -> Vec<Document> {
    app.declare(&format!("indexes:\n{wanted}"));
    app.command(&[&["apply", "--yes", "--output", "json"], flags].concat()).run().code(Exit::Done);
    let plan = app.command(&["plan", "--output", "json"]).run();
    assert_eq!(plan.code(Exit::Done).json()["changes"], serde_json::json!([]), "after {wanted}");
    app.listed()
}

#[test]
fn every_class_of_option_is_made_changed_and_gone() {
    let app = Indexed::start();
    app.insert(things(500));
    for (first, then) in [
        ("- keys: {a: 1}", "- {keys: {a: 1}, sparse: true}"),
        ("- {keys: {slug: 1}, unique: true}", "- {keys: {slug: 1}, unique: true, sparse: true}"),
        ("- keys: {slug: 1}", "- {keys: {slug: 1}, unique: true}"),
        (
            "- {keys: {b: 1}, partialFilterExpression: {n: {$gt: 5}}}",
            "- {keys: {b: 1}, partialFilterExpression: {n: {$gt: 6}}}",
        ),
        ("- {keys: {c: 1}, hidden: true}", "- {keys: {c: 1}}"),
        ("- {keys: {at2: 1}, expireAfterSeconds: 60}", "- {keys: {at2: 1}, expireAfterSeconds: 90}"),
        ("- {keys: {at3: 1}}", "- {keys: {at3: 1}, expireAfterSeconds: 90}"),
        ("- {keys: {at4: 1}, expireAfterSeconds: 60}", "- {keys: {at4: 1}}"),
        (
            "- {keys: {d: 1}, collation: {locale: en, strength: 2}}",
            "- {keys: {d: 1}, collation: {locale: de, strength: 1}}",
        ),
        ("- {keys: {loc: 2dsphere}}", "- {keys: {loc: 2dsphere}, 2dsphereIndexVersion: 2}"),
        ("- {keys: {e: 1, f: -1}, name: own}", "- {keys: {e: -1, f: -1}, name: own}"),
    ] {
        for wanted in [first, then] {
            let listed = brought_to(&app, &format!("  {wanted}"), &[]);
            assert_eq!(listed.len(), 1, "{wanted}: {listed:?}");
            let options =
                ["unique", "sparse", "hidden", "expireAfterSeconds", "partialFilterExpression", "collation"];
            for option in options {
                assert_eq!(listed[0].contains_key(option), wanted.contains(option), "{wanted}: {listed:?}");
            }
        }
        let name = app.names().remove(0);
        app.declare(&format!("absent: [{name}]"));
        app.command(&["apply", "--yes"]).run().code(Exit::Done);
        assert_eq!(app.names(), [""; 0], "after {then}");
    }
}

#[test]
fn kinds_that_have_no_stand_in_need_leave_for_a_gap() {
    let app = Indexed::start();
    let wildcard =
        |field: &str| format!("  - {{keys: {{$**: 1}}, name: all, wildcardProjection: {{{field}: 1}}}}");
    // Not every server uses what it lists; that is another test's.
    brought_to(&app, &wildcard("a"), &["--allow-degraded"]);
    app.declare(&format!("indexes:\n{}", wildcard("b")));
    let refused = app.command(&["plan", "--allow-degraded"]).run();
    refused.code(Exit::Refused).stdout_has("blocked: all and the old one cannot stand side by side");
    refused.stdout_has("choose a quiet time, then allow the gap with --allow-gap");
    let apply = app.command(&["apply", "--yes", "--allow-degraded"]).run();
    apply.code(Exit::Refused).stderr_has("error: the plan cannot be applied: replace all:");
    let listed = brought_to(&app, &wildcard("b"), &["--allow-gap", "--allow-degraded"]);
    assert_eq!(listed[0].get_document("wildcardProjection").unwrap(), &doc! { "b": 1 });
    app.declare("absent: [all]");
    app.command(&["apply", "--yes"]).run().code(Exit::Done);
    brought_to(&app, "  - {keys: {place: 2d}, bits: 20}", &[]);
    app.command(&["plan"]).run().code(Exit::Done);
    let listed = brought_to(&app, "  - {keys: {place: 2d}, bits: 24}", &["--allow-gap"]);
    assert_eq!(listed[0].get("bits").and_then(Bson::as_i32), Some(24));
}

#[test]
fn settings_of_the_storage_engine_change_by_a_bridge() {
    let app = Indexed::start();
    app.insert(things(100));
    let with = |setting: &str| {
        format!("  - {{keys: {{n: 1}}, storageEngine: {{wiredTiger: {{configString: '{setting}'}}}}}}")
    };
    for setting in ["block_compressor=zlib", "block_compressor=snappy"] {
        brought_to(&app, &with(setting), &["--allow-degraded"]);
    }
    assert_eq!(app.names(), ["n_1"]);
}

#[test]
fn what_a_live_server_has_is_imported_and_then_there_is_nothing_to_do() {
    let app = Indexed::start();
    app.insert(things(10));
    app.create([
        doc! { "key": { "author": 1, "at": -1 }, "name": "author_1_at_-1" },
        doc! { "key": { "slug": 1 }, "name": "own", "unique": true, "sparse": true, "hidden": true },
        doc! { "key": { "at": 1 }, "name": "at_1", "expireAfterSeconds": 3_600_000 },
        doc! { "key": { "n": 1 }, "name": "n_1", "partialFilterExpression": { "n": { "$gt": 5 } } },
        doc! { "key": { "m": 1 }, "name": "m_1", "collation": { "locale": "en", "strength": 2 } },
        doc! { "key": { "place": "2dsphere" }, "name": "place_2dsphere" },
    ]);
    app.command(&["import", "--from-server", "--spec-file", "indexes.yaml"]).run().code(Exit::Done);
    let plan = app.command(&["plan", "--output", "json"]).run();
    assert_eq!(plan.code(Exit::Done).json()["changes"], serde_json::json!([]));
    app.command(&["verify"]).run().code(Exit::Done);
}

#[test]
fn what_a_server_accepts_and_does_not_enforce_blocks_the_plan() {
    let app = Indexed::on(MongoServer::pretender());
    app.insert(things(10));
    app.declare("indexes:\n  - {keys: {slug: 1}, unique: true}\n  - {keys: {at: 1}, hidden: true}");
    let plan = app.command(&["plan"]).run();
    plan.code(Exit::Refused).stdout_has("this server accepts unique and does not enforce it");
    plan.stdout_has("this server accepts hidden and does not enforce it").stdout_has("--allow-degraded");
    app.command(&["apply", "--yes"]).run().code(Exit::Refused);
    let names = app.names();
    assert!(!names.iter().any(|name| name.contains("slug")), "nothing was changed: {names:?}");
    let allowed = app.command(&["plan", "--allow-degraded"]).run();
    allowed.code(Exit::Done).stdout_has("mind: unique is accepted here and not enforced");
}

#[test]
fn a_feed_goes_from_a_scan_to_its_index_and_the_report_shows_both() {
    let app = Indexed::start();
    app.insert((0..100_000).map(|n| doc! { "author": n % 1_000, "at": n }));
    let query = "\
queries:
  - name: feed
    find: {filter: {author: {$sample: author}}, sort: {at: -1}, limit: 20}
    index: author_1_at_-1
";
    app.declare(&format!("{FEED}{query}"));
    app.command(&["verify"]).run().code(Exit::Failed).stdout_has("the whole collection is scanned");
    let report = app.command(&["apply", "--yes", "--output", "json"]).run().code(Exit::Done).json();
    let feed = &report["queries"][0];
    let examined = |proof: &str| feed[proof]["figures"]["examinedPerReturned"].as_f64().unwrap();
    assert!(examined("before") >= 1_000.0, "{feed}");
    assert!(examined("after") <= 1.5, "{feed}");
    assert_eq!(feed["after"]["indexes"], serde_json::json!(["author_1_at_-1"]));
    app.command(&["verify"]).run().code(Exit::Done).stdout_has("PASSED");
}

#[test]
fn duplicates_are_named_before_anything_changes() {
    let app = Indexed::start();
    app.insert([
        doc! { "_id": 1, "slug": "same" },
        doc! { "_id": 2, "slug": "same" },
        doc! { "_id": 3, "slug": "other" },
        doc! { "_id": 4 },
        doc! { "_id": 5 },
    ]);
    app.declare("indexes:\n  - {keys: {slug: 1}, unique: true}");
    let plan = app.command(&["plan", "--output", "json"]).run();
    let duplicates = plan.code(Exit::Refused).json()["changes"][0]["estimate"]["duplicates"].clone();
    let mut ids: Vec<String> =
        duplicates.as_array().unwrap().iter().map(|group| group["ids"].to_string()).collect();
    ids.sort();
    assert_eq!(ids, [r#"["1","2"]"#, r#"["4","5"]"#], "a missing field counts as null");
    app.command(&["apply", "--yes"])
        .run()
        .code(Exit::Refused)
        .stderr_has("2 groups of documents with the same key");
    assert_eq!(app.names(), [""; 0]);
    app.declare("indexes:\n  - {keys: {slug: 1}, unique: true, sparse: true}");
    let sparse = app.command(&["plan", "--output", "json"]).run();
    let duplicates = sparse.code(Exit::Refused).json()["changes"][0]["estimate"]["duplicates"].clone();
    assert_eq!(duplicates.as_array().unwrap().len(), 1, "a sparse index leaves the others out");
}

#[test]
fn a_ttl_that_would_delete_says_how_many_and_asks_first() {
    let app = Indexed::start();
    let hour_ago = DateTime::from_millis(DateTime::now().timestamp_millis() - 3_600_000);
    app.insert((0..7).map(|_| doc! { "at": hour_ago }).chain([doc! { "at": DateTime::now() }]));
    app.declare("indexes:\n  - {keys: {at: 1}, expireAfterSeconds: 600}");
    let plan = app.command(&["plan"]).run();
    plan.code(Exit::Refused).stdout_has("7 documents are older than 600 s and would be deleted");
    app.command(&["plan", "--allow-deletes"]).run().code(Exit::Done).stdout_has("7 documents expire at once");
    app.declare("indexes:\n  - {keys: {at: 1}, expireAfterSeconds: 7200}");
    app.command(&["plan"]).run().code(Exit::Done);
}

#[test]
fn a_plan_in_a_file_is_bound_to_the_specification_the_deployment_and_the_state() {
    let app = Indexed::start();
    app.insert(things(10));
    app.declare(FEED);
    app.command(&["plan", "--out", "plan.json"]).run().code(Exit::Done);
    let apply = |app: &Indexed| app.command(&["apply", "plan.json"]).run();
    // Another specification.
    app.declare("indexes:\n  - keys: {author: 1}");
    apply(&app)
        .code(Exit::Refused)
        .stderr_has("the plan is stale: indexes.yaml has changed since it was made");
    app.declare(FEED);
    // Another state.
    app.create([doc! { "key": { "z": 1 }, "name": "z_1" }]);
    let stale = apply(&app);
    stale.code(Exit::Refused).stderr_has("have changed since it was made; make a new one");
    app.run(doc! { "dropIndexes": "things", "index": "z_1" }).unwrap();
    // Another deployment.
    let other = MongoServer::start_with(&["--standalone"]);
    let elsewhere = app.command(&["apply", "plan.json"]).env("SCALECTL_MONGODB_URI", other.uri()).run();
    elsewhere.code(Exit::Refused).stderr_has("the plan was made for another deployment: for replica set");
    // A plan changed by hand.
    let text = std::fs::read_to_string(app.dir.join("plan.json")).unwrap();
    app.dir.write("edited.json", text.replace("author_1_at_-1", "author_1_at_-2"));
    let edited = app.command(&["apply", "edited.json"]).run();
    edited.code(Exit::Refused).stderr_has("edited.json was changed after it was made");
    assert_eq!(app.names(), [""; 0]);
    // The plan as it is; a second time there is nothing left to do.
    apply(&app).code(Exit::Done).stdout_has("Done:");
    assert_eq!(app.names(), ["author_1_at_-1"]);
    apply(&app).code(Exit::Done).stdout_has("Nothing to do");
}

#[test]
fn without_a_terminal_changes_have_to_be_confirmed() {
    let app = Indexed::start();
    app.insert(things(10));
    app.declare(FEED);
    let refused = app.command(&["apply"]).run();
    refused.code(Exit::Refused).stderr_has("nothing was changed: confirm with --yes");
    assert_eq!(app.names(), [""; 0]);
}

#[test]
fn a_rollback_goes_back_to_any_point_of_the_history() {
    let app = Indexed::start();
    app.insert(things(100));
    app.create([doc! { "key": { "author": 1 }, "name": "author_1", "sparse": true }]);
    let before = app.listed();
    brought_to(&app, "  - keys: {author: 1}\n  - {keys: {slug: 1}, unique: true}", &[]);
    let between = app.listed();
    app.declare("absent: [slug_1]");
    app.command(&["apply", "--yes"]).run().code(Exit::Done);
    let history = app.command(&["history", "--output", "json"]).run();
    let entries = history.code(Exit::Done).json()["entries"].as_array().unwrap().clone();
    let last_of_first = entries.iter().position(|entry| entry["event"]["event"] == "ended").unwrap() + 1;
    // Before the last run, then before the first: unique and sparse are as they were.
    app.command(&["rollback", "--yes"]).run().code(Exit::Done);
    assert_eq!(app.listed(), between);
    app.command(&["rollback", "--yes", "--to", &last_of_first.to_string()]).run().code(Exit::Done);
    assert_eq!(app.listed(), between);
    app.command(&["rollback", "--yes", "--to", "0"]).run().code(Exit::Done);
    let bare = |listed: Vec<Document>| -> Vec<Document> {
        listed
            .into_iter()
            .map(|mut index| {
                index.remove("name");
                index
            })
            .collect()
    };
    assert_eq!(bare(app.listed()), bare(before));
    let outside = app.command(&["rollback", "--yes", "--to", "10000"]).run();
    outside.code(Exit::Refused).stderr_has("has the entries 1 to");
}

#[test]
fn a_history_that_was_changed_shows() {
    let app = Indexed::start();
    app.insert(things(10));
    brought_to(&app, "  - keys: {author: 1}", &[]);
    let whole = app.command(&["history"]).run();
    whole.code(Exit::Done).stdout_has("The history is whole").stdout_has("tester@");
    app.run(doc! { "update": "scalectl.indexHistory", "updates": [
        { "q": { "_id": 2 }, "u": { "$set": { "at": "2020-01-01T00:00:00Z" } } },
    ] })
    .unwrap();
    app.command(&["history"])
        .run()
        .code(Exit::Failed)
        .stdout_has("The history was changed: entry 2: was changed");
    app.command(&["rollback", "--yes"]).run().code(Exit::Refused).stderr_has("was changed: entry 2");
}

#[test]
fn a_plan_for_a_pull_request_is_markdown() {
    let app = Indexed::start();
    app.insert(things(10));
    app.create([doc! { "key": { "stray": 1 }, "name": "stray_1" }]);
    app.declare(FEED);
    let plan = app.command(&["plan", "--output", "markdown", "--quiet"]);
    let plan = plan
        .hide_matches(r"against .*", "against [DEPLOYMENT]")
        .hide_matches(r"index about [^|]*", "[SIZE] ");
    plan.hide_matches(r"Plan `.*", "Plan [HASH]").run().code(Exit::Done).stdout(str![[r#"
### Indexes: indexes.yaml against [DEPLOYMENT]

| change | index | on | risk | why | size |
|---|---|---|---|---|---|
| create | `author_1_at_-1` | [DB].things | low | no index has these keys and options | 10 documents, [SIZE] |

<details><summary>Steps</summary>

`author_1_at_-1` on [DB].things:

1. build author_1_at_-1 {author: 1, at: -1}
2. verify author_1_at_-1 on every member

</details>

Left as they are:

- [DB].things stray_1: {stray: 1}: nobody declares it

Plan [HASH]

"#]]);
}

#[test]
fn mistakes_of_a_specification_are_named_with_their_places() {
    let text = "\
databases:
  app:
    collections:
      things:
        indexes:
          - {keys: {a: 1}, uniqe: true}
          - {keys: {a: 3}}
";
    let mistakes = Scalectl::new(["migrate", "indexes", "plan"]).file("indexes.yaml", text).run();
    mistakes.code(Exit::Usage).stdout(str![""]).stderr(str![[r#"
error: unknown key `uniqe`
 --> indexes.yaml:6:28
  |
6 |           - {keys: {a: 1}, uniqe: true}
  |                            ^^^^^ did you mean `unique`?

"#]]);
    let text = "\
databases:
  app:
    collections:
      things:
        indexes:
          - {keys: {a: 3}}
          - {keys: {b: 1, c: 1}, expireAfterSeconds: 5}
          - {keys: {t: text}}
          - {keys: {u: text}}
          - {keys: {_id: 1}, hidden: true}
          - {keys: {d: 1}, name: same}
          - {keys: {e: 1}, name: same}
          - {keys: {$**: 1}, unique: true}
          - {keys: {f: 1}, partialFilterExpression: {n: {$ne: 1}}}
        queries:
          - {name: q, find: {}, count: {}}
          - {name: r, find: {}, index: nowhere}
";
    let mistakes = Scalectl::new(["migrate", "indexes", "plan"]).file("indexes.yaml", text).run();
    for message in [
        "`a`: 3 is no kind of index",
        "only an index on one field can expire documents",
        "a collection has at most one text index; the other is in line 8",
        "the index on _id cannot be hidden",
        "the index on _id comes with the collection",
        "the name `same` is taken by the index of line 11",
        "a wildcard index cannot be unique",
        "a partial filter cannot use `$ne`",
        "query `q` says 2 of its kinds",
        "no index `nowhere` is declared",
    ] {
        mistakes.code(Exit::Usage).stderr_has(message);
    }
}

#[test]
fn a_server_that_is_not_there_is_named_without_its_password() {
    let spec = "databases: {app: {collections: {things: {indexes: [{keys: {a: 1}}]}}}}\n";
    let plan = Scalectl::new(["migrate", "indexes", "plan", "--timeout", "500ms", "--uri", "env:URI"]);
    let plan = plan.file("indexes.yaml", spec).env("URI", "mongodb://ada:hunter2@127.0.0.1:1/");
    let output = plan.run();
    output.code(Exit::Unreachable).stdout(str![""]).stderr(str![[r#"
error: mongodb://ada:***@127.0.0.1:[PORT]/: connection refused

"#]]);
    let open = Scalectl::new(["migrate", "indexes", "plan", "--uri", "mongodb://ada:hunter2@127.0.0.1:1/"]);
    let output = open.file("indexes.yaml", spec).run();
    output.code(Exit::Usage).stderr_has("contains a password");
    assert!(!output.stderr.contains("hunter2"));
}

#[test]
fn a_ttl_that_would_delete_very_much_is_lowered_in_stages() {
    let app = Indexed::start();
    let now = DateTime::now().timestamp_millis();
    // One document a second, the oldest 120,000 seconds old.
    app.insert((1..=120_000).map(|age| doc! { "at": DateTime::from_millis(now - age * 1_000) }));
    app.declare("indexes:\n  - {keys: {at: 1}, expireAfterSeconds: 600}");
    let plan = app.command(&["plan", "--allow-deletes", "--output", "json"]).run().code(Exit::Done).json();
    let change = &plan["changes"][0];
    let expired = change["estimate"]["expiredDocuments"].as_u64().unwrap();
    assert!((119_390..=119_900).contains(&expired), "{change:#}");
    assert_eq!(change["risk"], "high");
    let steps = change["steps"].as_array().unwrap();
    assert_eq!(
        steps[0]["index"]["options"]["expireAfterSeconds"], 2_147_483_647_i64,
        "nothing expires by the build"
    );
    let stages: Vec<i64> = steps
        .iter()
        .filter(|step| step["step"] == "expire")
        .map(|step| step["to"].as_i64().unwrap())
        .collect();
    // Each stage deletes 50,000 documents at most.
    let [first, second, last] = stages[..] else { panic!("{stages:?}") };
    assert!((69_990..=70_500).contains(&first) && (19_990..=20_500).contains(&second), "{stages:?}");
    assert_eq!(last, 600);
}

#[test]
fn of_several_databases_none_is_changed_or_kept_locked_when_one_is_locked() {
    let app = Indexed::on(MongoServer::start_with(&[]));
    let declared =
        |name: &str| format!("  {name}: {{collections: {{things: {{indexes: [{{keys: {{a: 1}}}}]}}}}}}\n");
    let later = DateTime::from_millis(DateTime::now().timestamp_millis() + 3_600_000);
    let somebody =
        doc! { "user": "eve", "host": "elsewhere", "pid": 7, "started": 1_i64, "machine": "another" };
    let lock = doc! {
        "_id": "indexes", "owner": somebody, "nonce": "n", "token": 1_i64, "since": DateTime::now(), "expiresAt": later,
    };
    block_on(async {
        let locks = app.server.client().await.database("second").collection("scalectl.locks");
        locks.insert_one(lock).await
    })
    .unwrap();
    let apply = |file: &str| {
        let command = Scalectl::new(["migrate", "indexes", "apply", "--yes", "--spec", file]).dir(&app.dir);
        command.env("SCALECTL_MONGODB_URI", app.server.uri()).run()
    };
    app.dir.write("both.yaml", format!("databases:\n{}{}", declared("first"), declared("second")));
    let refused = apply("both.yaml");
    refused.code(Exit::Refused).stderr_has("second: locked by eve@elsewhere (process 7) since ");
    app.dir.write("first.yaml", format!("databases:\n{}", declared("first")));
    apply("first.yaml").code(Exit::Done).stdout_has("build a_1 {a: 1}");
}
