//! Sessions in cookies: their flags, what must be said besides, and who may use them.

use hyper::Method;
use reference_server::SessionCookies;
use serde_json::{Value, json};

use crate::support::{Answer, Client, Server, Socket};

/// A browser: it keeps the cookies that it gets, and sends those that belong to the path.
struct Browser {
    client: Client,
    jar: Vec<(String, String, String)>,
    csrf: String,
}

impl Browser {
    async fn guest(server: &Server) -> Self {
        let mut browser = Self { client: server.client(), jar: Vec::new(), csrf: String::new() };
        let answer =
            browser.client.post("/api/auth/guest", json!({ "name": "Ada", "session": "cookie" })).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        browser.take(&answer);
        browser
    }

    fn take(&mut self, answer: &Answer) {
        for set in answer.headers.get_all("set-cookie") {
            let cookie = cookie::Cookie::parse(set.to_str().unwrap()).unwrap();
            self.jar.retain(|(name, ..)| name != cookie.name());
            if !cookie.value().is_empty() {
                let (name, value) = (cookie.name().to_owned(), cookie.value().to_owned());
                self.jar.push((name, value, cookie.path().unwrap().to_owned()));
            }
        }
        if answer.status.is_success() && !answer.text.is_empty() {
            let told = answer.json()["csrfToken"].as_str().unwrap().to_owned();
            self.csrf = told;
        }
    }

    fn cookies(&self, path: &str) -> String {
        let sent = self.jar.iter().filter(|(_, _, of)| path.starts_with(of));
        sent.map(|(name, value, _)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// A request as a page of the session sends it.
    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.forged(path)
            .with("x-csrf-token", &self.csrf)
            .send(method, path, body.map(|it| it.to_string()))
            .await
    }

    /// A client with the cookies and nothing else, as a page of another site has it.
    fn forged(&self, path: &str) -> Client {
        self.client.with("cookie", self.cookies(path))
    }

    fn cookie(&self, name: &str) -> &str {
        &self.jar.iter().find(|(known, ..)| known == name).unwrap_or_else(|| panic!("{name}")).1
    }
}

async fn insecure() -> Server {
    Server::start_with(|config| config.security.cookies = SessionCookies::Insecure).await
}

fn flags(answer: &Answer) -> Vec<String> {
    let all = answer.headers.get_all("set-cookie").into_iter();
    all.map(|set| {
        let (pair, flags) = set.to_str().unwrap().split_once("; ").unwrap();
        format!("{}; {flags}", pair.split('=').next().unwrap())
    })
    .collect()
}

#[tokio::test]
async fn cookies_have_every_flag_and_the_body_no_token() {
    let server = Server::start().await;
    let form = json!({ "name": "Ada", "session": "cookie" });
    let answer = server.client().post("/api/auth/guest", form).await;
    assert_eq!(
        flags(&answer),
        [
            "__Host-session; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=900",
            "__Secure-refresh; HttpOnly; SameSite=Lax; Secure; Path=/api/auth; Max-Age=2592000",
            "__Host-csrf; SameSite=Lax; Secure; Path=/; Max-Age=2592000",
        ]
    );
    let session = answer.json();
    assert!(session.get("token").is_none() && session.get("refreshToken").is_none(), "{session}");
    let plain = insecure().await;
    let answer = plain.client().post("/api/auth/guest", json!({ "name": "Ada", "session": "cookie" })).await;
    assert_eq!(flags(&answer)[0], "session; HttpOnly; SameSite=Lax; Path=/; Max-Age=900");
}

#[tokio::test]
async fn without_being_asked_or_when_switched_off_there_are_no_cookies() {
    let server = Server::start_with(|config| config.security.cookies = SessionCookies::Off).await;
    let refused =
        server.client().post("/api/auth/guest", json!({ "name": "Ada", "session": "cookie" })).await;
    assert_eq!(
        (refused.code().as_str(), &refused.json()["errors"][0]["field"]),
        ("validation_failed", &json!("session"))
    );
    let guest = server.guest("Ada").await;
    let sent = server.client().with("cookie", format!("session={}", guest.token)).get("/api/users/me").await;
    assert_eq!(sent.code(), "bad_token");
    let bodily = insecure().await.client().post("/api/auth/guest", json!({ "name": "Ada" })).await;
    assert!(!bodily.headers.contains_key("set-cookie"));
}

/// Safe methods need the cookie; unsafe ones, what only pages of the session can read besides.
#[tokio::test]
async fn a_cookie_alone_changes_nothing() {
    let server = insecure().await;
    let (ada, eve) = (Browser::guest(&server).await, Browser::guest(&server).await);
    ada.forged("/api").get("/api/users/me").await.expect(200);
    let post = json!({ "text": "hello" });
    let by_cookie = ada.forged("/api/posts");
    for (what, client) in [
        ("nothing", by_cookie.clone()),
        ("an empty value", by_cookie.with("x-csrf-token", "")),
        ("another session's value", by_cookie.with("x-csrf-token", &eve.csrf)),
        ("a shortened value", by_cookie.with("x-csrf-token", &ada.csrf[1..])),
    ] {
        let refused = client.post("/api/posts", post.clone()).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (403, "csrf"), "{what}");
        let refused = client.delete(&format!("/api/users/{}/follow", server.guest("Bob").await.id)).await;
        assert_eq!(refused.code(), "csrf", "{what}");
    }
    assert_eq!(
        ada.forged("/api").get("/api/feed").await.expect(200)["items"],
        json!([]),
        "nothing was posted"
    );
    ada.send(Method::POST, "/api/posts", Some(post.clone())).await.expect(201);
    assert_eq!(ada.csrf, ada.cookie("csrf"), "pages of the session can read it");
    let mut bearer = server.client();
    bearer.token = ada.cookie("session").to_owned();
    bearer.post("/api/posts", post).await.expect(201);
}

/// A header is not sent by a browser on its own: it decides, and needs nothing besides.
#[tokio::test]
async fn a_bearer_token_comes_before_a_cookie() {
    let server = insecure().await;
    let (ada, bob) = (Browser::guest(&server).await, server.guest("Bob").await);
    let both = bob.with("cookie", ada.cookies("/api"));
    let posted = both.post("/api/posts", json!({ "text": "by Bob" })).await.expect(201);
    assert_eq!(posted["author"]["id"], json!(bob.id));
    let mut wrong = both;
    wrong.token = "nonsense".into();
    assert_eq!(wrong.get("/api/users/me").await.code(), "bad_token", "no second try by cookie");
}

#[tokio::test]
async fn a_session_in_cookies_goes_on_and_ends_in_cookies() {
    let server = insecure().await;
    let mut ada = Browser::guest(&server).await;
    let stolen = ada.cookie("refresh").to_owned();
    assert_eq!(ada.forged("/api/auth/refresh").post("/api/auth/refresh", json!({})).await.code(), "csrf");
    let answer = ada.send(Method::POST, "/api/auth/refresh", Some(json!({ "session": "token" }))).await;
    assert!(answer.json().get("refreshToken").is_none(), "a cookie's token stays out of reach of scripts");
    ada.take(&answer);
    assert_ne!(ada.cookie("refresh"), stolen);
    ada.send(Method::POST, "/api/posts", Some(json!({ "text": "still here" }))).await.expect(201);
    assert!(!ada.cookies("/api/posts").contains("refresh="), "it is sent to /api/auth only");
    assert_eq!(ada.forged("/api/auth/logout").post("/api/auth/logout", json!({})).await.code(), "csrf");
    let last = ada.cookie("refresh").to_owned();
    let answer = ada.send(Method::POST, "/api/auth/logout", Some(json!({}))).await;
    assert_eq!(answer.status, 204);
    ada.take(&answer);
    assert_eq!(ada.jar, []);
    for token in [last, stolen] {
        let refused = server.client().post("/api/auth/refresh", json!({ "refreshToken": token })).await;
        assert_eq!(refused.code(), "bad_token");
    }
}

#[tokio::test]
async fn a_socket_takes_the_cookie_of_a_page_that_may_use_it() {
    let server = Server::start_with(|config| {
        config.security.cookies = SessionCookies::Insecure;
        config.security.allowed_origins = vec!["https://app.example".into()];
    })
    .await;
    let ada = Browser::guest(&server).await;
    let (cookies, here) = (ada.cookies("/socket.io"), format!("http://{}", server.address));
    for origin in [None, Some("https://app.example"), Some(here.as_str())] {
        let mut headers = vec![("cookie", cookies.as_str())];
        headers.extend(origin.map(|origin| ("origin", origin)));
        let mut socket = Socket::connect_with(server.address, json!({}), &headers).await.unwrap();
        socket.done("room:join", json!({ "room": "lobby" })).await;
        socket.leave().await;
    }
    for origin in ["https://evil.example", "null", "https://app.example.evil.example"] {
        let headers = [("cookie", cookies.as_str()), ("origin", origin)];
        let refused =
            Socket::connect_with(server.address, json!({}), &headers).await.map(|_| ()).unwrap_err();
        assert!(refused["message"].as_str().unwrap().starts_with("bad_origin: "), "{refused}");
        let token = json!({ "token": ada.cookie("session") });
        Socket::connect_with(server.address, token, &headers).await.unwrap().leave().await;
    }
    let refused = Socket::connect_with(server.address, json!({}), &[]).await.map(|_| ()).unwrap_err();
    assert!(refused["message"].as_str().unwrap().starts_with("bad_token: "), "{refused}");
}
