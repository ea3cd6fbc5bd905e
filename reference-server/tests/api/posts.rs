//! Posts, likes and comments.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Client, Server};

const NOTHING: &str = "01a1fc3c-9350-7194-b6f2-a8771e629ac9";

async fn post_of(author: &Client) -> String {
    let post = author.post("/api/posts", json!({ "text": "hello" })).await.expect(201);
    format!("/api/posts/{}", post["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_post_is_removed_by_its_author_only() {
    let server = Server::start().await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let post = post_of(&ada).await;
    bob.post(&format!("{post}/like"), json!({})).await.expect(200);
    let refused = bob.delete(&post).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (403, "forbidden"));
    let gone = ada.delete(&post).await;
    assert_eq!((gone.status.as_u16(), gone.text.as_str()), (204, ""));
    for path in [&post, &format!("{post}/likes"), &format!("{post}/comments")] {
        assert_eq!(ada.get(path).await.code(), "not_found", "{path}");
    }
    assert_eq!(ada.delete(&post).await.code(), "not_found");
    assert_eq!(ada.get("/api/feed").await.expect(200)["items"], json!([]));
    assert_eq!(ada.get("/api/notifications/unread").await.expect(200), json!({ "unread": 0 }));
}

#[tokio::test]
async fn likes_are_idempotent_and_listed() {
    let server = Server::start().await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let post = post_of(&ada).await;
    let like = format!("{post}/like");
    for _ in 0..2 {
        assert_eq!(bob.post(&like, json!({})).await.expect(200), json!({ "liked": true, "likes": 1 }));
    }
    ada.post(&like, json!({})).await.expect(200);
    let likes = ada.get(&format!("{post}/likes")).await.expect(200);
    let names: Vec<_> = likes["items"].as_array().unwrap().iter().map(|person| &person["name"]).collect();
    assert_eq!(names, ["Ada", "Bob"]);
    for _ in 0..2 {
        assert_eq!(bob.delete(&like).await.expect(200), json!({ "liked": false, "likes": 1 }));
    }
    assert_eq!(ada.get(&post).await.expect(200)["likes"], 1);
    let nothing = format!("/api/posts/{NOTHING}/like");
    assert_eq!(ada.post(&nothing, json!({})).await.code(), "not_found");
    assert_eq!(ada.delete(&nothing).await.code(), "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn counts_agree_with_the_lists_whoever_comes_at_once() {
    let server = Server::start().await;
    let ada = server.guest("Ada").await;
    let post = post_of(&ada).await;
    let crowd =
        join_all((0..20).map(|n| server.client().guest(if n % 2 == 0 { "Even" } else { "Odd" }))).await;
    let (like, comments) = (&format!("{post}/like"), &format!("{post}/comments"));
    join_all(crowd.iter().chain(&crowd).map(async |fan| {
        fan.post(like, json!({})).await.expect(200);
        fan.post(comments, json!({ "text": "me too" })).await.expect(201);
    }))
    .await;
    join_all(crowd.iter().step_by(2).map(async |fan| fan.delete(like).await.expect(200))).await;
    let shown = ada.get(&post).await.expect(200);
    assert_eq!((&shown["likes"], &shown["comments"]), (&json!(10), &json!(40)));
    let likes = ada.get(&format!("{post}/likes?limit=100")).await.expect(200);
    assert!(likes["items"].as_array().unwrap().iter().all(|person| person["name"] == "Odd"));
    assert_eq!(likes["items"].as_array().unwrap().len(), 10);
    assert_eq!(ada.get("/api/notifications/unread").await.expect(200), json!({ "unread": 60 }));
}

#[tokio::test]
async fn comments_are_paged_and_removed_by_either_author() {
    let server = Server::start().await;
    let (ada, bob, eve) = (server.guest("Ada").await, server.guest("Bob").await, server.guest("Eve").await);
    let post = post_of(&ada).await;
    let comments = format!("{post}/comments");
    let mut written = Vec::new();
    for n in 0..23 {
        let body = json!({ "text": n.to_string() });
        written.insert(0, bob.post(&comments, body).await.expect(201));
    }
    let page = ada.get(&comments).await.expect(200);
    assert_eq!(page["items"].as_array().unwrap().as_slice(), &written[..20]);
    let next = format!("{comments}?cursor={}", page["nextCursor"].as_str().unwrap());
    let rest = ada.get(&next).await.expect(200);
    assert_eq!(
        (rest["items"].as_array().unwrap().as_slice(), &rest["nextCursor"]),
        (&written[20..], &Value::Null)
    );
    let of = |n: usize| format!("{comments}/{}", written[n]["id"].as_str().unwrap());
    assert_eq!(eve.delete(&of(0)).await.code(), "forbidden");
    assert_eq!(bob.delete(&of(0)).await.status.as_u16(), 204);
    assert_eq!(ada.delete(&of(1)).await.status.as_u16(), 204);
    assert_eq!(bob.delete(&of(0)).await.code(), "not_found");
    assert_eq!(ada.get(&post).await.expect(200)["comments"], 21);
    for text in ["", " ", "a\u{0}", &"x".repeat(1_001)] {
        assert_eq!(
            bob.post(&comments, json!({ "text": text })).await.code(),
            "validation_failed",
            "{text:.9}"
        );
    }
    bob.post(&comments, json!({ "text": "é".repeat(1_000) })).await.expect(201);
}

#[tokio::test]
async fn an_accounts_posts_are_paged() {
    let server = Server::start().await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    for _ in 0..21 {
        post_of(&ada).await;
    }
    post_of(&bob).await;
    let path = format!("/api/users/{}/posts", ada.id);
    let page = bob.get(&path).await.expect(200);
    assert_eq!(page["items"].as_array().unwrap().len(), 20);
    let rest = bob.get(&format!("{path}?cursor={}", page["nextCursor"].as_str().unwrap())).await.expect(200);
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["nextCursor"]), (1, &Value::Null));
    assert!(page["items"].as_array().unwrap().iter().all(|post| post["author"]["id"] == json!(ada.id)));
    assert_eq!(bob.get(&format!("/api/users/{NOTHING}/posts")).await.code(), "not_found");
    assert_eq!(bob.get("/api/users/nobody/posts").await.code(), "not_found");
}
