//! The OpenAPI document: complete, and the one in `docs`. `SNAPSHOTS=overwrite` writes it anew after a route has
//! changed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::support::Server;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All source files of a folder of this package, those of its own folders included.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push((path.clone(), fs::read_to_string(path).unwrap()));
            }
        }
    }
    found
}

async fn document() -> Value {
    Server::start().await.client().get("/openapi.json").await.expect(200)
}

/// Method, path and description of everything that the document offers.
fn operations(document: &Value) -> Vec<(String, String, &Map<String, Value>)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let each = paths.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| {
            (method.to_uppercase(), path.clone(), operation.as_object().unwrap())
        })
    });
    each.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_in_docs_is_the_document() {
    let file = root().join("docs/openapi.json");
    let served = format!("{}\n", serde_json::to_string_pretty(&document().await).unwrap());
    if std::env::var_os("SNAPSHOTS").is_some_and(|wish| wish == "overwrite") {
        fs::write(&file, &served).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(written == served, "docs/openapi.json is out of date: run the tests with SNAPSHOTS=overwrite");
}

#[test]
fn no_route_is_declared_without_its_description() {
    let mut undescribed = Vec::new();
    for (file, text) in sources("src/http") {
        let routes =
            text.lines().filter(|line| line.contains(".route(\"") && !line.contains("\"/openapi.json\""));
        undescribed.extend(routes.map(|line| format!("{}: {}", file.display(), line.trim())));
    }
    assert!(undescribed.is_empty(), "declare these with routes!(..): {undescribed:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_in_the_document_says_what_it_is_and_how_it_fails() {
    let document = document().await;
    for (method, path, operation) in operations(&document) {
        let at = format!("{method} {path}");
        assert!(operation.get("summary").is_some_and(|text| text != ""), "{at} has no summary");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{at} has no tag");
        for (status, answer) in operation["responses"].as_object().unwrap() {
            if status.starts_with(['4', '5']) && path.starts_with("/api") {
                let problem = &answer["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(problem, "#/components/schemas/Problem", "{at}: {status}");
            }
        }
    }
    let named: BTreeSet<_> =
        operations(&document).into_iter().map(|(_, _, one)| one["operationId"].clone().to_string()).collect();
    assert_eq!(named.len(), operations(&document).len(), "an operationId is used twice");
}
