//! Notifications, as they are listed and as sockets get them.

use serde_json::{Value, json};

use crate::support::{Server, Socket};

#[tokio::test]
async fn sockets_are_told_what_the_list_shows() {
    let server = Server::start().await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let mut socket = Socket::connect(server.address, &ada.token).await.unwrap();
    let post = ada.post("/api/posts", json!({ "text": "hello" })).await.expect(201);
    let path = format!("/api/posts/{}", post["id"].as_str().unwrap());
    bob.post(&format!("/api/users/{}/follow", ada.id), json!({})).await.expect(200);
    bob.post(&format!("{path}/like"), json!({})).await.expect(200);
    bob.post(&format!("{path}/comments"), json!({ "text": "well said" })).await.expect(201);
    let mut told = Vec::new();
    for (kind, subject) in [("follow", &Value::Null), ("like", &post["id"]), ("comment", &post["id"])] {
        let new = socket.event("notification:new").await;
        assert_eq!((&new["kind"], &new["subject"]), (&json!(kind), subject));
        assert_eq!((&new["actor"]["name"], &new["read"]), (&json!("Bob"), &json!(false)));
        told.insert(0, new);
    }
    let list = ada.get("/api/notifications").await.expect(200);
    assert_eq!(list, json!({ "items": told, "nextCursor": null, "unread": 3 }));
}

#[tokio::test]
async fn own_doings_and_second_likes_notify_nobody() {
    let server = Server::start().await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let post = ada.post("/api/posts", json!({ "text": "hello" })).await.expect(201);
    let path = format!("/api/posts/{}", post["id"].as_str().unwrap());
    let like = format!("{path}/like");
    ada.post(&like, json!({})).await.expect(200);
    ada.post(&format!("{path}/comments"), json!({ "text": "I like it" })).await.expect(201);
    for _ in 0..3 {
        bob.post(&like, json!({})).await.expect(200);
        bob.delete(&like).await.expect(200);
    }
    assert_eq!(ada.get("/api/notifications/unread").await.expect(200), json!({ "unread": 1 }));
}

#[tokio::test]
async fn one_notification_is_read_by_its_owner() {
    let server = Server::start().await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    bob.post(&format!("/api/users/{}/follow", ada.id), json!({})).await.expect(200);
    let list = ada.get("/api/notifications").await.expect(200);
    let path = format!("/api/notifications/{}/read", list["items"][0]["id"].as_str().unwrap());
    assert_eq!(bob.post(&path, json!({})).await.code(), "not_found");
    assert_eq!(ada.post("/api/notifications/nothing/read", json!({})).await.code(), "not_found");
    for read in [1, 0] {
        assert_eq!(ada.post(&path, json!({})).await.expect(200), json!({ "read": read }));
    }
    let list = ada.get("/api/notifications").await.expect(200);
    assert_eq!((&list["items"][0]["read"], &list["unread"]), (&json!(true), &json!(0)));
}
