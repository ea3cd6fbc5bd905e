//! Registration, login, tokens, and the shape of errors.

use hyper::Method;
use serde_json::json;

use crate::support::Server;

#[tokio::test]
async fn an_account_is_registered_once_and_logs_in() {
    let server = Server::start().await;
    let mut ada = server.client();
    let form = json!({ "username": "ada", "email": "ada@example.com", "password": "correct horse" });
    let session = ada.post("/api/auth/register", form.clone()).await.expect(201);
    assert_eq!((&session["user"]["name"], &session["expiresIn"]), (&json!("ada"), &json!(900)));
    assert_eq!(ada.post("/api/auth/register", form).await.code(), "conflict");
    let session = ada
        .post("/api/auth/login", json!({ "username": "ADA", "password": "correct horse" }))
        .await
        .expect(200);
    ada.token = session["token"].as_str().unwrap().into();
    let me = ada.get("/api/users/me").await.expect(200);
    assert_eq!(me["id"], session["user"]["id"]);
    assert_eq!(ada.get("/api/users/ada").await.expect(200), me);
}

#[tokio::test]
async fn unknown_names_and_wrong_passwords_get_the_same_answer() {
    let server = Server::start().await;
    let client = server.client().with("x-request-id", "the-same");
    let form = json!({ "username": "ada", "email": "ada@example.com", "password": "correct horse" });
    client.post("/api/auth/register", form).await.expect(201);
    let wrong = client.post("/api/auth/login", json!({ "username": "ada", "password": "wrong horse" })).await;
    let nobody =
        client.post("/api/auth/login", json!({ "username": "eve", "password": "wrong horse" })).await;
    assert_eq!((wrong.status, &wrong.text), (nobody.status, &nobody.text));
    assert_eq!((wrong.status.as_u16(), wrong.code().as_str()), (401, "bad_credentials"));
}

#[tokio::test]
async fn every_mistake_has_its_status_and_code() {
    let server = Server::start().await;
    let guest = server.guest("Ada").await;
    let long = format!(r#"{{"text":"{}"}}"#, "x".repeat(70_000));
    let cases = [
        (Method::POST, "/api/posts", Some(r#"{"text":"#), 400, "malformed_json"),
        (Method::POST, "/api/posts", Some(r#"{"text":1}"#), 422, "validation_failed"),
        (Method::POST, "/api/posts", Some(r#"{"text":"x","more":1}"#), 422, "validation_failed"),
        (Method::POST, "/api/posts", Some(r#"{"text":" "}"#), 422, "validation_failed"),
        (Method::POST, "/api/posts", Some(&long), 413, "body_too_large"),
        (Method::POST, "/api/posts", None, 415, "unsupported_media_type"),
        (Method::POST, "/api/auth/guest", Some(r#"{"name":""}"#), 422, "validation_failed"),
        (Method::GET, "/api/feed?cursor=zz", None, 400, "bad_cursor"),
        (Method::GET, "/api/feed?limit=101", None, 422, "validation_failed"),
        (Method::GET, "/api/feed?limit=x", None, 422, "validation_failed"),
        (Method::GET, "/api/posts/nothing", None, 404, "not_found"),
        (Method::GET, "/api/users/nobody", None, 404, "not_found"),
        (Method::GET, "/api/posts/%ff", None, 404, "not_found"),
        (Method::GET, "/nothing", None, 404, "not_found"),
        (Method::DELETE, "/api/posts", None, 405, "method_not_allowed"),
        (Method::POST, "/health", None, 405, "method_not_allowed"),
    ];
    for (method, path, body, status, code) in cases {
        let answer = guest.send(method, path, body.map(str::to_owned)).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{path} {body:.40?}");
    }
}

#[tokio::test]
async fn validation_names_every_field() {
    let server = Server::start().await;
    let form = json!({ "username": "a!", "email": "x", "password": "short" });
    let problem = server.client().post("/api/auth/register", form).await.expect(422);
    let errors = problem["errors"].as_array().unwrap();
    let fields: Vec<_> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["username", "username", "email", "email", "password"]);
}

#[tokio::test]
async fn without_a_token_there_is_nothing_to_see() {
    let server = Server::start().await;
    let mut client = server.client();
    for token in ["", "nonsense"] {
        client.token = token.into();
        let answer = client.get("/api/feed").await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "bad_token"));
    }
}
