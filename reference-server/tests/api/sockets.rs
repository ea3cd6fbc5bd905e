//! Sockets: the handshake, malformed events, direct messages and chat rooms.

use serde_json::{Value, json};

use crate::support::{Server, Socket};

const SOCKETS: usize = 400;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_emitted_at_once_is_never_lost() {
    let server = Server::start_with(|config| config.socket.max_per_user = SOCKETS).await;
    let guest = server.guest("Ada").await;
    let sockets = (0..SOCKETS).map(|_| {
        let (address, token) = (server.address, guest.token.clone());
        tokio::spawn(async move {
            let mut socket = Socket::connect(address, &token).await.unwrap();
            socket.done("room:join", json!({ "room": "lobby" })).await
        })
    });
    let answers = futures_util::future::join_all(sockets).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap()["members"].is_u64()));
}

#[tokio::test]
async fn a_bad_token_is_refused_in_the_handshake() {
    let server = Server::start().await;
    let refusal = Socket::connect(server.address, "nonsense").await.map(|_| ()).unwrap_err();
    assert!(refusal["message"].as_str().unwrap().contains("log in again"), "{refusal}");
}

#[tokio::test]
async fn malformed_events_are_refused_and_the_socket_lives() {
    let server = Server::start().await;
    let guest = server.guest("Ada").await;
    let mut socket = Socket::connect(server.address, &guest.token).await.unwrap();
    let events =
        ["chess:create", "chess:join", "chess:move", "chat:send", "chat:typing", "room:join", "room:send"];
    let payloads =
        [json!("text"), json!([1]), json!({ "surprise": 1 }), json!(7), json!({ "room": 1, "code": {} })];
    for event in events {
        for payload in &payloads {
            assert_eq!(socket.refused(event, payload.clone()).await, "bad_request", "{event} {payload}");
        }
    }
    assert_eq!(socket.refused("no:such", json!({})).await, "unknown_event");
    socket.emit("chess:move", json!({})).await;
    assert_eq!(socket.event("error").await["code"], "bad_request");
    socket.write(r#"42["chess:move",{"_placeholder":true,"num":0}]"#.into()).await;
    assert_eq!(socket.event("error").await["code"], "bad_request");
    socket.done("chess:create", Value::Null).await;
    socket.done("chess:create", json!({})).await;
}

#[tokio::test]
async fn messages_reach_online_receivers_whichever_way_they_are_sent() {
    let server = Server::start().await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let mut sender = Socket::connect(server.address, &ada.token).await.unwrap();
    let mut receiver = Socket::connect(server.address, &bob.token).await.unwrap();
    let sent = sender.done("chat:send", json!({ "to": bob.id, "text": "by socket" })).await;
    let received = receiver.event("chat:message").await;
    assert_eq!((&received["id"], &received["text"]), (&sent["id"], &json!("by socket")));
    assert!(received["sentAt"].is_f64());
    ada.post("/api/messages", json!({ "to": bob.id, "text": "by HTTP" })).await.expect(201);
    let received = receiver.event("chat:message").await;
    assert_eq!(
        (&received["conversationId"], &received["text"]),
        (&sent["conversationId"], &json!("by HTTP"))
    );
    sender.done("chat:typing", json!({ "to": bob.id })).await;
    assert_eq!(receiver.event("chat:typing").await["from"], json!(ada.id));
    let nobody = json!({ "to": "01a1fc3c-9350-7194-b6f2-a8771e629ac9", "text": "anybody?" });
    assert_eq!(sender.refused("chat:send", nobody).await, "unknown_user");
    assert_eq!(sender.refused("chat:send", json!({ "to": bob.id, "text": " " })).await, "bad_request");
}

#[tokio::test]
async fn a_chat_room_hears_its_members_only() {
    let server = Server::start().await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let mut ada = Socket::connect(server.address, &ada.token).await.unwrap();
    let mut bob = Socket::connect(server.address, &bob.token).await.unwrap();
    let say = json!({ "room": "lobby", "text": "hello" });
    assert_eq!(ada.refused("room:send", say.clone()).await, "not_in_room");
    assert_eq!(ada.done("room:join", json!({ "room": "lobby" })).await["members"], 1);
    assert_eq!(bob.done("room:join", json!({ "room": "lobby" })).await["members"], 2);
    let sent = ada.done("room:send", say.clone()).await;
    let heard = bob.event("room:message").await;
    assert_eq!((&heard["id"], &heard["fromName"]), (&sent["id"], &json!("Ada")));
    ada.done("room:leave", json!({ "room": "lobby" })).await;
    assert_eq!(ada.refused("room:send", say).await, "not_in_room");
}
