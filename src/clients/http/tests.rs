use bytes::Bytes;
use hyper::header::{HOST, HeaderName};
use hyper::{Method, Request, StatusCode};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::{HttpConnection, HttpResponse, MAX_BODY_BYTES, request};
use crate::clients::ClientError;

fn get() -> Request<Bytes> {
    Request::get("/a?b=1").header(HOST, "h:1").body(Bytes::new()).unwrap()
}

/// Sends `request` to a server that answers with these parts, each when the one before was read, and closes if it is
/// told to.
async fn exchange(
    request: Request<Bytes>,
    parts: &[&[u8]],
    closes: bool,
) -> (Result<HttpResponse, ClientError>, HttpConnection<DuplexStream>, DuplexStream) {
    // Each part is read on its own: the next one has no room before.
    let (ours, mut theirs) = duplex(parts.iter().map(|part| part.len()).max().unwrap_or(1).max(256));
    let mut connection = HttpConnection::over(ours);
    let serve = async {
        theirs.read_u8().await.unwrap();
        for part in parts {
            theirs.write_all(part).await.unwrap();
            tokio::task::yield_now().await;
        }
        if closes {
            theirs.shutdown().await.unwrap();
        }
        theirs
    };
    let (answer, theirs) = tokio::join!(connection.send(request), serve);
    (answer, connection, theirs)
}

/// What an answer in these parts comes to: status, body, and whether the connection can be used again; or the words
/// of the failure.
fn taken(method: &Method, parts: &[&[u8]]) -> Result<(u16, Bytes, bool), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut request = get();
        *request.method_mut() = method.clone();
        let (answer, mut connection, _theirs) = exchange(request, parts, false).await;
        let answer = answer.map_err(|error| error.to_string())?;
        Ok((answer.status.as_u16(), answer.body, connection.is_open()))
    })
}

#[test]
fn every_way_to_end_a_body_is_understood() {
    let get = Method::GET;
    for (method, answer, status, body, is_open) in [
        (&get, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi", true),
        (&get, "HTTP/1.1 200\r\ncontent-length: 2, 2\r\ncontent-length: 2\r\n\r\nhi", 200, "hi", true),
        (&get, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", 404, "", true),
        (&Method::HEAD, "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n", 200, "", true),
        (&get, "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true),
        (&get, "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", 304, "", true),
        (&get, "HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 1\r\n\r\na", 200, "a", false),
        (&get, "HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na", 200, "a", false),
        (&get, "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\ncontent-length: 1\r\n\r\na", 200, "a", true),
        (
            &get,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
            200,
            "abc0123456789",
            true,
        ),
        (
            &get,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-sum: 1\r\ny: z\r\n\r\n",
            200,
            "a",
            true,
        ),
        (
            &get,
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na",
            200,
            "a",
            true,
        ),
    ] {
        let expected = Ok((status, Bytes::from(body), is_open));
        for cut in 0..answer.len() {
            let (first, rest) = answer.as_bytes().split_at(cut);
            assert_eq!(taken(method, &[first, rest]), expected, "{answer}\ncut at {cut}");
        }
        let single: Vec<&[u8]> = answer.as_bytes().chunks(1).collect();
        assert_eq!(taken(method, &single), expected, "{answer}\nbyte by byte");
    }
}

#[tokio::test]
async fn a_body_may_end_with_the_connection() {
    let (answer, mut connection, _theirs) =
        exchange(get(), &[b"HTTP/1.1 200 OK\r\n\r\nall ", b"there is"], true).await;
    assert_eq!(answer.unwrap().body, "all there is");
    assert!(!connection.is_open());
    let cut: [&[u8]; 1] = [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"];
    let (answer, mut connection, _theirs) = exchange(get(), &cut, true).await;
    assert_eq!(
        answer.unwrap_err().to_string(),
        "the server closed the connection before the answer was complete"
    );
    assert!(!connection.is_open());
}

#[tokio::test]
async fn headers_are_found_by_their_names() {
    let head = "HTTP/1.1 200 OK\r\nX-One: 1\r\nx-ONE:  two words \r\nx-raw: \u{e9}\r\nX-Empty:\r\ncontent-length: 0\r\n\r\n";
    let headers = exchange(get(), &[head.as_bytes()], false).await.0.unwrap().headers;
    let named = HeaderName::from_static;
    assert_eq!(headers.text(&named("x-one")), Some("1"));
    assert_eq!(headers.texts(&named("x-one")).collect::<Vec<_>>(), ["1", "two words"]);
    assert_eq!((headers.text(&named("x-raw")), headers.contains(&named("x-raw"))), (None, true));
    assert_eq!((headers.text(&named("x-empty")), headers.contains(&named("x-on"))), (Some(""), false));
    let names: Vec<_> = headers.iter().map(|(name, _)| str::from_utf8(name).unwrap()).collect();
    assert_eq!(names, ["X-One", "x-ONE", "x-raw", "X-Empty", "content-length"]);
}

#[test]
fn what_is_no_answer_is_refused() {
    for (answer, words) in [
        ("SSH-2.0-OpenSSH_9\r\n", "protocol error: invalid answer: invalid HTTP version"),
        ("HTTP/1.1 099 x\r\n\r\n", "protocol error: the answer has no valid status"),
        ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "protocol error: invalid answer: invalid header name"),
        (
            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "protocol error: the server changes to a protocol that nobody asked for",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
            "protocol error: the answer does not say how long it is",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\na",
            "protocol error: the answer does not say how long it is",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\na",
            "the answer is larger than 16777216 bytes",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
            "protocol error: a chunk has no valid length",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffff\r\n",
            "the answer is larger than 16777216 bytes",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc",
            "protocol error: a chunk does not end where it should",
        ),
    ] {
        assert_eq!(taken(&Method::GET, &[answer.as_bytes()]), Err(words.to_owned()), "{answer}");
    }
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(70_000));
    assert_eq!(
        taken(&Method::GET, &[endless.as_bytes()]),
        Err("protocol error: the head of the answer does not end".to_owned())
    );
    let chunk = format!("100000\r\n{}\r\n", "z".repeat(1 << 20));
    let chunks = [chunk.as_bytes()].repeat(17);
    let answer = [&[&b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"[..]], &chunks[..]].concat();
    assert_eq!(
        taken(&Method::GET, &answer),
        Err(format!("the answer is larger than {MAX_BODY_BYTES} bytes"))
    );
}

#[tokio::test]
async fn a_connection_is_used_again_only_when_nothing_is_left_on_it() {
    const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let (_, mut connection, mut theirs) = exchange(get(), &[OK], false).await;
    assert!(connection.is_open());
    // What the server says unasked is no answer to the next request.
    theirs.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").await.unwrap();
    assert!(!connection.is_open());

    let (_, mut connection, theirs) = exchange(get(), &[OK], false).await;
    drop(theirs);
    assert!(!connection.is_open());

    let twice = [OK, OK].concat();
    assert!(!exchange(get(), &[&twice], false).await.1.is_open());

    let mut last = get();
    last.headers_mut().insert("connection", "close".parse().unwrap());
    assert!(!exchange(last, &[OK], false).await.1.is_open());

    // An exchange that is given up leaves its answer behind.
    let (ours, mut theirs) = duplex(1_000);
    let mut connection = HttpConnection::over(ours);
    let given_up = tokio::time::timeout(std::time::Duration::ZERO, connection.send(get())).await;
    assert!(given_up.is_err());
    theirs.write_all(OK).await.unwrap();
    assert!(!connection.is_open() && connection.is_spent());
}

#[tokio::test]
async fn a_server_may_refuse_a_body_before_it_has_read_it() {
    let (ours, mut theirs) = duplex(4_096);
    let mut connection = HttpConnection::over(ours);
    let post = Request::post("/").body(Bytes::from(vec![b'x'; 1 << 20])).unwrap();
    let serve = async {
        theirs.read_exact(&mut [0; 2_000]).await.unwrap();
        theirs.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").await.unwrap();
        theirs.read_exact(&mut [0; 90_000]).await.unwrap();
        theirs.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno").await.unwrap();
        theirs
    };
    let (answer, _theirs) = tokio::join!(connection.send(post), serve);
    assert_eq!(answer.unwrap().status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(!connection.is_open());
}

#[test]
fn a_request_says_how_long_its_body_is() {
    let written = |request: &Request<Bytes>| String::from_utf8(request::head(request)).unwrap();
    assert_eq!(written(&get()), "GET /a?b=1 HTTP/1.1\r\nhost: h:1\r\n\r\n");
    let lies = Request::put("/")
        .header("transfer-encoding", "chunked")
        .header("content-length", "7")
        .body(Bytes::from("four"))
        .unwrap();
    assert_eq!(written(&lies), "PUT / HTTP/1.1\r\ncontent-length: 4\r\n\r\n");
    let empty = Request::post("/x").body(Bytes::new()).unwrap();
    assert_eq!(written(&empty), "POST /x HTTP/1.1\r\ncontent-length: 0\r\n\r\n");
}

/// What an answer says: status, headers by name, body.
type Said = (u16, Vec<(String, Vec<u8>)>, Bytes);

fn by_name<'h>(headers: impl Iterator<Item = (&'h str, &'h [u8])>) -> Vec<(String, Vec<u8>)> {
    let mut headers: Vec<_> =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec())).collect();
    headers.sort_by(|a, b| a.0.cmp(&b.0));
    headers
}

fn by_us(answer: HttpResponse) -> Said {
    let headers = answer.headers.iter().map(|(name, value)| (str::from_utf8(name).unwrap(), value));
    (answer.status.as_u16(), by_name(headers), answer.body)
}

/// What hyper makes of the same answer.
async fn by_hyper(answer: &[u8]) -> Option<Said> {
    use http_body_util::{BodyExt, Full};
    let (ours, mut theirs) = duplex(1 << 20);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(ours)).await.unwrap();
    let driven = tokio::spawn(connection);
    let request = Request::get("/a").body(Full::new(Bytes::new())).unwrap();
    let asked = sender.send_request(request);
    theirs.read_u8().await.unwrap();
    theirs.write_all(answer).await.unwrap();
    theirs.shutdown().await.unwrap();
    let response = asked.await.ok()?;
    let status = response.status().as_u16();
    let headers = by_name(response.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    let body = response.into_body().collect().await.ok()?.to_bytes();
    driven.abort();
    Some((status, headers, body))
}

fn answers() -> impl Strategy<Value = Vec<u8>> {
    let body = prop::collection::vec(any::<u8>(), 0..40);
    let chunks = prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 0..4);
    let status = prop_oneof![Just(200_u16), Just(201), Just(204), Just(304), Just(500)];
    let framed = prop_oneof![
        body.clone()
            .prop_map(|body| [format!("content-length: {}\r\n\r\n", body.len()).into_bytes(), body].concat()),
        body.prop_map(|body| [b"\r\n".to_vec(), body].concat()),
        chunks.prop_map(|chunks| {
            let mut text = b"transfer-encoding: chunked\r\n\r\n".to_vec();
            for chunk in chunks {
                text.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                text.extend(chunk);
                text.extend(b"\r\n");
            }
            text.extend(b"0\r\n\r\n");
            text
        }),
    ];
    let name = prop_oneof![Just("Server"), Just("x-a"), Just("X-A"), Just("set-cookie")];
    let value = prop::collection::vec(prop_oneof![b' '..=b'~', Just(b'\t'), 128..=255_u8], 0..8);
    let header = (name, value).prop_map(|(name, value)| [name.as_bytes(), b": ", &value, b"\r\n"].concat());
    let headers = prop::collection::vec(header, 0..4).prop_map(|headers| headers.concat());
    (0..2_u8, status, headers, framed).prop_map(|(minor, status, headers, framed)| {
        [format!("HTTP/1.{minor} {status} x\r\n").into_bytes(), headers, framed].concat()
    })
}

proptest! {
    /// An answer is read as hyper reads it, whole or damaged in one place, in whatever pieces it comes.
    #[test]
    fn answers_are_read_as_hyper_reads_them(
        answer in answers(),
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut answer = answer;
        if let Some((at, byte)) = damage {
            let at = at.index(answer.len());
            answer[at] = byte;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (first, rest) = answer.split_at(cut.index(answer.len()));
            let ours = exchange(get(), &[first, rest], true).await.0.ok();
            prop_assert_eq!(ours.map(by_us), by_hyper(&answer).await);
            Ok(())
        })?;
    }
}
