//! Following, feeds, notifications and messages.

use serde_json::{Value, json};

use crate::support::{Client, Server, Socket};

#[tokio::test]
async fn following_notifies_once_and_fills_the_feed() {
    let server = Server::start().await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let edge = format!("/api/users/{}/follow", bob.id);
    for _ in 0..2 {
        let followed = ada.post(&edge, json!({})).await.expect(200);
        assert_eq!(followed, json!({ "following": true, "followers": 1 }));
    }
    let told = bob.get("/api/notifications").await.expect(200);
    assert_eq!((&told["unread"], told["items"].as_array().unwrap().len()), (&json!(1), 1));
    assert_eq!(
        (&told["items"][0]["kind"], &told["items"][0]["actor"]["name"]),
        (&json!("follow"), &json!("Ada"))
    );
    assert_eq!(bob.post("/api/notifications/read", json!({})).await.expect(200), json!({ "read": 1 }));
    let post = bob.post("/api/posts", json!({ "text": "hello" })).await.expect(201);
    let feed = ada.get("/api/feed").await.expect(200);
    assert_eq!(feed, json!({ "items": [post], "nextCursor": null }));
    let followers = ada.get(&format!("/api/users/{}/followers", bob.id)).await.expect(200);
    assert_eq!(followers["items"][0]["id"], json!(ada.id));
    let ended = ada.delete(&edge).await.expect(200);
    assert_eq!(ended, json!({ "following": false, "followers": 0 }));
    let own = ada.post(&format!("/api/users/{}/follow", ada.id), json!({})).await;
    assert_eq!((own.status.as_u16(), own.code().as_str()), (422, "validation_failed"));
}

#[tokio::test]
async fn feed_pages_neither_skip_nor_repeat_while_posts_arrive() {
    let server = Server::start().await;
    let ada = server.guest("Ada").await;
    for n in 0..25 {
        ada.post("/api/posts", json!({ "text": n.to_string() })).await.expect(201);
    }
    let (mut texts, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = ada.get(&format!("/api/feed?limit=10{cursor}")).await.expect(200);
        texts.extend(page["items"].as_array().unwrap().iter().map(|post| post["text"].clone()));
        ada.post("/api/posts", json!({ "text": "meanwhile" })).await.expect(201);
        let Value::String(next) = &page["nextCursor"] else { break };
        cursor = format!("&cursor={next}");
    }
    let expected: Vec<_> = (0..25).rev().map(|n| json!(n.to_string())).collect();
    assert_eq!(texts, expected);
    let first = ada.get("/api/feed").await.expect(200);
    assert_eq!(first["items"].as_array().unwrap().len(), 20);
}

async fn write(from: &Client, to: &Client, text: &str) -> Value {
    from.post("/api/messages", json!({ "to": to.id, "text": text })).await.expect(201)
}

#[tokio::test]
async fn a_conversation_is_read_by_its_members_only() {
    let server = Server::start().await;
    let (ada, bob, eve) = (server.guest("Ada").await, server.guest("Bob").await, server.guest("Eve").await);
    let hello = write(&ada, &bob, "hello").await;
    let reply = write(&bob, &ada, "hi").await;
    assert_eq!(hello["conversationId"], reply["conversationId"]);
    let conversations = ada.get("/api/conversations").await.expect(200);
    assert_eq!(conversations["items"][0]["with"]["name"], "Bob");
    assert_eq!(conversations["items"][0]["lastMessage"], reply);
    let path = format!("/api/conversations/{}/messages", hello["conversationId"].as_str().unwrap());
    assert_eq!(bob.get(&path).await.expect(200)["items"], json!([reply, hello]));
    assert_eq!(eve.get(&path).await.code(), "not_found");
    let nobody = json!({ "to": "01a1fc3c-9350-7194-b6f2-a8771e629ac9", "text": "anybody?" });
    assert_eq!(ada.post("/api/messages", nobody).await.code(), "not_found");
    let own = ada.post("/api/messages", json!({ "to": ada.id, "text": "me" })).await;
    assert_eq!(own.code(), "validation_failed");
}

#[tokio::test]
async fn reading_a_conversation_is_told_to_the_sender() {
    let server = Server::start().await;
    let (ada, bob, eve) = (server.guest("Ada").await, server.guest("Bob").await, server.guest("Eve").await);
    let mut sender = Socket::connect(server.address, &ada.token).await.unwrap();
    let id = write(&ada, &bob, "hello").await["conversationId"].clone();
    write(&ada, &bob, "are you there?").await;
    let unread = async |client: &Client| {
        client.get("/api/conversations").await.expect(200)["items"][0]["unread"].clone()
    };
    assert_eq!((unread(&ada).await, unread(&bob).await), (json!(0), json!(2)));
    let path = format!("/api/conversations/{}/read", id.as_str().unwrap());
    assert_eq!(eve.post(&path, json!({})).await.code(), "not_found");
    assert_eq!(bob.post(&path, json!({})).await.expect(200), json!({ "read": 2 }));
    let told = sender.event("chat:read").await;
    assert_eq!((&told["conversationId"], &told["by"]), (&id, &json!(bob.id)));
    assert!(told["readAt"].is_f64());
    assert_eq!(bob.post(&path, json!({})).await.expect(200), json!({ "read": 0 }));
    assert_eq!(unread(&bob).await, json!(0));
}
