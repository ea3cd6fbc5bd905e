//! `scalectl migrate indexes import`: from Mongoose's models and from live servers.

use std::sync::Arc;

use mongodb::bson::{Document, doc};
use scalectl::Exit;
use snapbox::str;

use crate::support::{MongoServer, Scalectl, WorkDir};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/mongoose");

fn import(args: &[&str]) -> Scalectl {
    Scalectl::new(["migrate", "indexes", "import", "--database", "app"].iter().chain(args))
}

/// Each collection with what Mongoose 8.24 lists for it by `schema.indexes()`.
#[track_caller]
fn finds(folder: &str, expected: &[(&str, &[&str])]) {
    let path = format!("{FIXTURES}/{folder}");
    let report = import(&[&path, "--output", "json", "--strict"]).run().code(Exit::Done).json();
    let collections = report["collections"].as_array().unwrap();
    let shown = |index: &serde_json::Value| format!("{} {}", index["keys"], index["options"]);
    let found: Vec<(&str, Vec<String>)> = collections
        .iter()
        .map(|found| {
            let indexes = found["indexes"].as_array().unwrap().iter().map(shown);
            (found["name"].as_str().unwrap(), indexes.collect())
        })
        .collect();
    let found: Vec<(&str, Vec<&str>)> =
        found.iter().map(|(name, indexes)| (*name, indexes.iter().map(String::as_str).collect())).collect();
    let expected: Vec<(&str, Vec<&str>)> =
        expected.iter().map(|(name, indexes)| (*name, indexes.to_vec())).collect();
    assert_eq!(found, expected);
}

#[test]
fn models_in_javascript_come_to_what_mongoose_makes_of_them() {
    finds(
        "social",
        &[
            ("conversations", &[r#"{"participants":1,"updatedAt":-1} {}"#]),
            (
                "messages",
                &[
                    r#"{"conversationId":1,"createdAt":-1} {"collation":{"locale":"en","strength":2}}"#,
                    r#"{"text":"text","attachments.name":"text"} {"weights":{"text":5},"default_language":"none"}"#,
                ],
            ),
            (
                "notifications",
                &[
                    r#"{"createdAt":1} {"expireAfterSeconds":2592000}"#,
                    r#"{"user":1,"read":1,"createdAt":-1} {}"#,
                    r#"{"user":1,"type":1,"read":1} {}"#,
                    r#"{"post":1,"from":1} {"unique":true,"partialFilterExpression":{"type":"like"}}"#,
                ],
            ),
            (
                "posts",
                &[
                    r#"{"postedBy":1} {}"#,
                    r#"{"text":"text"} {}"#,
                    r#"{"replies.userId":1} {}"#,
                    r#"{"replies.userId":1,"replies.username":1} {"partialFilterExpression":{"replies.username":{"$exists":true}}}"#,
                    r#"{"place.at":"2dsphere"} {}"#,
                    r#"{"tags":1} {}"#,
                    r#"{"createdAt":-1} {}"#,
                    r#"{"postedBy":1,"createdAt":-1} {}"#,
                    r#"{"game.roomId":1} {"sparse":true}"#,
                    r#"{"draftUntil":1} {"expireAfterSeconds":86400}"#,
                ],
            ),
            (
                "users",
                &[
                    r#"{"username":1} {"unique":true}"#,
                    r#"{"email":1} {"unique":true}"#,
                    r#"{"settings.country":1} {"sparse":true}"#,
                    r#"{"resetTokenExpires":1} {"expireAfterSeconds":3600}"#,
                    r#"{"followers":1} {}"#,
                    r#"{"following":1} {}"#,
                ],
            ),
        ],
    );
}

#[test]
fn models_in_typescript_come_to_what_mongoose_makes_of_them() {
    finds(
        "legal",
        &[
            (
                "chats",
                &[
                    r#"{"lastMessageAt":-1} {}"#,
                    r#"{"first":1,"last":1} {}"#,
                    r#"{"chatId":1} {"unique":true}"#,
                    r#"{"participants":1} {}"#,
                    r#"{"metadata.$**":1} {}"#,
                ],
            ),
            (
                "disputes_v2",
                &[r#"{"status":1} {}"#, r#"{"citizen":1,"status":-1} {}"#, r#"{"assignedLawyer":1} {}"#],
            ),
            (
                "queries",
                &[
                    r#"{"title":1} {"collation":{"locale":"en","strength":1}}"#,
                    r#"{"status":1} {}"#,
                    r#"{"category":"hashed"} {}"#,
                    r#"{"citizen":1,"status":1} {}"#,
                    r#"{"assignedLawyer":1} {}"#,
                ],
            ),
            (
                "users",
                &[
                    r#"{"email":1} {"unique":true}"#,
                    r#"{"specializations":1} {}"#,
                    r#"{"address.city":1} {}"#,
                    r#"{"offices.address.city":1} {}"#,
                    r#"{"offices.phone":1} {"sparse":true}"#,
                    r#"{"licence.number":1} {"unique":true,"sparse":true}"#,
                    r#"{"role":1} {}"#,
                    r#"{"isActive":1} {"partialFilterExpression":{"role":"lawyer"}}"#,
                ],
            ),
        ],
    );
}

const MODEL: &str = "const { Schema, model } = require('mongoose')
const schema = new Schema({ name: { type: String, unique: true }, at: { type: Date, expires: '1d' } })
schema.index({ at: 1, name: -1 }, { name: 'newest', partialFilterExpression: { 'odd name': { $exists: true } } })
schema.index({ name: 1 }, { unique: true })
model('Person', schema)
";

#[test]
fn the_specification_goes_to_stdout_and_notes_to_stderr() {
    import(&["person.js"])
        .file("person.js", MODEL)
        .run()
        .code(Exit::Done)
        .stdout(str![[r##"
# Indexes of person.js, as `scalectl migrate indexes import` found them.

databases:
  app:
    collections:
      # Person
      people:
        indexes:
          - keys: {name: 1}
            unique: true
          - keys: {at: 1}
            expireAfterSeconds: 86400
          - keys: {at: 1, name: -1}
            name: newest
            partialFilterExpression: {"odd name": {$exists: true}}

"##]])
        .stderr(str![[r#"
declared twice: person.js:4:8: {name: 1} (unique) is declared in person.js:2 already

"#]]);
}

#[test]
fn a_file_is_written_once() {
    let dir = Arc::new(WorkDir::new("import"));
    dir.write("models/person.js", MODEL);
    let write = |more: &[&str]| import(&[&["models", "-o", "indexes.yaml"], more].concat()).dir(&dir).run();
    write(&[]).code(Exit::Done).stdout(str![""]).stderr(str![[r#"
declared twice: models/person.js:4:8: {name: 1} (unique) is declared in models/person.js:2 already
indexes.yaml: 3 indexes of 1 collection

"#]]);
    write(&[]).code(Exit::Refused).stdout(str![""]).stderr(str![[r#"
error: indexes.yaml is there already; --force writes over it

"#]]);
    write(&["--force", "--quiet"]).code(Exit::Done).stdout(str![""]).stderr(str![""]);
}

#[test]
fn strict_fails_on_what_is_not_followed() {
    let model = "const { Schema, model } = require('mongoose')\nmodel('A', new Schema(fields()))\n";
    let output = import(&["a.js", "--strict"]).file("a.js", model).run();
    output
        .code(Exit::Failed)
        .stdout(str![[r#"
# Indexes of a.js, as `scalectl migrate indexes import` found them.
#
# Not here, or perhaps missing:
#   a.js:2:23: the fields of a schema: what a function gives is not followed

databases:
  app:
    collections: {}

"#]])
        .stderr(str![[r#"
not followed: a.js:2:23: the fields of a schema: what a function gives is not followed

"#]]);
    import(&["a.js"]).file("a.js", model).run().code(Exit::Done);
}

#[test]
fn a_syntax_error_is_shown_with_its_line() {
    let output = import(&["a.ts"]).file("a.ts", "const a = 1\nconst b: = 2\n").run();
    output.code(Exit::Usage).stdout(str![""]).stderr(str![[r#"
error: Unexpected token
 --> a.ts:2:10
  |
2 | const b: = 2
  |          ^^^

"#]]);
}

#[test]
fn what_is_no_source_is_said() {
    import(&["nowhere"]).run().code(Exit::Usage).stdout(str![""]).stderr(str![[r#"
error: nowhere: cannot be read: No such file or directory (os error 2)

"#]]);
    let args = ["migrate", "indexes", "import", "a.js", "--database", "admin"];
    Scalectl::new(args).file("a.js", MODEL).run().code(Exit::Usage).stdout(str![""]).stderr(str![[r#"
error: `admin` belongs to the server: its indexes are not declared
 --> the specification:9:3
  |
9 |   admin:
  |   ^^^^^

"#]]);
    let large = "//".repeat(200 << 10);
    import(&["a.js"]).file("a.js", large).run().code(Exit::Usage).stdout(str![""]).stderr(str![[r#"
error: a.js: cannot be read: more than the 256 KiB that a file of models may have

"#]]);
}

#[test]
fn folders_are_walked_with_care() {
    let dir = Arc::new(WorkDir::new("import"));
    dir.write("models/deep/person.js", MODEL);
    dir.write("models/node_modules/mongoose/index.js", "syntax error here");
    dir.write("models/.hidden/a.js", "syntax error here");
    dir.write("models/types.d.ts", "syntax error here");
    dir.write("models/notes.txt", "no source");
    std::os::unix::fs::symlink(".", dir.join("models/loop")).unwrap();
    let output = import(&["models", "--output", "json"]).dir(&dir).run();
    let report = output.code(Exit::Done).json();
    assert_eq!(report["collections"][0]["indexes"].as_array().unwrap().len(), 3);
    let notes = report["notes"].to_string();
    assert!(notes.contains("models/loop: left out: it is a link"), "{notes}");
}

#[test]
fn json_conforms_to_its_schema() {
    let report = import(&["a.js", "--output", "json"]).file("a.js", MODEL).run().json();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schemas/indexes-import.json");
    let schema: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    jsonschema::validate(&schema, &report).unwrap();
}

/// Makes the indexes on a server.
async fn make(server: &MongoServer, collection: &str, indexes: Vec<Document>) {
    let database = server.client().await.database(server.database());
    for index in indexes {
        database.run_command(doc! { "createIndexes": collection, "indexes": [index] }).await.unwrap();
    }
}

#[tokio::test]
async fn a_live_database_comes_back_as_it_is() {
    let server = MongoServer::start();
    let indexes = vec![
        doc! { "key": { "b": 1, "a": -1 }, "name": "b_1_a_-1" },
        doc! { "key": { "name": 1 }, "name": "by name", "unique": true, "collation": { "locale": "en", "strength": 2 } },
        doc! { "key": { "at": 1 }, "name": "at_1", "expireAfterSeconds": 3600 },
        doc! { "key": { "place": "2dsphere" }, "name": "place_2dsphere" },
        doc! { "key": { "p": 1 }, "name": "p_1", "partialFilterExpression": { "n": { "$gt": 5 }, "s": "on" } },
        doc! { "key": { "$**": 1 }, "name": "$**_1", "wildcardProjection": { "secret": 0 } },
    ];
    make(&server, "things", indexes).await;
    make(&server, "odd name: x", vec![doc! { "key": { "true": 1 }, "name": "true_1", "sparse": true }]).await;
    let args = ["migrate", "indexes", "import", "--from-server", "--uri", server.uri(), "--database"];
    let output =
        Scalectl::new(args).arg(server.database()).hide_matches(server.database(), "[DATABASE]").run();
    output.code(Exit::Done).stdout(str![[r##"
# Indexes of mongodb://127.0.0.1:[PORT], as `scalectl migrate indexes import` found them.

databases:
  [DATABASE]:
    collections:
      "odd name: x":
        indexes:
          - keys: {"true": 1}
            sparse: true
      things:
        indexes:
          - keys: {"$**": 1}
            wildcardProjection: {secret: 0}
          - keys: {at: 1}
            expireAfterSeconds: 3600
          - keys: {b: 1, a: -1}
          - keys: {name: 1}
            name: "by name"
            unique: true
            collation: {locale: en, strength: 2}
          - keys: {p: 1}
            partialFilterExpression: {"n": {$gt: 5}, s: "on"}
          - keys: {place: 2dsphere}

"##]]);
}

#[test]
fn a_server_that_is_away_or_empty_is_said() {
    let args = ["--from-server", "--timeout", "500ms", "--uri", "mongodb://127.0.0.1:1"];
    import(&args).run().code(Exit::Unreachable).stdout(str![""]);
    let server = MongoServer::start();
    let args = [
        "migrate",
        "indexes",
        "import",
        "--from-server",
        "--uri",
        server.uri(),
        "--database",
        "nothing_here",
    ];
    Scalectl::new(args)
        .run()
        .code(Exit::Done)
        .stdout(str![[r#"
# Indexes of mongodb://127.0.0.1:[PORT], as `scalectl migrate indexes import` found them.

databases:
  nothing_here:
    collections: {}

"#]])
        .stderr(str![[r#"
note: nothing_here has no collections

"#]]);
}
