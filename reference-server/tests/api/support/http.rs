use std::net::SocketAddr;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// A response, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Bytes,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn code(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        problem["code"].as_str().unwrap().to_owned()
    }

    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self.json()
    }
}

/// Somebody who sends requests, each on a connection of its own.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    pub id: String,
    pub token: String,
    pub refresh: String,
    headers: Vec<(&'static str, String)>,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        let (id, token, refresh) = Default::default();
        Self { address, id, token, refresh, headers: Vec::new() }
    }

    pub async fn guest(mut self, name: &str) -> Self {
        let session = self.post("/api/auth/guest", json!({ "name": name })).await.expect(201);
        self.id = session["user"]["id"].as_str().unwrap().to_owned();
        self.token = session["token"].as_str().unwrap().to_owned();
        self.refresh = session["refreshToken"].as_str().unwrap().to_owned();
        self
    }

    /// The same client, who sends this header too.
    pub fn with(&self, name: &'static str, value: impl Into<String>) -> Self {
        let mut other = self.clone();
        other.headers.push((name, value.into()));
        other
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body.to_string())).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body.to_string())).await
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<String>) -> Answer {
        let content_type = body.is_some().then_some("application/json");
        self.send_bytes(method, path, content_type, body.unwrap_or_default().into()).await
    }

    pub async fn send_bytes(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: Bytes,
    ) -> Answer {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let driver = tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", "test");
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let response = sender.send_request(request.body(Full::new(body)).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        driver.abort();
        assert!(head.headers.contains_key("x-request-id"), "{path}");
        Answer { status: head.status, headers: head.headers, bytes, text }
    }
}
