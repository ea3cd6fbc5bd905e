//! The support keeps its promises: servers answer while they are held and are gone afterwards, and those that
//! misbehave misbehave as told.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::panic::{self, AssertUnwindSafe};
use std::process::Command;
use std::time::{Duration, Instant};

use mongodb::bson::{Document, doc};
use rustix::process::{Pid, Signal, test_kill_process};

use crate::support::faults::{FaultServer, HangUp, Scripted, Silent, StallingServer, Step};
use crate::support::{MongoServer, Process, RedisServer, Stream, WorkDir, wait_until};

const SOON: Duration = Duration::from_secs(10);

fn shell(script: &str, dir: &WorkDir) -> Process {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    Process::start("sh", command, b"given\n", &dir.join("log")).expect("sh starts")
}

fn is_gone(pid: Pid) -> bool {
    test_kill_process(pid).is_err()
}

fn connect(server: &FaultServer) -> TcpStream {
    let connection = TcpStream::connect(server.address()).expect("the server accepts");
    connection.set_read_timeout(Some(SOON)).expect("a timeout can be set");
    connection
}

/// Everything the server sends until it closes; a reset counts as the end.
fn read_all(connection: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Err(error) = connection.read_to_end(&mut bytes) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "the server closes");
    }
    bytes
}

#[test]
fn process_gives_lines_of_both_streams_and_its_status() {
    let dir = WorkDir::new("check");
    let mut process = shell("read word; echo got $word; echo told >&2; exit 7", &dir);
    assert_eq!(process.wait_for_line(SOON, |line| line.starts_with("got")), "got given");
    let status = process.wait(SOON).expect("it ends");
    assert_eq!(status.code(), Some(7));
    assert_eq!(process.text(Stream::Stdout), "got given\n");
    assert_eq!(process.text(Stream::Stderr), "told\n");
    assert_eq!(process.find_line(SOON, |line| line == "never"), None, "an ended process is not waited for");
}

#[test]
fn process_is_killed_with_its_children_and_reaped() {
    let dir = WorkDir::new("check");
    let process = shell("trap '' TERM INT; sleep 600 & echo $!; wait", &dir);
    let line = process.wait_for_line(SOON, |line| !line.is_empty());
    let grandchild = line.parse().ok().and_then(Pid::from_raw).expect("the shell tells a process id");
    let child = process.pid();
    process.signal(Signal::TERM);
    assert!(!is_gone(child) && !is_gone(grandchild));
    drop(process);
    // A child that was not reaped would still be there, as a zombie.
    assert!(is_gone(child), "the child is reaped");
    wait_until("the end of the grandchild", SOON, || is_gone(grandchild));
}

#[test]
fn workdir_goes_with_a_passing_test_and_stays_with_a_failing_one() {
    let passing = WorkDir::new("check");
    let gone = passing.write("below/log", "line\n");
    drop(passing);
    assert!(!gone.exists());

    let failing = WorkDir::new("check");
    let log = failing.write("log", "line\n");
    let result = panic::catch_unwind(AssertUnwindSafe(move || {
        let _held = failing;
        panic::resume_unwind(Box::new("a failing test"));
    }));
    assert!(result.is_err() && log.is_file());
    std::fs::remove_dir_all(log.parent().expect("the log is in a folder")).expect("the folder can go");
}

#[test]
fn redis_answers_while_held_and_is_gone_afterwards() {
    let mut server = RedisServer::start();
    let ping = |server: &RedisServer| redis::cmd("PING").query::<String>(&mut server.connect());
    assert_eq!(ping(&server).as_deref(), Ok("PONG"));

    let port = server.port();
    server.restart();
    assert_eq!(server.port(), port);
    assert_eq!(ping(&server).as_deref(), Ok("PONG"));

    let pid = Pid::from_raw(i32::try_from(server.pid()).unwrap()).unwrap();
    drop(server);
    assert!(is_gone(pid));
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn redis_servers_do_not_meet() {
    let servers: Vec<_> = (0..4).map(|_| RedisServer::start()).collect();
    for (index, server) in servers.iter().enumerate() {
        redis::cmd("SET").arg("who").arg(index).query::<()>(&mut server.connect()).unwrap();
    }
    for (index, server) in servers.iter().enumerate() {
        let who = redis::cmd("GET").arg("who").query::<usize>(&mut server.connect());
        assert_eq!(who, Ok(index));
    }
}

#[tokio::test]
async fn mongodb_server_greets_and_keeps_documents() {
    let server = MongoServer::start();
    let client = server.client().await;
    let hello = client.database("admin").run_command(doc! { "hello": 1 }).await.unwrap();
    assert!(hello.get_bool("isWritablePrimary").unwrap());

    let people = client.database(server.database()).collection::<Document>("people");
    people.insert_one(doc! { "_id": 1, "name": "Ada" }).await.unwrap();
    assert_eq!(people.count_documents(doc! {}).await.unwrap(), 1);
}

#[test]
fn mongodb_server_can_be_standalone() {
    let server = MongoServer::start_with(&["--standalone"]);
    assert!(!server.admin(doc! { "hello": 1 }).contains_key("setName"));
}

#[test]
fn server_with_failpoints_fails_when_told() {
    let server = MongoServer::with_failpoints();
    server.admin(doc! {
        "configureFailPoint": "failCommand", "mode": { "times": 1 },
        "data": { "failCommands": ["buildInfo"], "errorCode": 11600 },
    });
    let build_info = || panic::catch_unwind(AssertUnwindSafe(|| server.admin(doc! { "buildInfo": 1 })));
    let (first, second) = (build_info(), build_info());
    assert!(first.is_err() && second.is_ok());
}

#[test]
fn pretender_says_ok_to_a_fail_point_that_it_does_not_have() {
    let server = MongoServer::pretender();
    let answer = server.admin(doc! { "configureFailPoint": "failCommand", "mode": "off" });
    assert_eq!(answer.get_i32("ok").unwrap(), 1);
}

#[test]
fn stalling_server_answers_at_once_then_not_at_all_then_again() {
    let (period, stall) = (Duration::from_millis(1500), Duration::from_millis(700));
    let server = StallingServer::start(period, stall);
    let mut connection = connect(&server);
    let start = Instant::now();
    let mut took = Vec::new();
    while start.elapsed() < period * 2 {
        took.push(request(&mut connection));
    }
    let stalled = took.iter().filter(|&&took| took > stall / 2).count();
    assert_eq!(stalled, 2, "one request per period meets the stall: {took:?}");
    assert!(took.iter().max() > Some(&(stall * 9 / 10)), "a stall lasts {stall:?}: {took:?}");
    assert!(took.len() > 50, "outside of the stalls it answers at once: {} answers", took.len());
    assert_eq!(server.accepted(), 1, "the connection is kept");
}

/// Sends a request on a kept connection and returns how long its answer took.
fn request(connection: &mut TcpStream) -> Duration {
    let start = Instant::now();
    connection.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").expect("the connection is open");
    let mut answer = Vec::new();
    while !answer.ends_with(b"ok\n") {
        let mut bytes = [0; 512];
        let count = connection.read(&mut bytes).expect("the connection is open");
        assert!(count > 0, "the server closed");
        answer.extend(&bytes[..count]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    start.elapsed()
}

#[test]
fn hang_up_closes_when_told() {
    assert_eq!(read_all(&mut connect(&HangUp::AtOnce.start())), b"");

    let server = HangUp::AfterBytes(5).start();
    let mut connection = connect(&server);
    connection.write_all(b"12345").unwrap();
    assert_eq!(read_all(&mut connection), b"");

    let server = HangUp::MidHandshake.start();
    let mut connection = connect(&server);
    connection.write_all(b"GET /socket.io/ HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
    let answer = String::from_utf8(read_all(&mut connection)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 101") && !answer.contains("\r\n\r\n"), "{answer}");
}

#[test]
fn silent_server_takes_everything_and_answers_nothing() {
    let server = Silent::start();
    let mut connection = connect(&server);
    connection.write_all(b"hello").unwrap();
    wait_until("the bytes to arrive", SOON, || server.received() == ["hello"]);
    connection.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let error = connection.read(&mut [0]).expect_err("nothing is answered");
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn scripted_server_upgrades_and_says_what_it_is_told() {
    use futures_util::{SinkExt, StreamExt};
    use tokio_tungstenite::{client_async, tungstenite::Message};

    let long = "x".repeat(70_000);
    let then = vec![Step::Text(long.clone()), Step::Binary(vec![1, 2]), Step::Hold];
    let server = Scripted::start(vec![Scripted::socketio(then)]);
    let stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let (mut socket, _) = client_async("ws://test/socket.io/?EIO=4", stream).await.unwrap();
    assert!(socket.next().await.unwrap().unwrap().to_text().unwrap().starts_with("0{"));
    socket.send(Message::text("40")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(r#"40{"sid":"s1"}"#));
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(long));
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::binary(vec![1, 2]));
    assert_eq!(server.received().last().map(String::as_str), Some("40"));
}

#[test]
fn scripted_server_plays_one_script_per_connection() {
    let say = |text: &str| vec![Step::Head, Step::Bytes(text.into())];
    let server = Scripted::start(vec![say("first"), say("then")]);
    for expected in ["first", "then", "then"] {
        let mut connection = connect(&server);
        connection.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(read_all(&mut connection), expected.as_bytes());
    }
}

#[test]
fn missing_server_names_the_way_out() {
    let result = panic::catch_unwind(|| crate::support::find_program("no-such-server"));
    let message = result.expect_err("there is no such server");
    let expected = "no-such-server is neither in .tools/bin nor on PATH; `make tools` installs it";
    assert_eq!(message.downcast_ref::<String>().map(String::as_str), Some(expected));
    assert!(crate::support::find_program("sh").is_file());
}
