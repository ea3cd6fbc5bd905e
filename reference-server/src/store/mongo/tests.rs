//! The suite on a real server, and what only this store promises.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::join_all;
use mongodb::bson::{Bson, Document, RawDocumentBuf};

use super::test_server::{MongoDatabase, MongoServer, database_name};
use super::value::Row;
use super::*;
use crate::config::Durability;
use crate::domain::{PageRequest, UserId};
use crate::seed::SeedPlan;
use crate::seed::tests::batches;
use crate::store::bulk::Import;
use crate::store::{
    BulkStore, FollowStore, LikeStore, NotificationStore, OperationStore, PostStore, SqliteStore, suite,
};

fn settings(uri: &str, database: &str) -> MongoSettings {
    MongoSettings { database: database.to_owned(), ..MongoSettings::new(uri) }
}

async fn open_with(uri: &str, database: &str, indexes: bool) -> MongoStore {
    let telemetry = Arc::new(Telemetry::new(None));
    MongoStore::open(&settings(uri, database), indexes, &telemetry).await.unwrap()
}

async fn open(database: &MongoDatabase) -> MongoStore {
    open_with(&database.uri, &database.name, true).await
}

#[tokio::test]
async fn keeps_what_every_store_promises() {
    let database = MongoDatabase::new();
    suite::run(&open(&database).await).await;
    database.drop_if_external().await;
}

#[tokio::test]
async fn keeps_it_without_declared_indexes() {
    let database = MongoDatabase::new();
    suite::run(&open_with(&database.uri, &database.name, false).await).await;
    database.drop_if_external().await;
}

#[tokio::test]
async fn keeps_it_without_transactions() {
    let server = MongoServer::start(&["--standalone"]);
    suite::run(&open_with(&server.uri(), &database_name(), true).await).await;
}

#[tokio::test]
async fn data_survive_a_killed_server() {
    let mut server = MongoServer::start(&["--sync-on-commit"]);
    let (uri, name) = (server.uri(), database_name());
    let left = suite::leave_data(&open_with(&uri, &name, true).await).await;
    server.restart();
    suite::find_data(&open_with(&uri, &name, true).await, &left).await;
}

#[tokio::test]
async fn two_open_stores_see_each_others_writes() {
    let database = MongoDatabase::new();
    let (one, other) = tokio::join!(open(&database), open(&database));
    let left = suite::leave_data(&one).await;
    suite::find_data(&other, &left).await;
    let secret = one.secret("token", vec![1]).await.unwrap();
    assert_eq!(other.secret("token", vec![2]).await.unwrap(), secret);
    database.drop_if_external().await;
}

/// What a plan reads, from `explain` with execution statistics.
#[derive(Debug)]
struct Plan {
    indexes: Vec<String>,
    examined: i64,
    scans: bool,
}

impl Plan {
    fn of(explained: &Document) -> Self {
        let statistics = explained.get_document("executionStats").unwrap();
        let examined =
            Row(&RawDocumentBuf::try_from(statistics).unwrap()).count("totalDocsExamined").unwrap();
        let mut plan = Self { indexes: Vec::new(), examined: examined as i64, scans: false };
        plan.add(statistics.get_document("executionStages").unwrap());
        plan
    }

    fn add(&mut self, stage: &Document) {
        self.scans |= stage.get_str("stage").is_ok_and(|stage| stage == "COLLSCAN");
        if let Ok(keys) = stage.get_document("keyPattern") {
            self.indexes.push(keys.keys().map(String::as_str).collect::<Vec<_>>().join(","));
        }
        let inner = stage.get_document("inputStage").into_iter();
        let several = stage.get_array("inputStages").into_iter().flatten().filter_map(Bson::as_document);
        inner.chain(several).for_each(|stage| self.add(stage));
    }
}

/// The plan of the newest query that the store sent to a collection, as the profiler kept it.
async fn plan_of_last_query(database: &mongodb::Database, collection: &str) -> Plan {
    let sent = doc! { "op": "query", "ns": format!("{}.{collection}", database.name()) };
    let profile = database.collection::<Document>("system.profile");
    let found = profile.find_one(sent).sort(doc! { "ts": -1 }).await.unwrap().expect("a query was profiled");
    let command = found.get_document("command").unwrap();
    let wanted = ["find", "filter", "sort", "limit", "projection"];
    let query: Document =
        wanted.iter().filter_map(|key| Some(((*key).to_owned(), command.get(key)?.clone()))).collect();
    let explain = doc! { "explain": query, "verbosity": "executionStats" };
    Plan::of(&database.run_command(explain).await.unwrap())
}

const CROWD: usize = 300;

/// A reader of few posts and few notifications among many of others.
async fn crowded(store: &MongoStore) -> UserId {
    let people = suite::support::accounts(store, "crowd", 12).await;
    let (reader, friend) = (&people[0], &people[1]);
    store.follow(reader.id, friend.id).await.unwrap();
    store.follow(friend.id, reader.id).await.unwrap();
    suite::support::post_by(store, friend, "for the reader").await;
    for n in 0..CROWD {
        suite::support::post_by(store, &people[2 + n % 10], "for others").await;
        let (actor, told) = (&people[2 + n % 10], &people[2 + (n + 1) % 10]);
        if n < 10 {
            store.follow(actor.id, told.id).await.unwrap();
        }
    }
    reader.id
}

fn newest() -> PageRequest {
    PageRequest { after: None, limit: 20 }
}

#[tokio::test]
async fn lists_are_read_by_the_declared_indexes_and_without_them_by_scanning() {
    let database = MongoDatabase::new();
    for (indexes, name) in
        [(true, format!("{}_on", database.name)), (false, format!("{}_off", database.name))]
    {
        let store = open_with(&database.uri, &name, indexes).await;
        let reader = crowded(&store).await;
        let raw = store.runner.database.clone();
        raw.run_command(doc! { "profile": 2 }).await.unwrap();
        store.feed(reader, newest()).await.unwrap();
        let feed = plan_of_last_query(&raw, "posts").await;
        store.notifications(reader, newest()).await.unwrap();
        let told = plan_of_last_query(&raw, "notifications").await;
        raw.drop().await.unwrap();
        if indexes {
            assert!(feed.indexes.iter().all(|index| index == "postedBy,_id"), "{feed:?}");
            assert_eq!((feed.scans, feed.examined), (false, 1), "{feed:?}");
            assert_eq!(
                (told.indexes.as_slice(), told.examined),
                (&["user,_id".to_owned()][..], 1),
                "{told:?}"
            );
        } else {
            // In the order of `_id`, if the server thinks that better than the order on disk: all of them.
            assert!(feed.scans || feed.indexes == ["_id"], "{feed:?}");
            assert!(feed.examined > CROWD as i64, "{feed:?}");
            assert!(told.scans || told.indexes == ["_id"], "{told:?}");
            assert!(told.examined >= 12, "{told:?}");
        }
    }
}

async fn index_names(store: &MongoStore) -> Vec<String> {
    let mut names = Vec::new();
    for collection in collection::ALL {
        let found =
            store.runner.database.collection::<Document>(collection).list_index_names().await.unwrap();
        names.extend(found.into_iter().map(|name| format!("{collection}.{name}")));
    }
    names
}

#[tokio::test]
async fn indexes_come_and_go_and_unique_ones_stay() {
    let database = MongoDatabase::new();
    let all = index_names(&open(&database).await).await;
    let few = index_names(&open_with(&database.uri, &database.name, false).await).await;
    assert!(all.contains(&"notifications.user_1_read_1_createdAt_-1".to_owned()), "{all:?}");
    let unique =
        ["users.usernameKey_1", "likes.post_1_user_1", "chats.chatId_1", "notifications.subject_1_actor_1"];
    assert!(unique.iter().all(|name| few.contains(&(*name).to_owned())), "{few:?}");
    let own = few.iter().filter(|name| !name.ends_with("._id_")).count();
    assert_eq!(own, 8, "{few:?}");
    let both = tokio::join!(open(&database), open(&database));
    assert_eq!(index_names(&both.0).await.len(), all.len());
    database.drop_if_external().await;
}

#[tokio::test]
async fn an_index_that_somebody_else_made_stays() {
    let database = MongoDatabase::new();
    let client = mongodb::Client::with_uri_str(&database.uri).await.unwrap();
    let posts = client.database(&database.name).collection::<Document>("posts");
    let options = mongodb::options::IndexOptions::builder().name("by_author".to_owned()).build();
    let keys = doc! { "postedBy": 1, "_id": -1 };
    posts.create_index(mongodb::IndexModel::builder().keys(keys).options(options).build()).await.unwrap();
    for indexes in [true, false] {
        let store = open_with(&database.uri, &database.name, indexes).await;
        assert!(index_names(&store).await.contains(&"posts.by_author".to_owned()));
    }
    database.drop_if_external().await;
}

/// A call that its caller gives up must neither stop half-way nor keep its connection.
#[tokio::test]
async fn a_call_that_is_given_up_runs_to_its_end() {
    let database = MongoDatabase::new();
    let store = open(&database).await;
    let author = suite::support::account(&store, "hasty").await;
    let post = crate::domain::Post::of_text(author, "hasty".into());
    assert!(store.create_post(post.clone()).now_or_never().is_none(), "it was given up before its answer");
    let end = std::time::Instant::now() + Duration::from_secs(10);
    while store.post(post.id).await.unwrap().is_none() {
        assert!(std::time::Instant::now() < end, "the post was never written");
    }
    database.drop_if_external().await;
}

#[tokio::test]
async fn seed_data_are_the_same_as_in_the_embedded_store() {
    let database = MongoDatabase::new();
    let dir = tempfile::tempdir().unwrap();
    let embedded = SqliteStore::open(&dir.path().join("seed.db"), Durability::Process).unwrap();
    let (one, other) = (format!("{}_seed", database.name), format!("{}_used", database.name));
    let store = open_with(&database.uri, &one, true).await;
    assert_eq!(suite::bulk::run(&store).await, suite::bulk::run(&embedded).await);
    let used = open_with(&database.uri, &other, true).await;
    suite::bulk::refuses_other_data(&used).await;
    for store in [store, used] {
        store.runner.database.drop().await.unwrap();
    }
}

#[tokio::test]
async fn an_import_that_was_cut_short_goes_on() {
    let database = MongoDatabase::new();
    let store = open(&database).await;
    let plan: SeedPlan = suite::bulk::PLAN.parse().unwrap();
    assert_eq!(store.begin_import(plan.to_string()).await.unwrap(), Import::Open);
    let mut cut = batches(&plan).swap_remove(0);
    cut.posts.truncate(100);
    cut.likes.clear();
    cut.notifications.clear();
    store.import(cut).await.unwrap();
    suite::bulk::fill_with(&store, &plan).await.unwrap();
    suite::bulk::digest(&store, &plan).await;
    assert_eq!(store.begin_import(plan.to_string()).await.unwrap(), Import::Complete);
    database.drop_if_external().await;
}

/// All of them change one counter: whoever loses against another tries again, and none gives up.
#[tokio::test]
async fn a_crowd_that_likes_one_post_at_once_is_counted_to_the_last() {
    let database = MongoDatabase::new();
    let store = open(&database).await;
    let crowd = suite::support::accounts(&store, "flash", 64).await;
    let post = suite::support::post_by(&store, &crowd[0], "everybody at once").await;
    let likes = join_all(crowd.iter().map(|fan| store.like(post.id, fan.id))).await;
    let failed: Vec<_> = likes.iter().filter_map(|like| like.as_ref().err()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(store.post(post.id).await.unwrap().unwrap().likes, 64);
    assert_eq!(store.unread(crowd[0].id).await.unwrap(), 63);
    database.drop_if_external().await;
}
