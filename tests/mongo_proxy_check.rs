//! The proxy before MongoDB keeps its promises: three servers look like one set, commands fail, wait and vanish
//! as told, and every command is on record.

use std::sync::Arc;
use std::time::Duration;

use mongodb::Client;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::ClientOptions;
use tokio::task::{block_in_place, spawn};

use crate::support::{Fault, MongoProxy, MongoServer, MongoSet, When};

async fn client(uri: &str) -> Client {
    let mut options = ClientOptions::parse(uri).await.unwrap();
    options.retry_writes = Some(false);
    options.retry_reads = Some(false);
    options.server_selection_timeout = Some(Duration::from_secs(10));
    Client::with_options(options).unwrap()
}

fn code(error: &Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(refusal) => Some(refusal.code),
        _ => None,
    }
}

fn create_index(name: &str) -> Document {
    doc! { "createIndexes": "people", "indexes": [{ "key": { name: 1 }, "name": name }] }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_sees_three_members_and_the_new_primary_after_a_step_down() {
    let set = MongoSet::start();
    let client = client(&set.uri()).await;
    let hello = client.database("admin").run_command(doc! { "hello": 1 }).await.unwrap();
    assert_eq!(hello.get_array("hosts").unwrap().len(), 3);
    assert_eq!(hello.get_str("me").unwrap(), set.primary().address());

    set.set_lag(2, Duration::from_secs(30));
    let status = client.database("admin").run_command(doc! { "replSetGetStatus": 1 }).await.unwrap();
    let members: Vec<&Document> =
        status.get_array("members").unwrap().iter().filter_map(Bson::as_document).collect();
    let states: Vec<&str> = members.iter().map(|member| member.get_str("stateStr").unwrap()).collect();
    assert_eq!(states, ["PRIMARY", "SECONDARY", "SECONDARY"]);
    let optime = |number: usize| members[number].get_datetime("optimeDate").unwrap().timestamp_millis();
    assert_eq!(optime(0) - optime(2), 30_000);

    let people = client.database(set.database()).collection::<Document>("people");
    people.insert_one(doc! { "_id": 1 }).await.unwrap();
    assert_eq!(set.step_down(), 1);
    let error = people.insert_one(doc! { "_id": 2 }).await.unwrap_err();
    assert_eq!(code(&error), Some(10_107), "{error}");
    people.insert_one(doc! { "_id": 3 }).await.unwrap();
    let hello = client.database("admin").run_command(doc! { "hello": 1 }).await.unwrap();
    assert_eq!(hello.get_str("me").unwrap(), set.member(1).address());
    assert_eq!(people.count_documents(doc! {}).await.unwrap(), 2, "the new primary has what the old one had");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_misses_writes_lacks_the_index_and_one_that_is_gone_does_not_answer() {
    let set = MongoSet::start();
    let client = client(&set.uri()).await;
    let database = client.database(set.database());
    database.run_command(create_index("a")).await.unwrap();
    set.stop_replication(2);
    database.run_command(create_index("b")).await.unwrap();
    set.start_replication(2);
    database.run_command(create_index("c")).await.unwrap();
    let lists: Vec<Vec<String>> =
        (0..3).map(|number| block_in_place(|| set.indexes_of(number, "people"))).collect();
    assert_eq!(lists[0], ["_id_", "a", "b", "c"]);
    assert_eq!(lists[1], lists[0]);
    assert_eq!(lists[2], ["_id_", "a", "c"]);
    let alone =
        Client::with_uri_str(format!("{}/?directConnection=true", set.member(2).uri())).await.unwrap();
    let listed = alone.database(set.database()).run_command(doc! { "listIndexes": "people" }).await.unwrap();
    assert_eq!(listed.get_document("cursor").unwrap().get_array("firstBatch").unwrap().len(), 3);

    set.kill(2);
    let gone = format!("{}/?directConnection=true&serverSelectionTimeoutMS=300", set.member(2).uri());
    let gone = Client::with_uri_str(gone).await.unwrap();
    gone.database("admin").run_command(doc! { "ping": 1 }).await.unwrap_err();
    set.revive(2);
    gone.database("admin").run_command(doc! { "ping": 1 }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_is_held_shows_its_progress_on_every_member() {
    let set = Arc::new(MongoSet::start());
    let client = client(&set.uri()).await;
    let held = set.primary().hold("createIndexes");
    let database = client.database(set.database());
    let build = spawn(async move { database.run_command(create_index("a")).await });
    let command = block_in_place(|| held.wait());
    assert_eq!((command.collection(), command.database.as_str()), ("people", set.database()));

    held.progress(7_000, 10_000);
    held.progress_on(1, 3_000, 10_000);
    for (number, expected) in [(0, "7000/10000 70%"), (1, "3000/10000 30%")] {
        let member = format!("{}/?directConnection=true", set.member(number).uri());
        let member = Client::with_uri_str(member).await.unwrap();
        let pipeline = [
            doc! { "$currentOp": { "allUsers": true, "idleConnections": false } },
            doc! { "$match": { "op": "none", "command.createIndexes": "people", "msg": { "$regex": "^Index Build" } } },
        ];
        let mut found = member.database("admin").aggregate(pipeline).await.unwrap();
        assert!(found.advance().await.unwrap());
        let message = found.deserialize_current().unwrap().get_str("msg").unwrap().to_owned();
        assert!(message.ends_with(expected), "{message}");
        assert!(!found.advance().await.unwrap(), "other operations are filtered out");
    }
    held.release();
    build.await.unwrap().unwrap();
    assert_eq!(block_in_place(|| set.indexes_of(2, "people")), ["_id_", "a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn chosen_commands_fail_vanish_or_are_done_unheard() {
    let server = MongoServer::start_with(&[]);
    let proxy = MongoProxy::start(&server);
    let client = client(&proxy.uri()).await;
    let database = client.database(server.database());
    let names = async || database.collection::<Document>("people").list_index_names().await.unwrap();
    database.run_command(create_index("a")).await.unwrap();

    proxy.fail(When::nth("createIndexes", 2), Fault::Error(13, "not authorized"));
    database.run_command(create_index("b")).await.unwrap();
    let error = database.run_command(create_index("c")).await.unwrap_err();
    assert_eq!(code(&error), Some(13));

    proxy.fail(When::next("createIndexes"), Fault::CloseBefore);
    let error = database.run_command(create_index("c")).await.unwrap_err();
    assert!(matches!(error.kind.as_ref(), ErrorKind::Io(_)), "{error}");
    assert_eq!(names().await, ["_id_", "a", "b"]);

    proxy.fail(When::every("createIndexes").that(|seen| seen.collection() == "people"), Fault::CloseAfter);
    let error = database.run_command(create_index("c")).await.unwrap_err();
    assert!(matches!(error.kind.as_ref(), ErrorKind::Io(_)), "{error}");
    assert_eq!(names().await, ["_id_", "a", "b", "c"]);
    proxy.forgive();

    proxy.forget();
    database.collection("people").insert_many([doc! { "_id": 1 }, doc! { "_id": 2 }]).await.unwrap();
    let writes = proxy.writes();
    assert_eq!(proxy.names(), ["insert"]);
    assert_eq!(writes[0].document.get_array("documents").unwrap().len(), 2, "{writes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_tells_of_its_shards() {
    let set = MongoSet::start();
    let router = set.router();
    let client = client(&router.uri()).await;
    let hello = client.database("admin").run_command(doc! { "hello": 1 }).await.unwrap();
    assert_eq!(hello.get_str("msg").unwrap(), "isdbgrid");
    assert!(!hello.contains_key("setName"));
    let shards = client.database("admin").run_command(doc! { "listShards": 1 }).await.unwrap();
    let shard = shards.get_array("shards").unwrap()[0].as_document().unwrap();
    assert!(shard.get_str("host").unwrap().contains(&set.member(2).address()));
    client.database(set.database()).run_command(create_index("a")).await.unwrap();
    assert_eq!(block_in_place(|| set.indexes_of(1, "people")), ["_id_", "a"]);
}
