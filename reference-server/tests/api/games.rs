//! Chess over sockets.

use serde_json::{Value, json};

use crate::support::{Server, Socket, in_each_home};

in_each_home!(
    a_game_is_played_by_code_to_its_end,
    whoever_seeks_is_paired_with_whoever_waits,
    whoever_waits_and_leaves_is_not_paired,
    a_spectator_sees_the_game_and_cannot_move,
    a_game_goes_on_after_its_player_comes_back,
    a_clock_is_told_with_every_move,
    a_draw_takes_both_players,
    whoever_leaves_hears_no_more_and_may_come_back,
    a_post_about_a_game_gets_its_result,
);

async fn player(server: &Server, name: &str) -> Socket {
    let guest = server.guest(name).await;
    Socket::connect(server.address, &guest.token).await.unwrap()
}

/// Two players in a started game: White, Black, and the room.
async fn started(server: &Server) -> (Socket, Socket, Value) {
    let (mut white, mut black) = (player(server, "Ada").await, player(server, "Bob").await);
    let made = white.done("chess:create", json!({})).await;
    let joined = black.done("chess:join", json!({ "code": made["room"]["code"] })).await;
    assert_eq!(joined["roomId"], made["room"]["roomId"]);
    (white, black, joined["roomId"].clone())
}

async fn a_game_is_played_by_code_to_its_end(server: &Server) {
    let (mut white, mut black, room) = started(server).await;
    for (side, color) in [(&mut white, "white"), (&mut black, "black")] {
        let start = side.event("chess:start").await;
        assert_eq!((&start["color"], &start["roomId"]), (&json!(color), &room));
        assert_eq!((&start["white"]["name"], &start["black"]["name"]), (&json!("Ada"), &json!("Bob")));
    }
    let code = |refused: &str| json!(refused);
    let mv = |uci: &str| json!({ "roomId": room, "move": uci });
    assert_eq!(code(&black.refused("chess:move", mv("e7e5")).await), "not_your_turn");
    assert_eq!(code(&white.refused("chess:move", mv("e2e5")).await), "illegal_move");
    white.done("chess:move", mv("f2f3")).await;
    let told = black.event("chess:move").await;
    assert_eq!((&told["move"], &told["by"], &told["ply"]), (&json!("f2f3"), &json!("white"), &json!(1)));
    black.done("chess:move", mv("e7e5")).await;
    white.done("chess:move", mv("g2g4")).await;
    let mate = black.done("chess:move", mv("d8h4")).await;
    assert_eq!((&mate["ply"], &mate["status"]), (&json!(4), &json!("checkmate")));
    for side in [&mut white, &mut black] {
        let end = side.event("chess:end").await;
        assert_eq!(end, json!({ "roomId": room, "result": "0-1", "reason": "checkmate" }));
    }
    assert_eq!(white.refused("chess:move", mv("e2e4")).await, "game_over");
}

async fn whoever_seeks_is_paired_with_whoever_waits(server: &Server) {
    let (mut ada, mut bob) = (player(server, "Ada").await, player(server, "Bob").await);
    let gone = player(server, "Eve").await;
    assert_eq!(ada.done("chess:find", json!({})).await["waiting"], true);
    let paired = bob.done("chess:find", json!({})).await;
    assert_eq!((&paired["waiting"], &paired["color"]), (&json!(false), &json!("black")));
    assert_eq!(ada.event("chess:start").await["color"], "white");
    assert_eq!(bob.event("chess:start").await["roomId"], paired["roomId"]);
    gone.leave().await;
    let resigned = ada.done("chess:resign", json!({ "roomId": paired["roomId"] })).await;
    assert_eq!(resigned["result"], "0-1");
    assert_eq!(bob.event("chess:end").await["reason"], "resignation");
}

async fn whoever_waits_and_leaves_is_not_paired(server: &Server) {
    let mut ada = player(server, "Ada").await;
    ada.done("chess:find", json!({})).await;
    ada.leave().await;
    let metrics = server.client();
    while !metrics.get("/metrics").await.text.contains("chess_players_waiting 0") {
        tokio::task::yield_now().await;
    }
    let mut bob = player(server, "Bob").await;
    assert_eq!(bob.done("chess:find", json!({})).await["waiting"], true);
}

async fn a_spectator_sees_the_game_and_cannot_move(server: &Server) {
    let (mut white, mut black, room) = started(server).await;
    white.done("chess:move", json!({ "roomId": room, "move": "e2e4" })).await;
    let code = black.event("chess:start").await["code"].clone();
    let mut eve = player(server, "Eve").await;
    let seen = eve.done("chess:spectate", json!({ "code": code })).await;
    assert_eq!((&seen["roomId"], &seen["moves"]), (&room, &json!(["e2e4"])));
    assert_eq!(eve.refused("chess:move", json!({ "roomId": room, "move": "e7e5" })).await, "not_a_player");
    black.done("chess:move", json!({ "roomId": room, "move": "e7e5" })).await;
    assert_eq!(eve.event("chess:move").await["move"], "e7e5");
    assert_eq!(eve.refused("chess:join", json!({ "code": code })).await, "room_full");
    assert_eq!(eve.refused("chess:spectate", json!({ "code": "ZZZZZZ" })).await, "unknown_room");
}

async fn a_game_goes_on_after_its_player_comes_back(server: &Server) {
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let mut white = Socket::connect(server.address, &ada.token).await.unwrap();
    let mut black = Socket::connect(server.address, &bob.token).await.unwrap();
    let made = white.done("chess:create", json!({})).await;
    let room = made["room"]["roomId"].clone();
    black.done("chess:join", json!({ "code": made["room"]["code"] })).await;
    white.done("chess:move", json!({ "roomId": room, "move": "e2e4" })).await;
    white.leave().await;
    assert_eq!(black.event("chess:left").await, json!({ "roomId": room, "color": "white" }));
    let mut white = Socket::connect(server.address, &ada.token).await.unwrap();
    let state = white.done("chess:resume", json!({ "roomId": room })).await;
    assert_eq!((&state["color"], &state["moves"]), (&json!("white"), &json!(["e2e4"])));
    assert_eq!(black.event("chess:resumed").await["color"], "white");
    black.done("chess:move", json!({ "roomId": room, "move": "e7e5" })).await;
    assert_eq!(white.event("chess:move").await["move"], "e7e5");
}

async fn a_clock_is_told_with_every_move(server: &Server) {
    let (mut white, mut black) = (player(server, "Ada").await, player(server, "Bob").await);
    for wrong in [json!({ "initialSeconds": 9 }), json!({ "initialSeconds": 60, "delay": 1 }), json!(60)] {
        assert_eq!(white.refused("chess:create", json!({ "clock": wrong })).await, "bad_request");
    }
    let control = json!({ "initialSeconds": 600, "incrementSeconds": 5 });
    let made = white.done("chess:create", json!({ "clock": control })).await;
    assert_eq!(made["room"]["clock"], control);
    let room = &made["room"]["roomId"];
    black.done("chess:join", json!({ "code": made["room"]["code"] })).await;
    let full = json!({ "white": 600_000, "black": 600_000 });
    assert_eq!(white.event("chess:start").await["clocks"], full);
    let first = white.done("chess:move", json!({ "roomId": room, "move": "e2e4" })).await;
    assert_eq!(first["clocks"], full, "the first move costs no time");
    black.done("chess:move", json!({ "roomId": room, "move": "e7e5" })).await;
    let told = white.event("chess:move").await;
    let left = told["clocks"]["black"].as_i64().unwrap();
    assert!((600_001..=605_000).contains(&left), "{left}");
}

async fn a_draw_takes_both_players(server: &Server) {
    let (mut white, mut black, room) = started(server).await;
    let ask = json!({ "roomId": room });
    assert_eq!(white.done("chess:draw", ask.clone()).await["status"], "offered");
    assert_eq!(black.event("chess:draw-offered").await, json!({ "roomId": room, "by": "white" }));
    assert_eq!(player(server, "Eve").await.refused("chess:draw", ask.clone()).await, "not_a_player");
    let agreed = black.done("chess:draw", ask.clone()).await;
    assert_eq!((&agreed["status"], &agreed["result"]), (&json!("agreed"), &json!("1/2-1/2")));
    assert_eq!(white.event("chess:end").await["reason"], "agreement");
    assert_eq!(white.refused("chess:draw", ask).await, "game_over");
}

async fn whoever_leaves_hears_no_more_and_may_come_back(server: &Server) {
    let (mut white, mut black, room) = started(server).await;
    let ask = json!({ "roomId": room });
    white.done("chess:leave", ask.clone()).await;
    assert_eq!(black.event("chess:left").await["color"], "white");
    assert_eq!(black.done("chess:draw", ask.clone()).await["status"], "offered");
    let state = white.done("chess:rejoin", ask).await;
    assert_eq!((&state["color"], &state["drawOffer"]), (&json!("white"), &json!("black")));
    assert_eq!(black.event("chess:resumed").await["color"], "white");
    white.done("chess:move", json!({ "roomId": room, "move": "e2e4" })).await;
    assert_eq!(black.event("chess:move").await["move"], "e2e4");
}

async fn a_post_about_a_game_gets_its_result(server: &Server) {
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let mut white = Socket::connect(server.address, &ada.token).await.unwrap();
    let mut black = Socket::connect(server.address, &bob.token).await.unwrap();
    let made = white.done("chess:create", json!({})).await;
    black.done("chess:join", json!({ "code": made["room"]["code"] })).await;
    let ask = json!({ "roomId": made["room"]["roomId"] });
    let post = ada.post("/api/posts/chess", ask.clone()).await.expect(201);
    assert_eq!((&post["kind"], &post["game"]["code"]), (&json!("chess"), &made["room"]["code"]));
    assert_eq!((&post["game"]["black"]["name"], &post["game"]["result"]), (&json!("Bob"), &Value::Null));
    let eve = server.guest("Eve").await;
    assert_eq!(eve.post("/api/posts/chess", ask.clone()).await.code(), "forbidden");
    let nowhere = json!({ "roomId": "018f0000-0000-7000-8000-000000000000" });
    assert_eq!(ada.post("/api/posts/chess", nowhere).await.code(), "not_found");
    black.done("chess:resign", ask.clone()).await;
    let path = format!("/api/posts/{}", post["id"].as_str().unwrap());
    while ada.get(&path).await.expect(200)["game"]["result"] != "1-0" {
        tokio::task::yield_now().await;
    }
    let after = bob.post("/api/posts/chess", ask).await.expect(201);
    assert_eq!(after["game"]["result"], "1-0");
}
