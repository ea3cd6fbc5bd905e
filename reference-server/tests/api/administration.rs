//! What administrators may do, and nobody else.

use hyper::Method;
use serde_json::json;

use crate::support::Server;

#[tokio::test]
async fn admin_routes_are_for_administrators() {
    let server = Server::start().await;
    let (citizen, lawyer) = (server.guest("Ada").await, server.member("Lex", "lawyer").await);
    let user = format!("/api/admin/users/{}", citizen.id);
    let assign = format!("/api/admin/queries/{}/assign", citizen.id);
    let lists = ["/api/admin/users", "/api/admin/queries", "/api/admin/disputes"];
    let routes = lists.map(|path| (Method::GET, path, None));
    let changes = [
        (Method::PATCH, user.as_str(), Some(json!({ "role": "admin" }))),
        (Method::POST, assign.as_str(), Some(json!({ "lawyer": lawyer.id }))),
    ];
    for (method, path, body) in routes.into_iter().chain(changes) {
        for other in [&citizen, &lawyer] {
            let answer = other.send(method.clone(), path, body.as_ref().map(ToString::to_string)).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "forbidden"), "{path}");
        }
        let nobody = server.client().send(method, path, body.map(|body| body.to_string())).await;
        assert_eq!(nobody.code(), "bad_token", "{path}");
    }
}

#[tokio::test]
async fn accounts_are_listed_and_changed_but_not_the_own() {
    let server = Server::start().await;
    let (citizen, lawyer) = (server.guest("Ada").await, server.member("Lex", "lawyer").await);
    let admin = server.member("Root", "admin").await;
    let names = async |query: &str| {
        let page = admin.get(&format!("/api/admin/users{query}")).await.expect(200);
        page["items"].as_array().unwrap().iter().map(|user| user["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["Root", "Lex", "Ada"]);
    assert_eq!(names("?role=lawyer").await, ["Lex"]);
    let path = |id: &str| format!("/api/admin/users/{id}");
    let changed = admin.patch(&path(&lawyer.id), json!({ "active": false })).await.expect(200);
    assert_eq!((&changed["active"], &changed["role"]), (&json!(false), &json!("lawyer")));
    assert_eq!(names("?active=false").await, ["Lex"]);
    assert_eq!(citizen.get("/api/lawyers").await.expect(200)["items"], json!([]));
    let promoted = admin.patch(&path(&citizen.id), json!({ "role": "lawyer" })).await.expect(200);
    assert_eq!((&promoted["role"], &promoted["active"]), (&json!("lawyer"), &json!(true)));
    for change in [json!({ "active": false }), json!({ "role": "citizen" })] {
        assert_eq!(admin.patch(&path(&admin.id), change).await.code(), "validation_failed");
    }
    for bad in [json!({ "role": { "$ne": "admin" } }), json!({ "role": "king" }), json!({ "password": "x" })]
    {
        assert_eq!(admin.patch(&path(&citizen.id), bad).await.code(), "validation_failed");
    }
    let nobody = admin.patch(&path("01a1fc3c-9350-7194-b6f2-a8771e629ac9"), json!({ "active": false })).await;
    assert_eq!(nobody.code(), "not_found");
}

#[tokio::test]
async fn all_cases_are_listed_and_open_queries_assigned() {
    let server = Server::start().await;
    let (citizen, lawyer) = (server.guest("Ada").await, server.member("Lex", "lawyer").await);
    let admin = server.member("Root", "admin").await;
    let query = json!({ "title": "t", "description": "d", "category": "tax" });
    let query = citizen.post("/api/queries", query).await.expect(201);
    let dispute = json!({ "title": "t", "description": "d", "respondent": "r" });
    let dispute = citizen.post("/api/disputes", dispute).await.expect(201);
    let listed = admin.get("/api/admin/queries?status=open&category=tax").await.expect(200);
    assert_eq!(listed["items"], json!([query]));
    assert_eq!(admin.get("/api/admin/disputes").await.expect(200)["items"], json!([dispute]));
    assert_eq!(admin.get("/api/admin/disputes?status=resolved").await.expect(200)["items"], json!([]));
    let assign = format!("/api/admin/queries/{}/assign", query["id"].as_str().unwrap());
    assert_eq!(admin.post(&assign, json!({ "lawyer": citizen.id })).await.code(), "not_found");
    let assigned = admin.post(&assign, json!({ "lawyer": lawyer.id })).await.expect(200);
    assert_eq!((&assigned["status"], &assigned["lawyer"]["id"]), (&json!("assigned"), &json!(lawyer.id)));
    assert_eq!(admin.post(&assign, json!({ "lawyer": lawyer.id })).await.code(), "wrong_state");
}
