//! What every response carries, which pages of other sites get through, and input made to do harm.

use std::time::Duration;

use hyper::{HeaderMap, Method};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Answer, Client, Server, Socket};

const PROTECTING: [(&str, &str); 8] = [
    (
        "content-security-policy",
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-permitted-cross-domain-policies", "none"),
];

#[track_caller]
fn is_protected(answer: &Answer, what: &str) {
    for (name, value) in PROTECTING {
        assert_eq!(
            answer.headers.get(name).map(|found| found.to_str().unwrap()),
            Some(value),
            "{name} of {what}"
        );
    }
    for telling in ["server", "x-powered-by", "strict-transport-security"] {
        assert!(!answer.headers.contains_key(telling), "{telling} of {what}");
    }
}

#[tokio::test]
async fn every_kind_of_response_is_protected() {
    let server = Server::start_with(|config| config.max_connections = 40).await;
    let guest = server.guest("Ada").await;
    let long = json!({ "text": "x".repeat(70_000) }).to_string();
    let polling = "/socket.io/?EIO=4&transport=polling";
    for (method, path, body, status) in [
        (Method::GET, "/api/users/me", None, 200),
        (Method::GET, "/health", None, 200),
        (Method::GET, "/ready", None, 200),
        (Method::GET, "/metrics", None, 200),
        (Method::POST, "/api/posts", Some(r#"{"text":"x"}"#), 201),
        (Method::POST, "/api/posts", Some("{"), 400),
        (Method::GET, "/nothing", None, 404),
        (Method::DELETE, "/api/posts", None, 405),
        (Method::POST, "/health", None, 405),
        (Method::POST, "/api/posts", Some(&long), 413),
        (Method::GET, polling, None, 200),
        (Method::GET, "/socket.io/?EIO=9&transport=polling", None, 400),
        (Method::OPTIONS, "/api/posts", None, 405),
    ] {
        let answer = guest.send(method.clone(), path, body.map(str::to_owned)).await;
        assert_eq!(answer.status, status, "{method} {path}");
        is_protected(&answer, path);
    }
    is_protected(&server.client().get("/api/feed").await, "401");
}

#[tokio::test]
async fn beyond_the_bound_and_when_the_store_fails_responses_are_protected() {
    let server = Server::start_with(|config| config.max_connections = 1).await;
    let guest = server.guest("Ada").await;
    let store = rusqlite::Connection::open(server.dir.path().join("reference.db")).unwrap();
    store.execute_batch("ALTER TABLE posts RENAME TO lost").unwrap();
    let failed = loop {
        let answer = guest.get("/api/feed").await;
        if answer.status != 503 {
            break answer;
        }
    };
    assert_eq!((failed.status.as_u16(), failed.code().as_str()), (500, "internal"));
    is_protected(&failed, "500");
    assert!(!failed.text.contains("posts") && !failed.text.contains("table"), "{failed:?}");
    let mut held = TcpStream::connect(server.address).await.unwrap();
    let refused = loop {
        // Until the connection above is the one that has the place.
        let _ = held.write(b"").await;
        let answer = guest.get("/api/feed").await;
        if answer.status == 503 {
            break answer;
        }
        held = TcpStream::connect(server.address).await.unwrap();
    };
    is_protected(&refused, "503");
}

/// What the very last connections get is written by hand.
#[tokio::test]
async fn a_trusted_proxy_that_says_tls_gets_the_promise_to_keep_to_it() {
    let behind = Server::start_with(|config| config.security.trust_forwarded = true).await;
    let header = |answer: &Answer| answer.headers.get("strict-transport-security").cloned();
    let secure = behind.client().with("x-forwarded-proto", "https");
    assert_eq!(header(&secure.get("/nothing").await).unwrap(), "max-age=31536000; includeSubDomains");
    assert_eq!(header(&behind.client().with("x-forwarded-proto", "http").get("/health").await), None);
    let alone = Server::start().await;
    assert_eq!(header(&alone.client().with("x-forwarded-proto", "https").get("/health").await), None);
}

#[tokio::test]
async fn the_request_id_is_in_the_response_and_in_the_problem() {
    let server = Server::start().await;
    let client = server.client().with("x-request-id", "trace-me-7");
    for path in ["/nothing", "/api/feed"] {
        let answer = client.get(path).await;
        assert_eq!(
            (answer.headers["x-request-id"].as_bytes(), &answer.json()["requestId"]),
            (&b"trace-me-7"[..], &json!("trace-me-7"))
        );
    }
    let own = server.client().get("/nothing").await;
    assert_eq!(own.json()["requestId"], own.headers["x-request-id"].to_str().unwrap());
}

const ALLOWED: &str = "https://app.example";

async fn with_origins() -> Server {
    Server::start_with(|config| {
        config.security.allowed_origins = vec![ALLOWED.into(), "http://localhost:3000".into()];
    })
    .await
}

fn cors(headers: &HeaderMap) -> Vec<&str> {
    headers
        .keys()
        .map(hyper::header::HeaderName::as_str)
        .filter(|name| name.starts_with("access-control-"))
        .collect()
}

fn preflight(client: &Client, origin: &str) -> Client {
    let ask = client.with("origin", origin).with("access-control-request-method", "POST");
    ask.with("access-control-request-headers", "authorization, content-type, x-csrf-token")
}

#[tokio::test]
async fn pages_of_allowed_origins_get_through() {
    let server = with_origins().await;
    let guest = server.guest("Ada").await;
    for origin in [ALLOWED, "http://localhost:3000"] {
        let answer = preflight(&server.client(), origin).send(Method::OPTIONS, "/api/posts", None).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
        assert_eq!(answer.headers["access-control-allow-origin"], origin);
        assert_eq!(answer.headers["access-control-allow-credentials"], "true");
        assert_eq!(answer.headers["access-control-max-age"], "600");
        assert_eq!(answer.headers["access-control-allow-methods"], "GET,POST,PUT,PATCH,DELETE");
        let headers = answer.headers["access-control-allow-headers"].to_str().unwrap();
        assert!(["authorization", "content-type", "x-csrf-token"].iter().all(|name| headers.contains(name)));
        for path in ["/api/users/me", "/api/nothing", "/socket.io/?EIO=4&transport=polling"] {
            let answer = guest.with("origin", origin).get(path).await;
            assert_eq!(answer.headers["access-control-allow-origin"], origin, "{path}");
            assert!(
                answer.headers.get_all("vary").iter().any(|value| value.to_str().unwrap().contains("origin"))
            );
        }
    }
}

#[tokio::test]
async fn pages_of_all_other_origins_get_no_header_at_all() {
    let server = with_origins().await;
    let closed = Server::start().await;
    for origin in [
        "https://evil.example",
        "https://app.example.evil.example",
        "http://app.example",
        "https://app.example:444",
        "null",
        "*",
    ] {
        for server in [&server, &closed] {
            let guest = server.guest("Ada").await;
            let asked = preflight(&server.client(), origin).send(Method::OPTIONS, "/api/posts", None).await;
            assert_eq!((asked.status.as_u16(), cors(&asked.headers)), (405, vec![]), "{origin}");
            let sent = guest.with("origin", origin).get("/api/users/me").await;
            assert_eq!(cors(&sent.headers), Vec::<&str>::new(), "{origin}");
        }
        let varies = server.client().with("origin", origin).get("/nothing").await;
        assert_eq!(varies.headers["vary"], "origin", "caches must not mix the answers up");
    }
    assert!(!closed.client().get("/nothing").await.headers.contains_key("vary"));
}

/// Every field that should hold text, with what a query language would take for an operator.
#[tokio::test]
async fn operators_are_no_text() {
    let server = Server::start().await;
    let guest = server.guest("Ada").await;
    let account =
        json!({ "username": "eve", "email": "eve@example.com", "password": "correct horse", "name": "Eve" });
    let forms = [
        ("/api/auth/register", account),
        ("/api/auth/login", json!({ "username": "eve", "password": "correct horse" })),
        ("/api/auth/guest", json!({ "name": "Eve" })),
        ("/api/auth/refresh", json!({ "refreshToken": "x" })),
        ("/api/auth/logout", json!({ "refreshToken": "x" })),
        ("/api/posts", json!({ "text": "x" })),
        ("/api/messages", json!({ "to": guest.id, "text": "x" })),
    ];
    let operators = [
        json!({ "$ne": null }),
        json!({ "$gt": "" }),
        json!({ "$where": "1" }),
        json!(["x"]),
        json!(true),
        json!(9e99),
    ];
    for (path, form) in &forms {
        for field in form.as_object().unwrap().keys() {
            for operator in &operators {
                let mut form = form.clone();
                form[field] = operator.clone();
                let answer = guest.post(path, form).await;
                assert_eq!(
                    (answer.status.as_u16(), answer.code().as_str()),
                    (422, "validation_failed"),
                    "{path} {field} {operator}"
                );
            }
        }
    }
    for path in [
        "/api/users/%7B%22$ne%22:null%7D",
        "/api/posts/%24ne",
        "/api/users/..%2f..%2fetc%2fpasswd",
        "/api/users/%00",
    ] {
        assert_eq!(guest.get(path).await.status, 404, "{path}");
    }
    for query in ["cursor[$ne]=1", "limit[$gt]=0", "cursor=%7B%22$ne%22:1%7D", "cursor=a&cursor=b"] {
        let answer = guest.get(&format!("/api/feed?{query}")).await;
        assert!(answer.status.is_success() || answer.status.is_client_error(), "{query}: {answer:?}");
    }
}

#[tokio::test]
async fn json_made_to_hurt_is_refused_and_the_server_lives() {
    let server = Server::start().await;
    let guest = server.guest("Ada").await;
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let deep_field = format!(r#"{{"text":{}}}"#, nested(20_000));
    let deep_unknown = format!(r#"{{"text":"x","more":{}}}"#, nested(20_000));
    let deep = nested(30_000);
    let digits = format!(r#"{{"text":{}}}"#, "9".repeat(50_000));
    for (body, status) in [
        (deep.as_str(), 422),
        (&deep_field, 422),
        (&deep_unknown, 422),
        (&digits, 400),
        (r#"{"text":"x","text":"y"}"#, 422),
        (r#"{"text":1e999}"#, 400),
        (r#"{"text":-0}"#, 422),
        ("{\"text\":\"\u{0}\"}", 400),
        (r#"{"text":"\u0000"}"#, 422),
        (r#"{"text":"\ud800"}"#, 400),
        (r#"{"text":"x"} trailing"#, 400),
        ("", 400),
        ("null", 422),
        ("[]", 422),
        (r#"{"__proto__":{"admin":true},"text":"x"}"#, 422),
    ] {
        let answer = guest.send(Method::POST, "/api/posts", Some(body.to_owned())).await;
        let code = if status == 400 { "malformed_json" } else { "validation_failed" };
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{body:.60}");
    }
    let mut socket = Socket::connect(server.address, &guest.token).await.unwrap();
    for depth in [100, 10_000] {
        socket.write(format!(r#"42["chess:move",{}]"#, nested(depth))).await;
    }
    guest.post("/api/posts", json!({ "text": "<script>\u{2028}&'\"</script>" })).await.expect(201);
}

/// Text comes back as it was sent: it is JSON, and says so, and is not to be guessed to be anything else.
#[tokio::test]
async fn markup_stays_text() {
    let server = Server::start().await;
    let guest = server.guest("<img src=x onerror=alert(1)>").await;
    let me = guest.get("/api/users/me").await;
    assert_eq!(me.headers["content-type"], "application/json");
    assert_eq!(me.headers["x-content-type-options"], "nosniff");
    assert_eq!(me.json()["name"], "<img src=x onerror=alert(1)>");
    let nothing = guest.get("/api/users/%3Cscript%3Ealert(1)%3C%2Fscript%3E").await;
    assert!(!nothing.text.contains("<script>"), "{nothing:?}");
}

#[tokio::test]
async fn an_account_may_not_have_sockets_without_end() {
    let server = Server::start_with(|config| config.socket.max_per_user = 2).await;
    let (ada, bob) = (server.guest("Ada").await, server.guest("Bob").await);
    let first = Socket::connect(server.address, &ada.token).await.unwrap();
    let mut second = Socket::connect(server.address, &ada.token).await.unwrap();
    let refused = Socket::connect(server.address, &ada.token).await.map(|_| ()).unwrap_err();
    assert!(refused["message"].as_str().unwrap().starts_with("too_many_sockets: "), "{refused}");
    Socket::connect(server.address, &bob.token).await.unwrap().leave().await;
    second.done("room:join", json!({ "room": "lobby" })).await;
    first.leave().await;
    let again = async { while Socket::connect(server.address, &ada.token).await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(20), again).await.expect("a place is free again");
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_its_socket_only() {
    let server = Server::start_with(|config| config.socket.max_payload_bytes = 10_000).await;
    let guest = server.guest("Ada").await;
    let mut large = Socket::connect(server.address, &guest.token).await.unwrap();
    let mut other = Socket::connect(server.address, &guest.token).await.unwrap();
    large.emit("room:join", json!({ "room": "x".repeat(20_000) })).await;
    large.closed().await;
    other.done("room:join", json!({ "room": "lobby" })).await;
    let path = "/socket.io/?EIO=4&transport=polling";
    let opened: Value = serde_json::from_str(&guest.get(path).await.text[1..]).unwrap();
    let path = format!("{path}&sid={}", opened["sid"].as_str().unwrap());
    let refused = guest.send(Method::POST, &path, Some("4".repeat(20_000))).await;
    assert_eq!(refused.status, 413);
}

/// Two headers that disagree about where a body ends are how requests are smuggled past a proxy.
#[tokio::test]
async fn a_request_with_two_lengths_is_no_request() {
    let server = Server::start().await;
    let head = "POST /api/auth/guest HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    for lengths in ["content-length: 5\r\ncontent-length: 6\r\n\r\n", "content-length: -1\r\n\r\n"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(format!("{head}{lengths}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{lengths}: {answer}");
    }
}
