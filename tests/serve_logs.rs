//! `scalectl serve`: where its log and its traces go.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::Signal;
use scalectl::Exit;

use crate::support::{Scalectl, served_at};

#[test]
fn the_log_goes_to_files_that_are_rotated() {
    let args = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--log",
        "info",
        "--log-file",
        "logs/serve.log",
        "--log-keep",
        "2",
    ];
    let running = Scalectl::new(args)
        .file("logs/serve.log.2001-01-01", "old\n")
        .file("logs/serve.log.2001-01-02", "old\n")
        .spawn();
    served_at(&running);
    running.signal(Signal::TERM);
    let dir = std::sync::Arc::clone(running.dir());
    let output = running.wait(Duration::from_secs(30));
    output.code(Exit::Done);
    assert!(!output.stderr.contains("serving"), "{}", output.stderr);
    let files: Vec<_> =
        std::fs::read_dir(dir.join("logs")).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
    let newest = std::fs::read_to_string(files.iter().max().unwrap()).unwrap();
    let lines: Vec<serde_json::Value> =
        newest.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["fields"]["message"] == "serving"), "{newest}");
}

#[test]
fn text_is_for_people() {
    let running =
        Scalectl::new(["serve", "--listen", "127.0.0.1:0", "--log", "info", "--log-format", "text"]).spawn();
    let line = running.wait_for_line(Duration::from_secs(30), |line| line.contains("serving"));
    assert!(line.contains("INFO") && !line.contains('{'), "{line}");
}

#[test]
fn a_collector_receives_spans_with_the_name_of_the_service() {
    let (collector, received) = collector();
    let running = Scalectl::new(["serve", "--listen", "127.0.0.1:0", "--otlp", &collector]).spawn();
    served_at(&running);
    running.signal(Signal::TERM);
    running.wait(Duration::from_secs(30)).code(Exit::Done);
    let request = received.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(request.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("scalectl-reference-server"), "{request}");
    assert!(request.contains("start"), "{request}");
}

/// An endpoint that takes traces, and what it was sent.
fn collector() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
            let mut request = Vec::new();
            stream.read_to_end(&mut request).ok();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok();
            sender.send(String::from_utf8_lossy(&request).into_owned()).ok();
        }
    });
    (address, receiver)
}
