//! The API against its OpenAPI document: `scripts/check-api.sh`, as CI runs it, and whether it sees what it must.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::thread;

use crate::support::{ReferenceServer, find_program, search_path};

fn check(url: &str, cases: &str) -> Output {
    find_program("schemathesis");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/check-api.sh");
    Command::new(script).args([url, cases]).env("PATH", search_path()).output().unwrap()
}

#[test]
fn a_thousand_requests_get_no_answer_that_the_document_does_not_describe() {
    let server = ReferenceServer::start();
    let output = check(server.url(), "1000");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// A server with one route, described in its document, that gives this answer to every request for it.
fn one_route(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream, answer));
        }
    });
    url
}

fn serve(mut stream: TcpStream, answer: &str) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut request, mut length) = (String::new(), 0);
    reader.read_line(&mut request).unwrap_or_default();
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        }
        line.clear();
    }
    let _ = reader.take(length).read_to_end(&mut Vec::new());
    let body = match request.split(' ').nth(1) {
        Some("/openapi.json") => DOCUMENT,
        Some("/api/auth/guest") => r#"{"token":"t"}"#,
        _ => answer,
    };
    let (status, body) = body.split_once('|').unwrap_or(("200 OK", body));
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close");
    let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
}

const DOCUMENT: &str = r#"{"openapi":"3.1.0","info":{"title":"one","version":"1"},"paths":{"/count":{"get":{"responses":{"200":{"description":"","content":{"application/json":{"schema":{"type":"object","properties":{"count":{"type":"integer"}},"required":["count"]}}}},"405":{"description":""}}}}}}"#;

#[test]
fn an_error_of_the_server_or_an_answer_of_another_shape_fails_the_check() {
    for (answer, finding) in [
        ("500 Internal Server Error|{\"count\":1}", "Server error"),
        ("{\"count\":\"one\"}", "Response violates schema"),
        ("418 I'm a teapot|{\"count\":1}", "Undocumented status code"),
    ] {
        let output = check(&one_route(answer), "5");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{answer}: {said}");
        assert!(said.contains(finding), "{answer}: {said}");
    }
}
