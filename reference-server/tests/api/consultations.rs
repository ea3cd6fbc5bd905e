//! Appointments, the list of lawyers, and dashboards.

use hyper::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Client, Server};

/// So many minutes into a day to come.
fn at(minutes: u64) -> String {
    format!("2099-12-31T{:02}:{:02}:00Z", minutes / 60, minutes % 60)
}

async fn request(citizen: &Client, lawyer: &Client, start: u64, minutes: u64) -> Answer {
    let form = json!({ "lawyer": lawyer.id, "startsAt": at(start), "minutes": minutes });
    citizen.post("/api/consultations", form).await
}

async fn act(who: &Client, consultation: &Value, step: &str) -> (u16, String) {
    let path = format!("/api/consultations/{}/{step}", consultation["id"].as_str().unwrap());
    let answer = who.send(Method::POST, &path, None).await;
    let word = if answer.status.is_success() { "status" } else { "code" };
    (answer.status.as_u16(), answer.json()[word].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_consultation_is_requested_and_confirmed_at_a_free_time() {
    let server = Server::start().await;
    let citizen = server.guest("Ada").await;
    let lawyer = server.member("Lex", "lawyer").await;
    let held = request(&citizen, &lawyer, 120, 60).await.expect(201);
    let rival = request(&citizen, &lawyer, 150, 60).await.expect(201);
    assert_eq!((&held["status"], &held["minutes"]), (&json!("requested"), &json!(60)));
    assert_eq!(act(&citizen, &held, "confirm").await, (403, "forbidden".into()));
    assert_eq!(act(&lawyer, &held, "confirm").await, (200, "confirmed".into()));
    assert_eq!(act(&lawyer, &rival, "confirm").await, (409, "conflict".into()));
    assert_eq!(request(&citizen, &lawyer, 130, 15).await.code(), "conflict");
    assert_eq!(act(&lawyer, &held, "complete").await, (409, "wrong_state".into()));
    assert_eq!(act(&lawyer, &rival, "decline").await, (200, "declined".into()));
    assert_eq!(act(&citizen, &held, "cancel").await, (200, "cancelled".into()));
    assert_eq!(act(&lawyer, &held, "cancel").await, (409, "wrong_state".into()));
    request(&citizen, &lawyer, 130, 15).await.expect(201);
    let nosy = server.guest("Eve").await;
    assert_eq!(act(&nosy, &held, "cancel").await, (404, "not_found".into()));
    let list = citizen.get("/api/consultations?status=declined").await.expect(200);
    assert_eq!((list["items"].as_array().unwrap().len(), &list["items"][0]["id"]), (1, &rival["id"]));
    assert_eq!(lawyer.get("/api/consultations").await.expect(200)["items"].as_array().unwrap().len(), 3);
    assert_eq!(nosy.get("/api/consultations").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn of_rival_requests_one_is_confirmed() {
    let server = Server::start().await;
    let citizen = server.guest("Ada").await;
    let lawyer = server.member("Lex", "lawyer").await;
    let mut rivals = Vec::new();
    for n in 0..6 {
        rivals.push(request(&citizen, &lawyer, 60 + n, 30).await.expect(201));
    }
    let answers = futures_util::future::join_all(rivals.iter().map(|c| act(&lawyer, c, "confirm"))).await;
    assert_eq!(answers.iter().filter(|(status, _)| *status == 200).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|(_, code)| code == "conflict").count(), 5, "{answers:?}");
}

#[tokio::test]
async fn impossible_appointments_are_refused() {
    let server = Server::start().await;
    let (citizen, other) = (server.guest("Ada").await, server.guest("Bob").await);
    let lawyer = server.member("Lex", "lawyer").await;
    let refused = async |form: Value| citizen.post("/api/consultations", form).await.code();
    let soon = at(60);
    let form = |lawyer: &str, start: Value, minutes: Value| json!({ "lawyer": lawyer, "startsAt": start, "minutes": minutes });
    for minutes in [json!(14), json!(181), json!(-1), json!(1.5), json!(70_000), json!({ "$gt": 1 })] {
        assert_eq!(refused(form(&lawyer.id, json!(soon), minutes)).await, "validation_failed");
    }
    for start in ["2020-01-01T00:00:00Z", "tomorrow", "2026-02-30T10:00:00Z", ""] {
        assert_eq!(refused(form(&lawyer.id, json!(start), json!(30))).await, "validation_failed", "{start}");
    }
    assert_eq!(refused(form(&lawyer.id, json!({ "$ne": 1 }), json!(30))).await, "validation_failed");
    assert_eq!(refused(form(&other.id, json!(soon), json!(30))).await, "not_found", "no lawyer");
    assert_eq!(request(&lawyer, &lawyer, 60, 30).await.code(), "forbidden");
}

#[tokio::test]
async fn lawyers_are_found_by_what_they_know() {
    let server = Server::start().await;
    let citizen = server.guest("Ada").await;
    let (lex, rex) = (server.member("Lex", "lawyer").await, server.member("Rex", "lawyer").await);
    let change = json!({ "specializations": ["tax", "family"], "headline": "Thirty years" });
    let changed = lex.patch("/api/lawyers/me", change).await.expect(200);
    assert_eq!(changed["specializations"], json!(["family", "tax"]));
    rex.patch("/api/lawyers/me", json!({ "specializations": ["tax"] })).await.expect(200);
    let found = async |query: &str| {
        let page = citizen.get(&format!("/api/lawyers{query}")).await.expect(200);
        let names = page["items"].as_array().unwrap().iter().map(|lawyer| lawyer["name"].clone());
        names.collect::<Vec<_>>()
    };
    assert_eq!(found("").await, ["Rex", "Lex"]);
    assert_eq!(found("?specialization=family").await, ["Lex"]);
    assert_eq!(found("?specialization=tax&limit=1").await, ["Rex"]);
    assert_eq!(citizen.get("/api/lawyers?specialization=magic").await.code(), "validation_failed");
    assert_eq!(citizen.patch("/api/lawyers/me", json!({})).await.code(), "forbidden");
    let bad =
        [json!({ "specializations": ["magic"] }), json!({ "headline": "" }), json!({ "role": "admin" })];
    for change in bad {
        assert_eq!(lex.patch("/api/lawyers/me", change).await.code(), "validation_failed");
    }
    let same = lex.patch("/api/lawyers/me", json!({})).await.expect(200);
    assert_eq!(same, changed);
}

#[tokio::test]
async fn dashboards_show_each_role_its_numbers() {
    let server = Server::start().await;
    let citizen = server.guest("Ada").await;
    let (lawyer, admin) = (server.member("Lex", "lawyer").await, server.member("Root", "admin").await);
    let query = json!({ "title": "t", "description": "d", "category": "tax" });
    let query = citizen.post("/api/queries", query).await.expect(201);
    let claim = format!("/api/queries/{}/claim", query["id"].as_str().unwrap());
    lawyer.send(Method::POST, &claim, None).await.expect(200);
    let meeting = request(&citizen, &lawyer, 60, 30).await.expect(201);
    act(&lawyer, &meeting, "confirm").await;
    let own = citizen.get("/api/dashboard").await.expect(200);
    assert_eq!(own["queries"], json!({ "open": 0, "assigned": 1, "answered": 0, "closed": 0 }));
    assert_eq!(own["disputes"], json!({ "open": 0, "mediation": 0, "resolved": 0, "closed": 0 }));
    assert_eq!(
        (&own["consultations"]["confirmed"], own.get("users"), own.get("nextConsultations")),
        (&json!(1), None, None)
    );
    let taken = lawyer.get("/api/dashboard").await.expect(200);
    assert_eq!(taken["queries"]["assigned"], 1);
    assert_eq!(taken["nextConsultations"][0]["id"], meeting["id"]);
    let all = admin.get("/api/dashboard").await.expect(200);
    assert_eq!((&all["queries"]["assigned"], &all["consultations"]["confirmed"]), (&json!(1), &json!(1)));
    assert_eq!(all["users"], json!({ "citizen": 1, "lawyer": 1, "admin": 1 }));
}
