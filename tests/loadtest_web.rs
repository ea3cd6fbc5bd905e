//! `--web`: the page of a run while it goes on, its stream, who may see it, and what is left of it in the end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use scalectl::Exit;
use serde_json::Value;
use snapbox::str;

use crate::support::{Browser, ReferenceServer, Running, STARTUP, Scalectl, wait_until};

/// A step that a careless page would run as its own.
const NASTY: &str = "<img src=x onerror=document.title='taken'>";

fn run(target: &str, seconds: u32, args: &[&str]) -> Scalectl {
    let file = format!(
        "config: {{target: \"{target}\"}}\nscenarios:\n  - flow:\n      - get: {{url: /health, name: \"{NASTY}\"}}\n      \
         - think: 20ms\n      - get: {{url: /nowhere, expect: {{statusCode: 204}}}}\nslo: [errors < 90%]\n"
    );
    let duration = format!("{seconds}s");
    let fixed = ["loadtest", "run", "test.yaml", "--users", "3", "--ramp", "0s", "--duration", &duration];
    Scalectl::new(fixed.iter().chain(args)).file("test.yaml", file)
}

/// Where its page is, as `127.0.0.1:PORT`.
#[track_caller]
fn page_of(running: &Running) -> String {
    let line = running.wait_for_line(STARTUP, |line| line.starts_with("the run is shown at http://"));
    line.trim_start_matches("the run is shown at http://").trim_end_matches('/').to_owned()
}

fn ask(authority: &str, request: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(authority).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "{request}\r\n\r\n").unwrap();
    BufReader::new(stream)
}

fn answer(authority: &str, request: &str) -> String {
    let mut text = String::new();
    ask(authority, request).read_to_string(&mut text).unwrap();
    text
}

/// The events of the stream to its end: names and data.
fn events(authority: &str) -> Vec<(String, Value)> {
    let mut events = Vec::new();
    let mut name = String::new();
    for line in ask(authority, "GET /events HTTP/1.1\r\nhost: localhost").lines() {
        let line = line.unwrap();
        if let Some(named) = line.strip_prefix("event: ") {
            name = named.to_owned();
        } else if let Some(data) = line.strip_prefix("data: ") {
            events.push((name.clone(), serde_json::from_str(data).unwrap()));
        }
    }
    events
}

fn fact(frame: &Value, label: &str) -> Option<u64> {
    let found = frame["facts"].as_array()?.iter().find(|fact| fact["label"] == label)?;
    found["value"].as_str()?.replace(',', "").parse().ok()
}

#[test]
fn the_stream_grows_with_the_run_and_ends_with_its_report() {
    let server = ReferenceServer::start();
    let running = run(server.url(), 4, &["--web", "--output", "json"]).spawn();
    let authority = page_of(&running);
    let page = answer(&authority, &format!("GET / HTTP/1.1\r\nhost: {authority}"));
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("RUNNING"), "{page}");
    let events = events(&authority);
    let report = running.wait(Duration::from_secs(30)).code(Exit::Done).json();
    let ((last, over), frames) = events.split_last().unwrap();
    assert_eq!(last, "over");
    assert!(over["html"].as_str().unwrap().contains("all thresholds held"), "{over:#}");
    let done: Vec<u64> = frames.iter().filter_map(|(_, frame)| fact(frame, "exchanges")).collect();
    // What is left over after the last whole second may be nothing.
    assert!(done.is_sorted() && done.first() < done.last(), "{done:?}");
    assert!(*done.last().unwrap() <= report["total"]["count"].as_u64().unwrap(), "{done:?}");
    let (_, frame) = frames.last().unwrap();
    let charts: Vec<_> = frame["charts"].as_array().unwrap().iter().map(|chart| &chart["id"]).collect();
    assert!(charts.contains(&&Value::from("response-times")), "{charts:?}");
    assert!(charts.contains(&&Value::from("errors-by-cause")), "{charts:?}");
}

#[test]
fn numbers_change_in_a_browser_and_the_report_stays() {
    let server = ReferenceServer::start();
    let mut browser = Browser::start();
    let running = run(server.url(), 6, &["--workers", "2", "--web"]).spawn();
    let authority = page_of(&running);
    browser.open_url(&format!("http://{authority}/"));
    let mut seen: Vec<Value> = Vec::new();
    let exchanges = "[...document.querySelectorAll('#facts div')].filter((f) => f.firstChild.innerText == 'exchanges')\
                     .map((f) => f.lastChild.innerText).join()";
    wait_until("two numbers of exchanges were shown", STARTUP, || {
        let shown = browser.evaluate(exchanges);
        if shown != "" && seen.last() != Some(&shown) {
            seen.push(shown);
        }
        seen.len() >= 2
    });
    assert_eq!(browser.evaluate("document.title"), "RUNNING: test.yaml");
    let lines = "document.querySelectorAll('#response-times polyline, #response-times circle').length > 0";
    assert_eq!(browser.evaluate(lines), true);
    browser.evaluate("document.querySelector('#response-times .plot').focus()");
    browser.call("Input.dispatchKeyEvent", &serde_json::json!({"type": "keyDown", "key": "ArrowRight"}));
    let told = browser.evaluate("document.querySelector('#response-times .tip').innerText");
    assert!(told.as_str().unwrap().starts_with("0s\np50: "), "{told}");
    running.wait(Duration::from_secs(60)).code(Exit::Done);
    wait_until("the report took the page's place", STARTUP, || {
        browser.evaluate("document.title") == "PASSED: test.yaml"
    });
    let text = browser.evaluate("document.body.innerText");
    let text = text.as_str().unwrap();
    for part in ["The run is over", "all thresholds held", NASTY] {
        assert!(text.contains(part), "{part} is not on the page:\n{text}");
    }
    let link = browser.evaluate("document.querySelector('#state a').href");
    assert!(link.as_str().unwrap().starts_with("blob:http://127.0.0.1:"), "{link}");
    let requests = browser.events("Network.requestWillBeSent");
    let foreign = requests.iter().map(|request| request["request"]["url"].as_str().unwrap());
    let foreign: Vec<_> = foreign
        .filter(|url| !url.starts_with(&format!("http://{authority}/")) && !url.starts_with("data:"))
        .collect();
    assert_eq!(foreign, Vec::<&str>::new());
    for complaint in ["Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"] {
        assert_eq!(browser.events(complaint), Vec::<&Value>::new(), "{complaint}");
    }
}

#[test]
fn only_this_machine_reads_and_nobody_writes() {
    let server = ReferenceServer::start();
    let running = run(server.url(), 3, &["--web"]).spawn();
    let authority = page_of(&running);
    for (request, status) in [
        ("GET / HTTP/1.1\r\nhost: evil.example", "421"),
        ("GET /events HTTP/1.1\r\nhost: evil.example:80", "421"),
        ("GET / HTTP/1.1\r\nhost: [::1]:80", "200"),
        ("GET /etc/passwd HTTP/1.1\r\nhost: localhost", "404"),
        ("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0", "405"),
    ] {
        let answer = answer(&authority, request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
    }
    // A viewer that never asks for anything does not keep the run from ending.
    let _silent = TcpStream::connect(&authority).unwrap();
    running.wait(Duration::from_secs(30)).code(Exit::Done);
    assert!(TcpStream::connect(&authority).is_err(), "the page is still there");
}

#[test]
fn addresses_that_others_reach_or_that_are_taken_are_refused() {
    let output = run("http://127.0.0.1:1", 3, &["--web=0.0.0.0:0"]).run();
    output.code(Exit::Refused).stdout(str![""]).stderr(str![[r#"
error: 0.0.0.0:0 can be reached from other machines, and the page shows what is tested to whoever asks; use 127.0.0.1, or add --web-public

"#]]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("--web={}", taken.local_addr().unwrap());
    let output = run("http://127.0.0.1:1", 3, &[&address]).run();
    output.code(Exit::Usage).stderr_has("the page cannot be shown at 127.0.0.1:");
}
