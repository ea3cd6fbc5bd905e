//! The role that docs/migrate-indexes.md gives is enough for every command, and no action in it is for nothing.

use mongodb::Client;
use mongodb::bson::{Bson, Document, doc};
use scalectl::Exit;
use serde_json::Value;

use crate::support::{MongoServer, Scalectl, block_on};

const GUIDE: &str = include_str!("../docs/migrate-indexes.md");

const SPEC: &str = "\
soak: 0s
databases:
  shop:
    collections:
      posts:
        indexes:
          - keys: {author: 1, at: -1}
          - keys: {slug: 1}
            unique: true
        absent: [author_1]
        queries:
          - name: feed
            find: {filter: {author: {$sample: author}}, sort: {at: -1}, limit: 5}
          - name: rename
            update: {slug: {$sample: slug}}
          - name: removal
            delete: {slug: {$sample: slug}}
";

/// The role of the guide.
fn role() -> Value {
    let (_, role) = GUIDE.split_once(".createRole(").unwrap();
    let (role, _) = role.split_once(")\n```").unwrap();
    serde_json::from_str(role).unwrap()
}

/// A server that asks who one is, with data, and with an account that has this role only.
fn server_with(role: &Value) -> MongoServer {
    let server = MongoServer::start_with(&["--auth"]);
    server.admin(doc! { "createUser": "root", "pwd": "root", "roles": ["root"] });
    let mut create = Bson::try_from(role.clone()).unwrap().as_document().unwrap().clone();
    let mut command = doc! { "createRole": create.remove("role").unwrap() };
    command.extend(create);
    let account = doc! {
        "createUser": "operator", "pwd": "operator", "roles": [{ "role": "scalectlIndexes", "db": "admin" }],
    };
    let posts = (0..100).map(|n| doc! { "author": n % 10, "at": n, "slug": format!("s{n}") });
    let posts: Vec<Document> = posts.collect();
    let index = doc! { "key": { "author": 1 }, "name": "author_1" };
    let prepared = block_on(async {
        let client = Client::with_uri_str(uri(&server, "root")).await?;
        client.database("admin").run_command(command).await?;
        client.database("admin").run_command(account).await?;
        let shop = client.database("shop");
        shop.collection("posts").insert_many(posts).await?;
        shop.run_command(doc! { "createIndexes": "posts", "indexes": [index] }).await
    });
    prepared.expect("the server takes the role and the data");
    server
}

fn uri(server: &MongoServer, name: &str) -> String {
    let address = server.uri().trim_start_matches("mongodb://");
    format!("mongodb://{name}:{name}@{address}/admin")
}

fn command(server: &MongoServer, args: &[&str]) -> Scalectl {
    let command = Scalectl::new(["migrate", "indexes"].iter().chain(args)).file("indexes.yaml", SPEC);
    command.env("ACCOUNT", uri(server, "operator")).env("SCALECTL_MONGODB_URI", "env:ACCOUNT")
}

#[test]
fn the_role_of_the_guide_is_enough_for_the_whole_cycle() {
    let server = server_with(&role());
    let shop = ["--database", "shop"];
    command(&server, &["plan", "--no-probes"]).run().code(Exit::Done);
    command(&server, &["apply", "--no-probes", "--yes"]).run().code(Exit::Done);
    command(&server, &["verify"]).run().code(Exit::Done);
    command(&server, &[&["history"][..], &shop].concat()).run().code(Exit::Done);
    command(&server, &[&["rollback", "--yes"][..], &shop].concat()).run().code(Exit::Done);
    // This server lacks two options; whoever may not probe gets another exit code.
    command(&server, &["capabilities", "--database", "scalectl_probe"]).run().code(Exit::Failed);
}

#[test]
fn an_action_that_is_missing_is_named_with_what_was_tried() {
    let mut role = role();
    let actions = role["privileges"][0]["actions"].as_array_mut().unwrap();
    actions.retain(|action| action != "remove" && action != "find");
    let server = server_with(&role);
    let refused = command(&server, &["plan", "--no-probes"]).run();
    refused.code(Exit::Refused);
    refused.stderr_has("not allowed to count the documents of shop.posts");
    refused.stderr_has("docs/migrate-indexes.md lists the privileges that are needed");
}

#[test]
fn what_a_plan_needs_and_the_account_lacks_is_named_before_any_change() {
    let mut role = role();
    let actions = role["privileges"][0]["actions"].as_array_mut().unwrap();
    actions.retain(|action| action != "createIndex");
    let server = server_with(&role);
    let refused = command(&server, &["apply", "--no-probes", "--yes"]).run();
    refused
        .code(Exit::Refused)
        .stderr_has("not allowed to apply the plan: the account lacks createIndex on shop.posts");
    let history = command(&server, &["history", "--database", "shop"]).run();
    history.code(Exit::Done).stdout_has("no index was ever changed");
}
