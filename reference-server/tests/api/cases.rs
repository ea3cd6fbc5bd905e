//! Queries, disputes, and the chats about them.

use hyper::Method;
use serde_json::{Value, json};

use crate::support::{Client, Server, Socket};

async fn ask(citizen: &Client, title: &str) -> String {
    let query = json!({ "title": title, "description": "why?", "category": "tax" });
    id(&citizen.post("/api/queries", query).await.expect(201))
}

async fn quarrel(citizen: &Client) -> String {
    let dispute = json!({ "title": "Noise", "description": "every night", "respondent": "the pub" });
    id(&citizen.post("/api/disputes", dispute).await.expect(201))
}

fn id(thing: &Value) -> String {
    thing["id"].as_str().unwrap().to_owned()
}

fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(id).collect()
}

async fn act(client: &Client, path: &str) -> (u16, Value) {
    let answer = client.send(Method::POST, path, None).await;
    (answer.status.as_u16(), answer.json())
}

async fn refusal(client: &Client, path: &str) -> (u16, String) {
    let (status, problem) = act(client, path).await;
    (status, problem["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_query_is_asked_taken_answered_and_closed() {
    let server = Server::start().await;
    let citizen = server.guest("Ada").await;
    let lawyer = server.member("Lex", "lawyer").await;
    let query = ask(&citizen, "Bicycle").await;
    let path = |step: &str| format!("/api/queries/{query}{step}");
    let asked = citizen.get(&path("")).await.expect(200);
    assert_eq!(
        (&asked["status"], &asked["lawyer"], &asked["answer"]),
        (&json!("open"), &json!(null), &json!(null))
    );
    assert_eq!((&asked["category"], &asked["citizen"]["name"]), (&json!("tax"), &json!("Ada")));
    assert_eq!(asked.get("respondent"), None);
    let (status, taken) = act(&lawyer, &path("/claim")).await;
    assert_eq!(
        (status, &taken["status"], &taken["lawyer"]["name"]),
        (200, &json!("assigned"), &json!("Lex"))
    );
    let answered = lawyer.post(&path("/answer"), json!({ "text": "No." })).await.expect(200);
    assert_eq!((&answered["status"], &answered["answer"]), (&json!("answered"), &json!("No.")));
    assert_eq!(act(&citizen, &path("/close")).await.1["status"], "closed");
    assert_eq!(lawyer.get(&path("")).await.expect(200)["status"], "closed");
}

#[tokio::test]
async fn steps_out_of_order_are_refused_and_name_the_state() {
    let server = Server::start().await;
    let citizen = server.guest("Ada").await;
    let lawyer = server.member("Lex", "lawyer").await;
    let query = ask(&citizen, "Bicycle").await;
    let path = |step: &str| format!("/api/queries/{query}/{step}");
    let text = json!({ "text": "No." });
    let early = lawyer.post(&path("answer"), text.clone()).await.expect(409);
    assert_eq!(
        (&early["code"], &early["detail"]),
        (&json!("wrong_state"), &json!("this query is open: it cannot be concluded now"))
    );
    assert_eq!(refusal(&citizen, &path("close")).await, (409, "wrong_state".into()));
    act(&lawyer, &path("claim")).await;
    assert_eq!(refusal(&lawyer, &path("claim")).await, (409, "wrong_state".into()));
    assert_eq!(refusal(&citizen, &path("close")).await, (409, "wrong_state".into()));
    let own = citizen.post(&path("answer"), text.clone()).await;
    assert_eq!((own.status.as_u16(), own.code().as_str()), (403, "forbidden"));
    lawyer.post(&path("answer"), text.clone()).await.expect(200);
    lawyer.post(&path("answer"), text).await.expect(409);
    assert_eq!(refusal(&lawyer, &path("close")).await, (403, "forbidden".into()));
}

#[tokio::test]
async fn of_many_lawyers_one_gets_the_query() {
    let server = Server::start().await;
    let citizen = server.guest("Ada").await;
    let query = ask(&citizen, "Bicycle").await;
    let path = format!("/api/queries/{query}/claim");
    let mut lawyers = Vec::new();
    for n in 0..8 {
        lawyers.push(server.member(&format!("Lex {n}"), "lawyer").await);
    }
    let claims = lawyers.iter().map(|lawyer| refusal(lawyer, &path));
    let answers = futures_util::future::join_all(claims).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|(status, _)| *status == 200);
    assert_eq!(won.len(), 1, "{answers:?}");
    assert!(lost.iter().all(|lost| **lost == (409, "wrong_state".into())), "{answers:?}");
}

#[tokio::test]
async fn cases_are_seen_by_those_whom_they_concern() {
    let server = Server::start().await;
    let (citizen, nosy) = (server.guest("Ada").await, server.guest("Eve").await);
    let (lawyer, other) = (server.member("Lex", "lawyer").await, server.member("Rex", "lawyer").await);
    let admin = server.member("Root", "admin").await;
    for (kind, case) in [("queries", ask(&citizen, "Bicycle").await), ("disputes", quarrel(&citizen).await)] {
        let path = format!("/api/{kind}/{case}");
        for sees in [&citizen, &lawyer, &other, &admin] {
            sees.get(&path).await.expect(200);
        }
        assert_eq!(nosy.get(&path).await.code(), "not_found");
        act(&lawyer, &format!("{path}/claim")).await;
        for (who, status) in [(&citizen, 200), (&lawyer, 200), (&admin, 200), (&other, 404), (&nosy, 404)] {
            assert_eq!(who.get(&path).await.status.as_u16(), status, "{kind}");
        }
        assert_eq!(refusal(&nosy, &format!("{path}/close")).await, (404, "not_found".into()));
        assert_eq!(refusal(&nosy, &format!("{path}/claim")).await, (403, "forbidden".into()));
        assert_eq!(refusal(&other, &format!("{path}/claim")).await, (409, "wrong_state".into()));
    }
    let query = ask(&citizen, "Car").await;
    assert_eq!(citizen.get(&format!("/api/disputes/{query}")).await.code(), "not_found");
}

#[tokio::test]
async fn lists_hold_the_own_cases_and_offer_open_ones_to_lawyers() {
    let server = Server::start().await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let lawyer = server.member("Lex", "lawyer").await;
    let (first, second, third) = (ask(&ada, "one").await, ask(&bob, "two").await, ask(&ada, "three").await);
    act(&lawyer, &format!("/api/queries/{first}/claim")).await;
    let list =
        async |who: &Client, query: &str| ids(&who.get(&format!("/api/queries{query}")).await.expect(200));
    assert_eq!(list(&ada, "").await, [third.clone(), first.clone()]);
    assert_eq!(list(&ada, "?status=assigned").await, std::slice::from_ref(&first));
    assert_eq!(list(&ada, "?category=family").await, [""; 0]);
    assert_eq!(list(&lawyer, "").await, std::slice::from_ref(&first));
    assert_eq!(list(&lawyer, "?status=open&category=tax").await, [third.clone(), second.clone()]);
    assert_eq!(list(&bob, "?status=open").await, [second]);
    let page = ada.get("/api/queries?limit=1").await.expect(200);
    let rest = list(&ada, &format!("?limit=1&cursor={}", page["nextCursor"].as_str().unwrap())).await;
    assert_eq!((ids(&page), rest), (vec![third], vec![first]));
    let dispute = quarrel(&ada).await;
    assert_eq!(ids(&lawyer.get("/api/disputes?status=open").await.expect(200)), [dispute]);
    assert_eq!(ada.get("/api/queries?status=lost").await.code(), "validation_failed");
}

#[tokio::test]
async fn a_dispute_is_resolved_by_its_lawyer_or_closed_by_its_citizen() {
    let server = Server::start().await;
    let citizen = server.guest("Ada").await;
    let lawyer = server.member("Lex", "lawyer").await;
    let (one, two) = (quarrel(&citizen).await, quarrel(&citizen).await);
    assert_eq!(refusal(&citizen, &format!("/api/disputes/{one}/close")).await, (409, "wrong_state".into()));
    for dispute in [&one, &two] {
        let (status, taken) = act(&lawyer, &format!("/api/disputes/{dispute}/claim")).await;
        assert_eq!(
            (status, &taken["status"], &taken["respondent"]),
            (200, &json!("mediation"), &json!("the pub"))
        );
    }
    let resolve = format!("/api/disputes/{one}/resolve");
    let resolved = lawyer.post(&resolve, json!({ "text": "Earplugs" })).await.expect(200);
    assert_eq!((&resolved["status"], &resolved["resolution"]), (&json!("resolved"), &json!("Earplugs")));
    assert_eq!(act(&citizen, &format!("/api/disputes/{two}/close")).await.1["status"], "closed");
    lawyer.post(&resolve, json!({ "text": "again" })).await.expect(409);
}

#[tokio::test]
async fn malformed_cases_are_refused() {
    let server = Server::start().await;
    let citizen = server.guest("Ada").await;
    let lawyer = server.member("Lex", "lawyer").await;
    let (title, description) = (json!("t"), json!("d"));
    let bad = [
        json!({ "title": { "$ne": "" }, "description": description, "category": "tax" }),
        json!({ "title": title, "description": { "$gt": "" }, "category": "tax" }),
        json!({ "title": title, "description": description, "category": { "$in": ["tax"] } }),
        json!({ "title": title, "description": description, "category": "cooking" }),
        json!({ "title": title, "description": description, "category": "tax", "status": "closed" }),
        json!({ "title": " ", "description": description, "category": "tax" }),
        json!({ "title": "x".repeat(121), "description": description, "category": "tax" }),
        json!({ "title": "a\u{0}b", "description": description, "category": "tax" }),
    ];
    for form in bad {
        assert_eq!(citizen.post("/api/queries", form.clone()).await.code(), "validation_failed", "{form}");
    }
    let form = json!({ "title": title, "description": description, "category": "tax" });
    assert_eq!(lawyer.post("/api/queries", form).await.code(), "forbidden");
    let query = ask(&citizen, "Bicycle").await;
    act(&lawyer, &format!("/api/queries/{query}/claim")).await;
    let answer = format!("/api/queries/{query}/answer");
    for text in [json!({ "$ne": null }), json!(""), json!("x".repeat(10_001)), json!(7)] {
        assert_eq!(lawyer.post(&answer, json!({ "text": text })).await.code(), "validation_failed");
    }
    let injected = citizen.get("/api/queries?status[$ne]=open").await.expect(200);
    assert_eq!(ids(&injected), [query], "an unknown parameter filters nothing");
}

/// A citizen and a lawyer with a query that the lawyer has taken, and its chat.
async fn chat(server: &Server) -> (Client, Client, String, Value) {
    let citizen = server.guest("Ada").await;
    let lawyer = server.member("Lex", "lawyer").await;
    let query = ask(&citizen, "Bicycle").await;
    act(&lawyer, &format!("/api/queries/{query}/claim")).await;
    let chat = lawyer.post("/api/chats", json!({ "about": { "query": query } })).await.expect(201);
    (citizen, lawyer, query, chat)
}

#[tokio::test]
async fn a_chat_is_opened_once_and_heard_by_the_other() {
    let server = Server::start().await;
    let (citizen, lawyer, query, chat) = chat(&server).await;
    assert_eq!((&chat["about"], &chat["lastMessage"]), (&json!({ "query": query }), &json!(null)));
    let again = citizen.post("/api/chats", json!({ "about": { "query": query } })).await.expect(200);
    assert_eq!(again, chat);
    let mut socket = Socket::connect(server.address, &citizen.token).await.unwrap();
    let path = format!("/api/chats/{}/messages", id(&chat));
    let sent = lawyer.post(&path, json!({ "text": "Tell me more" })).await.expect(201);
    let heard = socket.event("case:message").await;
    assert_eq!(
        (&heard["id"], &heard["chatId"], &heard["text"]),
        (&sent["id"], &chat["id"], &json!("Tell me more"))
    );
    assert_eq!((&heard["from"], &heard["fromName"]), (&json!(lawyer.id), &json!("Lex")));
    let reply = citizen.post(&path, json!({ "text": "It is red" })).await.expect(201);
    assert_eq!(citizen.get(&path).await.expect(200)["items"], json!([reply, sent]));
    let chats = lawyer.get("/api/chats").await.expect(200);
    assert_eq!(chats["items"][0]["lastMessage"], reply);
    assert_eq!(citizen.get(&format!("/api/chats/{}", id(&chat))).await.expect(200), chats["items"][0]);
}

#[tokio::test]
async fn chats_are_for_their_participants() {
    let server = Server::start().await;
    let (citizen, _, query, chat) = chat(&server).await;
    let (nosy, admin) = (server.guest("Eve").await, server.member("Root", "admin").await);
    let rex = server.member("Rex", "lawyer").await;
    let path = format!("/api/chats/{}", id(&chat));
    for other in [&nosy, &rex, &admin] {
        assert_eq!(other.get(&path).await.code(), "not_found");
        assert_eq!(other.get(&format!("{path}/messages")).await.code(), "not_found");
        assert_eq!(
            other.post(&format!("{path}/messages"), json!({ "text": "hi" })).await.code(),
            "not_found"
        );
        let opened = other.post("/api/chats", json!({ "about": { "query": query } })).await;
        assert_eq!(opened.code(), "not_found");
        assert_eq!(ids(&other.get("/api/chats").await.expect(200)), [""; 0]);
    }
    let open = ask(&citizen, "Car").await;
    let early = citizen.post("/api/chats", json!({ "about": { "query": open } })).await;
    assert_eq!((early.status.as_u16(), early.code().as_str()), (409, "wrong_state"));
    for about in [
        json!({}),
        json!(query),
        json!({ "query": { "$ne": 1 } }),
        json!({ "query": query, "dispute": query }),
    ] {
        let refused = citizen.post("/api/chats", json!({ "about": about })).await;
        assert_eq!(refused.code(), "validation_failed", "{about}");
    }
}
