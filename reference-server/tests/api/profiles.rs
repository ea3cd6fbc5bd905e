//! Profiles and suggestions.

use serde_json::json;

use crate::support::Server;

#[tokio::test]
async fn a_profile_is_changed_where_it_is_told_to() {
    let server = Server::start().await;
    let ada = server.guest("Ada").await;
    let fresh = ada.get("/api/users/me").await.expect(200);
    assert_eq!(
        (&fresh["bio"], &fresh["avatar"], &fresh["role"]),
        (&json!(""), &json!(null), &json!("citizen"))
    );
    let avatar = "01a1fc3c-9350-7194-b6f2-a8771e629ac9";
    let changed = ada.patch("/api/users/me", json!({ "bio": "Λ", "avatar": avatar })).await.expect(200);
    assert_eq!(changed["name"], "Ada");
    assert_eq!((&changed["bio"], &changed["avatar"]), (&json!("Λ"), &json!(avatar)));
    ada.patch("/api/users/me", json!({ "name": "Ada L.", "avatar": null })).await.expect(200);
    let me = ada.get("/api/users/me").await.expect(200);
    assert_eq!((&me["name"], &me["bio"], &me["avatar"]), (&json!("Ada L."), &json!("Λ"), &json!(null)));
    let unchanged = ada.patch("/api/users/me", json!({})).await.expect(200);
    assert_eq!(unchanged, me);
}

#[tokio::test]
async fn a_profile_keeps_to_its_rules() {
    let server = Server::start().await;
    let ada = server.guest("Ada").await;
    for change in [
        json!({ "name": "" }),
        json!({ "bio": "x".repeat(301) }),
        json!({ "bio": "a\u{0}" }),
        json!({ "avatar": "picture" }),
        json!({ "role": "admin" }),
        json!({ "active": false }),
        json!({ "name": { "$ne": 1 } }),
    ] {
        assert_eq!(ada.patch("/api/users/me", change.clone()).await.code(), "validation_failed", "{change}");
    }
    ada.patch("/api/users/me", json!({ "bio": "é".repeat(300) })).await.expect(200);
    ada.patch("/api/users/me", json!({ "bio": "" })).await.expect(200);
    let form = json!({ "username": "Suggested", "email": "s@example.com", "password": "correct horse" });
    assert_eq!(server.client().post("/api/auth/register", form).await.code(), "validation_failed");
}

#[tokio::test]
async fn friends_of_friends_are_suggested_until_they_are_followed() {
    let server = Server::start().await;
    let (ada, bob, eve) = (server.guest("Ada").await, server.guest("Bob").await, server.guest("Eve").await);
    let star = server.guest("Star").await;
    let follow = async |who: &crate::support::Client, whom: &crate::support::Client| {
        who.post(&format!("/api/users/{}/follow", whom.id), json!({})).await.expect(200)
    };
    follow(&ada, &bob).await;
    follow(&bob, &eve).await;
    let names = async || {
        let page = ada.get("/api/users/suggested").await.expect(200);
        assert_eq!(page["nextCursor"], json!(null));
        let shown = page["items"].as_array().unwrap().iter();
        shown.map(|found| json!([found["name"], found["common"], found["followers"]])).collect::<Vec<_>>()
    };
    assert_eq!(names().await, [json!(["Eve", 1, 1]), json!(["Star", 0, 0])]);
    follow(&eve, &star).await;
    follow(&ada, &eve).await;
    assert_eq!(names().await, [json!(["Star", 1, 1])]);
}
