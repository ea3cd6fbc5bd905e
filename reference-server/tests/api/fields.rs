//! `?fields=` on every route that answers with records.

use serde_json::json;

use crate::support::{Server, Socket};

#[tokio::test]
async fn every_list_and_record_can_be_sparse() {
    let server = Server::start().await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let _socket = Socket::connect(server.address, &ada.token).await.unwrap();
    ada.post(&format!("/api/users/{}/follow", bob.id), json!({})).await.expect(200);
    bob.post(&format!("/api/users/{}/follow", ada.id), json!({})).await.expect(200);
    let post = ada.post("/api/posts", json!({ "text": "hello" })).await.expect(201);
    let post = format!("/api/posts/{}", post["id"].as_str().unwrap());
    ada.post(&format!("{post}/like"), json!({})).await.expect(200);
    ada.post(&format!("{post}/comments"), json!({ "text": "hello" })).await.expect(201);
    let sent = bob.post("/api/messages", json!({ "to": ada.id, "text": "hello" })).await.expect(201);
    let messages = format!("/api/conversations/{}/messages", sent["conversationId"].as_str().unwrap());
    server.guest("Eve").await;
    let of_ada = |rest: &str| format!("/api/users/{}/{rest}", ada.id);
    for path in [
        of_ada("followers"),
        of_ada("following"),
        of_ada("posts"),
        format!("{post}/likes"),
        format!("{post}/comments"),
        messages,
        "/api/feed".into(),
        "/api/notifications".into(),
        "/api/conversations".into(),
        "/api/users/online".into(),
        "/api/users/suggested".into(),
    ] {
        let full = ada.get(&path).await.expect(200);
        let sparse = ada.get(&format!("{path}?fields=id")).await.expect(200);
        assert_eq!(sparse["items"][0], json!({ "id": full["items"][0]["id"] }), "{path}: {full}");
        assert_eq!(sparse.as_object().unwrap().len(), full.as_object().unwrap().len(), "{path}");
        let refused = ada.get(&format!("{path}?fields=id,password_hash")).await;
        assert_eq!(refused.code(), "validation_failed", "{path}");
    }
    for path in ["/api/users/me", &post] {
        let full = ada.get(path).await.expect(200);
        let sparse = ada.get(&format!("{path}?fields=createdAt,id")).await.expect(200);
        assert_eq!(sparse, json!({ "id": full["id"], "createdAt": full["createdAt"] }));
        for fields in ["", "nothing", "id,,createdAt", "author.id"] {
            let refused = ada.get(&format!("{path}?fields={fields}")).await;
            assert_eq!(refused.code(), "validation_failed", "{fields}");
        }
    }
}
