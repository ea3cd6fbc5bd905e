//! Who is online.

use serde_json::{Value, json};

use crate::support::{Server, Socket, in_each_home};

in_each_home!(
    presence_lasts_as_long_as_the_last_socket,
    whoever_stopped_watching_is_not_told,
    watching_is_bounded_and_does_not_count_as_chat_rooms,
    those_who_are_online_are_listed_by_name,
);

async fn presence_lasts_as_long_as_the_last_socket(server: &Server) {
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let path = format!("/api/users/{}/presence", bob.id);
    assert_eq!(ada.get(&path).await.expect(200), json!({ "online": false }));
    let mut watcher = Socket::connect(server.address, &ada.token).await.unwrap();
    let watched = json!({ "users": [ada.id, bob.id] });
    assert_eq!(watcher.done("presence:watch", watched.clone()).await["online"], json!([ada.id]));
    let tab = Socket::connect(server.address, &bob.token).await.unwrap();
    assert_eq!(watcher.event("presence:changed").await, json!({ "user": bob.id, "online": true }));
    let phone = Socket::connect(server.address, &bob.token).await.unwrap();
    assert_eq!(ada.get(&path).await.expect(200), json!({ "online": true }));
    tab.leave().await;
    phone.leave().await;
    assert_eq!(watcher.event("presence:changed").await, json!({ "user": bob.id, "online": false }));
    assert_eq!(ada.get(&path).await.expect(200), json!({ "online": false }));
    assert_eq!(ada.get("/api/users/nobody/presence").await.code(), "not_found");
}

async fn whoever_stopped_watching_is_not_told(server: &Server) {
    let (ada, bob, eve) = (server.guest("Ada").await, server.guest("Bob").await, server.guest("Eve").await);
    let mut watcher = Socket::connect(server.address, &ada.token).await.unwrap();
    watcher.done("presence:watch", json!({ "users": [bob.id, eve.id] })).await;
    watcher.done("presence:unwatch", json!({ "users": [bob.id] })).await;
    let _bob = Socket::connect(server.address, &bob.token).await.unwrap();
    let _eve = Socket::connect(server.address, &eve.token).await.unwrap();
    assert_eq!(watcher.event("presence:changed").await["user"], json!(eve.id));
    watcher.done("presence:unwatch", json!({})).await;
}

async fn watching_is_bounded_and_does_not_count_as_chat_rooms(server: &Server) {
    let ada = server.guest("Ada").await;
    let mut socket = Socket::connect(server.address, &ada.token).await.unwrap();
    let many = |from: u32, count: u32| -> Vec<String> {
        (from..from + count).map(|n| format!("01a1fc3c-9350-7194-b6f2-a877{n:08x}")).collect()
    };
    assert_eq!(socket.refused("presence:watch", json!({ "users": many(0, 101) })).await, "too_many_watched");
    socket.done("presence:watch", json!({ "users": many(0, 100) })).await;
    socket.done("presence:watch", json!({ "users": many(50, 50) })).await;
    assert_eq!(socket.refused("presence:watch", json!({ "users": [ada.id] })).await, "too_many_watched");
    socket.done("room:join", json!({ "room": "lobby" })).await;
    for payload in [json!({}), json!({ "users": "x" }), json!({ "users": ["x"] })] {
        assert_eq!(socket.refused("presence:watch", payload).await, "bad_request");
    }
}

async fn those_who_are_online_are_listed_by_name(server: &Server) {
    let (ada, bob, eve) = (server.guest("Ada").await, server.guest("Bob").await, server.guest("Eve").await);
    let mut sockets = Vec::new();
    for client in [&eve, &ada, &ada, &bob] {
        sockets.push(Socket::connect(server.address, &client.token).await.unwrap());
    }
    let page = ada.get("/api/users/online?limit=2").await.expect(200);
    let names = |page: &Value| {
        page["items"].as_array().unwrap().iter().map(|person| person["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&page), ["Eve", "Bob"]);
    let cursor = page["nextCursor"].as_str().unwrap();
    let rest = ada.get(&format!("/api/users/online?limit=2&cursor={cursor}")).await.expect(200);
    assert_eq!((names(&rest), &rest["nextCursor"]), (vec![json!("Ada")], &Value::Null));
}
