//! One question per protocol, the cheapest that proves the system is working and not merely listening.

use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::header::{ACCEPT, HOST, USER_AGENT};
use mongodb::bson::{Document, doc};
use url::Url;

use super::report::{CheckReport, State, milliseconds};
use super::target::{Check, Target};
use crate::clients::http::{HttpConnection, HttpResponse};
use crate::clients::net::within;
use crate::clients::socketio::{OpenOptions, SocketIo};
use crate::clients::{ClientError, Connector, SecretUrl, mongodb as mongo, redis as redis_client};
use crate::text::excerpt;

/// A system's own words, and how well they say it is.
type Answer = Result<(State, String), ClientError>;

/// Asks, for at most `timeout`.
pub async fn run(check: &Check, timeout: Duration) -> CheckReport {
    let started = Instant::now();
    let (kind, answer) = match &check.target {
        Target::Http(url) => ("http", within(timeout, http(url)).await),
        Target::SocketIo(url) => ("socketio", within(timeout, socketio(url, timeout)).await),
        Target::Redis(url) => ("redis", within(timeout, redis(url, timeout)).await),
        Target::MongoDb(uri) => ("mongodb", within(timeout, mongodb(uri, timeout)).await),
        Target::Tcp(url) => ("tcp", within(timeout, tcp(url)).await),
    };
    let (state, detail) = answer.unwrap_or_else(|error| (State::Critical, error.to_string()));
    let detail = excerpt(&detail);
    let elapsed_ms = milliseconds(started.elapsed());
    CheckReport { name: check.name.clone(), kind, state, elapsed_ms, detail }
}

async fn tcp(url: &Url) -> Answer {
    Connector::resolve(url).await?.connect().await?;
    Ok((State::Ok, "accepts connections".to_owned()))
}

async fn http(url: &Url) -> Answer {
    let connector = Connector::resolve(url).await?;
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let request = hyper::Request::get(path)
        .header(HOST, connector.authority())
        .header(USER_AGENT, concat!("scalectl/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "application/health+json, application/json;q=0.9, */*;q=0.1")
        .body(Bytes::new())
        .map_err(|error| ClientError::Protocol(error.to_string()))?;
    let response = HttpConnection::open(&connector).await?.send(request).await?;
    Ok(judge_http(&response))
}

/// The status decides; a JSON body with a `status` word (health+json and its kin) may make it worse.
fn judge_http(response: &HttpResponse) -> (State, String) {
    let status = response.status;
    let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let word = body["status"].as_str().unwrap_or_default();
    let said = if word.is_empty() { String::new() } else { format!(", status {word}") };
    let detail = format!("HTTP {}{said}", status.as_u16());
    let state = match word.to_ascii_lowercase().as_str() {
        _ if !status.is_success() => State::Critical,
        "fail" | "error" | "down" | "critical" | "unhealthy" => State::Critical,
        "warn" | "warning" | "degraded" => State::Warning,
        _ => State::Ok,
    };
    (state, detail)
}

async fn socketio(url: &Url, timeout: Duration) -> Answer {
    let connector = Connector::resolve(url).await?;
    let path = if url.path() == "/" { "" } else { url.path() };
    let options = OpenOptions { path: path.to_owned(), ..OpenOptions::default() };
    let (mut socket, handshake) = SocketIo::open(&connector, options, timeout).await?;
    let namespace = match socket.join("/", None, timeout).await {
        Ok(()) => "joined /".to_owned(),
        // A guarded server that answers is a working one.
        Err(ClientError::Refused(_)) => "/ asks for credentials".to_owned(),
        Err(error) => return Err(error),
    };
    socket.close(Duration::from_millis(100)).await;
    Ok((State::Ok, format!("handshake, {namespace}, ping every {} ms", handshake.ping_interval)))
}

async fn redis(url: &SecretUrl, timeout: Duration) -> Answer {
    let mut connection = redis_client::connect(url, timeout).await?;
    let failed = |error| redis_client::client_error(url, timeout, &error);
    ::redis::cmd("PING").query_async::<()>(&mut connection).await.map_err(failed)?;
    let info: String = ::redis::cmd("INFO").query_async(&mut connection).await.map_err(failed)?;
    Ok(judge_redis(&info))
}

fn judge_redis(info: &str) -> (State, String) {
    let field = |name: &str| {
        info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default().trim()
    };
    let detail = format!("{} {}, {}", server_name(field("server_name")), version(&field), field("role"));
    if field("loading") == "1" {
        return (State::Warning, format!("{detail}, still loading its data"));
    }
    if field("master_link_status") == "down" {
        return (State::Warning, format!("{detail}, its link to the master is down"));
    }
    (State::Ok, detail)
}

/// Valkey reports the Redis version it is compatible with beside its own.
fn version<'a>(field: &impl Fn(&str) -> &'a str) -> &'a str {
    if field("valkey_version").is_empty() { field("redis_version") } else { field("valkey_version") }
}

fn server_name(name: &str) -> &str {
    if name == "valkey" { "Valkey" } else { "Redis" }
}

async fn mongodb(uri: &SecretUrl, timeout: Duration) -> Answer {
    let client = mongo::client(uri, timeout).await?;
    let admin = client.database("admin");
    let ask = async |command: Document| {
        admin.run_command(command).await.map_err(|error| mongo::client_error(uri, timeout, &error))
    };
    let hello = ask(doc! {"hello": 1}).await?;
    ask(doc! {"ping": 1}).await?;
    // Not every account may ask for it, and no verdict hangs on it.
    let build = ask(doc! {"buildInfo": 1}).await.unwrap_or_default();
    client.shutdown().immediate(true).await;
    Ok(judge_mongodb(&hello, build.get_str("version").unwrap_or("of unknown version")))
}

fn judge_mongodb(hello: &Document, version: &str) -> (State, String) {
    let is = |field| hello.get_bool(field).unwrap_or(false);
    let set = hello.get_str("setName").map(|set| format!(" of {set}")).unwrap_or_default();
    let detail = |role: &str| format!("MongoDB {version}, {role}{set}");
    match (is("isWritablePrimary"), is("secondary")) {
        (true, _) if set.is_empty() => (State::Ok, detail("standalone")),
        (true, _) => (State::Ok, detail("primary")),
        (false, true) => (State::Ok, detail("secondary")),
        (false, false) => (State::Warning, detail("neither primary nor secondary")),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hyper::StatusCode;
    use mongodb::bson::doc;

    use super::{HttpResponse, State, judge_http, judge_mongodb, judge_redis};
    use crate::clients::http::Headers;

    #[test]
    fn http_is_judged_by_its_status_and_by_its_own_word() {
        let judged = |status: u16, body: &'static str| {
            let status = StatusCode::from_u16(status).unwrap();
            judge_http(&HttpResponse { status, headers: Headers::default(), body: Bytes::from(body) })
        };
        assert_eq!(judged(200, "fine"), (State::Ok, "HTTP 200".into()));
        assert_eq!(judged(200, r#"{"status":"warn"}"#), (State::Warning, "HTTP 200, status warn".into()));
        assert_eq!(judged(200, r#"{"status":"DOWN"}"#), (State::Critical, "HTTP 200, status DOWN".into()));
        assert_eq!(judged(301, ""), (State::Critical, "HTTP 301".into()));
        assert_eq!(judged(503, r#"{"status":"ok"}"#), (State::Critical, "HTTP 503, status ok".into()));
    }

    #[test]
    fn redis_is_judged_by_its_info() {
        let ok = "redis_version:7.0.15\r\nloading:0\r\nrole:master\r\n";
        assert_eq!(judge_redis(ok), (State::Ok, "Redis 7.0.15, master".into()));
        let cut_off = "redis_version:7.0.15\r\nrole:slave\r\nmaster_link_status:down\r\n";
        assert_eq!(judge_redis(cut_off).0, State::Warning);
        let valkey = "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\nrole:master\r\n";
        assert_eq!(judge_redis(valkey), (State::Ok, "Valkey 8.1.1, master".into()));
    }

    #[test]
    fn mongodb_is_judged_by_its_hello() {
        let primary = doc! {"isWritablePrimary": true, "setName": "rs0"};
        assert_eq!(judge_mongodb(&primary, "8.2.11"), (State::Ok, "MongoDB 8.2.11, primary of rs0".into()));
        assert_eq!(judge_mongodb(&doc! {}, "8").0, State::Warning);
    }
}
