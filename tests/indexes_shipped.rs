//! The specifications in `indexes/` on the reference server's own data.

use futures_util::TryStreamExt;
use mongodb::Database;
use mongodb::bson::{Bson, Document, doc};
use serde_json::Value;

use crate::support::{MongoServer, Scalectl};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/indexes");

/// The collections of a shipped specification with what is declared for each.
fn collections(file: &str) -> Vec<(String, Value)> {
    let text = std::fs::read_to_string(format!("{FOLDER}/{file}")).unwrap();
    let spec: Value = serde_saphyr::from_str(&text).unwrap();
    let collections = spec["databases"]["reference"]["collections"].as_object().unwrap().clone();
    collections.into_iter().collect()
}

fn document(value: &Value) -> Document {
    Bson::try_from(value.clone()).unwrap().as_document().unwrap().clone()
}

/// Makes the index that a specification declares, by the plain command; the unique ones of the reference server
/// are there in any case.
async fn create(database: &Database, collection: &str, declared: &Value) {
    let mut index = document(declared);
    let keys = index.remove("keys").unwrap().as_document().unwrap().clone();
    let parts: Vec<String> = keys.iter().map(|(field, kind)| format!("{field}_{kind}")).collect();
    let name = index.remove("name").unwrap_or_else(|| Bson::String(parts.join("_")));
    let listed = database.run_cursor_command(doc! { "listIndexes": collection }).await.unwrap();
    let listed: Vec<Document> = listed.try_collect().await.unwrap();
    let there = listed.iter().find(|listed| listed.get("name") == Some(&name));
    if let Some(there) = there {
        assert_eq!(there.get_document("key").unwrap(), &keys);
        for (option, value) in &index {
            assert_eq!(there.get(option), Some(value), "{collection}: {option} of {name}");
        }
        return;
    }
    let mut command = doc! { "key": keys, "name": name };
    command.extend(index);
    let command = doc! { "createIndexes": collection, "indexes": [&command] };
    let answer = database.run_command(command).await;
    answer.unwrap_or_else(|error| panic!("{collection}: {declared}: {error}"));
}

/// A filter with the values of a document of the collection in place of `{$sample: path}`.
fn sampled(value: Bson, sample: &Document) -> Bson {
    match value {
        Bson::Document(fields) => match fields.get_str("$sample") {
            Ok(path) => at(sample, path),
            Err(_) => Bson::Document(
                fields.into_iter().map(|(name, value)| (name, sampled(value, sample))).collect(),
            ),
        },
        Bson::Array(items) => Bson::Array(items.into_iter().map(|item| sampled(item, sample)).collect()),
        value => value,
    }
}

fn sampled_paths(value: &Value, paths: &mut Vec<String>) {
    match value {
        Value::Object(fields) => match fields.get("$sample").and_then(Value::as_str) {
            Some(path) => paths.push(path.to_owned()),
            None => fields.values().for_each(|value| sampled_paths(value, paths)),
        },
        Value::Array(items) => items.iter().for_each(|item| sampled_paths(item, paths)),
        _ => {}
    }
}

fn at(sample: &Document, path: &str) -> Bson {
    path.split('.').fold(Bson::Document(sample.clone()), |value, part| match value {
        Bson::Document(fields) => fields.get(part).cloned().unwrap_or(Bson::Null),
        Bson::Array(items) => items.get(part.parse::<usize>().unwrap()).cloned().unwrap_or(Bson::Null),
        _ => Bson::Null,
    })
}

/// The names of the stages and indexes of the plan that won.
fn plan(stage: &Document, found: &mut Vec<String>) {
    found.extend(stage.get_str("stage").ok().map(str::to_owned));
    found.extend(stage.get_str("indexName").ok().map(str::to_owned));
    for inner in ["inputStage", "queryPlan"] {
        if let Ok(inner) = stage.get_document(inner) {
            plan(inner, found);
        }
    }
    for inner in stage.get_array("inputStages").into_iter().flatten().filter_map(Bson::as_document) {
        plan(inner, found);
    }
}

/// A declared query as a find: counts, updates and deletes look for documents in the same way.
fn as_find(query: &Value) -> Option<Value> {
    let filter = ["count", "update", "delete"].iter().find_map(|kind| query.get(kind));
    query.get("find").cloned().or_else(|| Some(serde_json::json!({ "filter": filter? })))
}

/// Asks the server how it would answer a declared find; nothing when no document has the sampled fields.
async fn explained(database: &Database, collection: &str, find: &Value) -> Option<Vec<String>> {
    let mut paths = Vec::new();
    sampled_paths(find, &mut paths);
    let has_them: Document = paths.into_iter().map(|path| (path, doc! { "$exists": true }.into())).collect();
    let sample = database.collection::<Document>(collection).find_one(has_them).await.unwrap()?;
    let asked = document(find);
    let mut command = doc! { "find": collection };
    for (part, value) in asked {
        command.insert(part, sampled(value, &sample));
    }
    let answer =
        database.run_command(doc! { "explain": command, "verbosity": "queryPlanner" }).await.unwrap();
    let mut found = Vec::new();
    plan(answer.get_document("queryPlanner").unwrap().get_document("winningPlan").unwrap(), &mut found);
    Some(found)
}

#[tokio::test]
async fn every_shipped_index_serves_the_reference_servers_data() {
    let server = MongoServer::start();
    let name = server.database();
    let uri = format!("{}/{name}", server.uri());
    let args = ["serve", "--listen", "127.0.0.1:0", "--no-indexes", "--seed", "users=200,posts=400"];
    let serve = Scalectl::new(args).arg("--mongodb").arg("env:STORE").env("STORE", uri).spawn();
    crate::support::served_at(&serve);
    let database = server.client().await.database(name);
    let mut explained_queries = 0;
    for file in ["social-chess.yaml", "legal-help.yaml", "chat-app.yaml", "chess-rooms.yaml"] {
        let collections = collections(file);
        for (collection, declared) in &collections {
            for index in declared["indexes"].as_array().unwrap() {
                create(&database, collection, index).await;
            }
        }
        for (collection, declared) in &collections {
            for query in declared["queries"].as_array().unwrap() {
                let (Some(index), Some(find)) = (query["index"].as_str(), as_find(query)) else { continue };
                let Some(plan) = explained(&database, collection, &find).await else { continue };
                assert!(plan.iter().any(|name| name == index), "{file}: {query}: {plan:?}");
                explained_queries += 1;
            }
        }
    }
    assert!(explained_queries > 5, "{explained_queries} queries were explained");
}
