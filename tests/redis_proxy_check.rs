//! The proxy before Redis keeps its promises: commands are late, lost or doubled as told, and nothing else.

use std::thread;
use std::time::Duration;

use redis::{Commands, Connection};

use crate::support::{Act, RedisProxy, RedisServer, Which, wait_until};

fn is(name: &'static str) -> impl Fn(&[String]) -> bool + Send + 'static {
    move |words| words[0].eq_ignore_ascii_case(name)
}

fn connect(proxy: &RedisProxy) -> Connection {
    let connection = redis::Client::open(proxy.url()).unwrap().get_connection().unwrap();
    connection.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    connection
}

#[test]
fn a_doubled_command_is_carried_out_twice_and_answered_once() {
    let server = RedisServer::start();
    let mut direct = server.connect();
    let proxy = RedisProxy::before(server.port());
    let mut through = connect(&proxy);
    proxy.act(Which::next(is("INCR")), Act::Twice);
    let first: (i64, String, i64) =
        redis::pipe().incr("n", 1).cmd("PING").cmd("INCR").arg("n").query(&mut through).unwrap();
    assert_eq!(first, (1, "PONG".to_owned(), 2), "INCRBY is another command");
    // The second copy follows the first, whose answer may be faster.
    wait_until("both copies to be carried out", Duration::from_secs(20), || {
        direct.get::<_, i64>("n").unwrap() == 3
    });
    let after: String = redis::cmd("ECHO").arg("x").query(&mut through).unwrap();
    assert_eq!(after, "x", "answers still belong to their commands");

    let again = proxy.gated(Which::next(is("INCR")), Act::Again);
    let count: i64 = redis::cmd("INCR").arg("n").query(&mut through).unwrap();
    assert_eq!(count, 4);
    assert_eq!(again.deliver(), ["5"]);
}

#[test]
fn another_command_takes_the_place_of_one() {
    let server = RedisServer::start();
    let proxy = RedisProxy::before(server.port());
    let mut through = connect(&proxy);
    let lie = ["EVAL", "return {'APPLIED', '7'}", "0"].map(str::to_owned).to_vec();
    proxy.act(Which::next(is("INCR")), Act::Instead(lie));
    let answers: ((String, u64), u64) =
        redis::pipe().cmd("INCR").arg("n").cmd("INCR").arg("n").query(&mut through).unwrap();
    assert_eq!(answers, (("APPLIED".to_owned(), 7), 1));
}

#[test]
fn commands_and_answers_are_lost_as_told() {
    let server = RedisServer::start();
    let mut direct = server.connect();
    let proxy = RedisProxy::before(server.port());
    proxy.act(Which::next(is("SET")), Act::CloseBefore);
    connect(&proxy).set::<_, _, ()>("a", 1).unwrap_err();
    assert_eq!(direct.get::<_, Option<i64>>("a").unwrap(), None);
    proxy.act(Which::next(is("SET")), Act::CloseAfter);
    connect(&proxy).set::<_, _, ()>("a", 2).unwrap_err();
    assert_eq!(direct.get::<_, Option<i64>>("a").unwrap(), Some(2));
    proxy.act(Which::next(is("SET")), Act::Lose);
    connect(&proxy).set::<_, _, ()>("a", 3).unwrap_err();
    assert_eq!(direct.get::<_, Option<i64>>("a").unwrap(), Some(2));
    let late = proxy.gated(Which::next(is("SET")), Act::Late);
    connect(&proxy).set::<_, _, ()>("a", 4).unwrap_err();
    assert_eq!(late.wait()[1..], ["a", "4"]);
    assert_eq!(direct.get::<_, Option<i64>>("a").unwrap(), Some(2));
    assert_eq!(late.deliver(), ["OK"]);
    assert_eq!(direct.get::<_, Option<i64>>("a").unwrap(), Some(4));
}

#[test]
fn commands_and_answers_wait_until_they_are_let_go() {
    let server = RedisServer::start();
    let mut direct = server.connect();
    let proxy = RedisProxy::before(server.port());
    let held = proxy.gated(Which::next(is("SET")), Act::Hold);
    let mut through = connect(&proxy);
    through.set_read_timeout(None).unwrap();
    let setting = thread::spawn(move || (through.set::<_, _, ()>("a", 1), through));
    held.wait();
    assert_eq!(direct.get::<_, Option<i64>>("a").unwrap(), None);
    held.release();
    let (set, mut through) = setting.join().unwrap();
    set.unwrap();
    let held = proxy.gated(Which::next(is("SET")), Act::HoldAnswer);
    let setting = thread::spawn(move || through.set::<_, _, ()>("a", 2));
    held.wait();
    while direct.get::<_, Option<i64>>("a").unwrap() != Some(2) {
        thread::yield_now();
    }
    assert!(!setting.is_finished());
    held.release();
    setting.join().unwrap().unwrap();
}

#[test]
fn in_the_dark_nothing_passes_and_afterwards_everything() {
    let server = RedisServer::start();
    let other = RedisServer::start();
    let mut direct = server.connect();
    let proxy = RedisProxy::before(server.port());
    let mut through = connect(&proxy);
    through.set::<_, _, ()>("a", 1).unwrap();
    proxy.go_dark();
    through.set::<_, _, ()>("a", 2).unwrap_err();
    assert_eq!(direct.get::<_, i64>("a").unwrap(), 1);
    proxy.light_up();
    wait_until("what came in the dark", Duration::from_secs(10), || direct.get::<_, i64>("a").unwrap() == 2);
    proxy.go_away();
    assert!(redis::Client::open(proxy.url()).unwrap().get_connection().is_err());
    proxy.come_back();
    proxy.point_to(other.port());
    assert_eq!(connect(&proxy).get::<_, Option<i64>>("a").unwrap(), None, "it is another server");
}

#[test]
fn subscribers_hear_what_is_published() {
    let server = RedisServer::start();
    let proxy = RedisProxy::before(server.port());
    for version in ["", "/?protocol=resp3"] {
        let client = redis::Client::open(format!("{}{version}", proxy.url())).unwrap();
        let mut connection = client.get_connection().unwrap();
        if version.is_empty() {
            let mut subscription = connection.as_pubsub();
            subscription.subscribe("news").unwrap();
            server.connect().publish::<_, _, ()>("news", "x").unwrap();
            assert_eq!(subscription.get_message().unwrap().get_payload::<String>().unwrap(), "x");
        } else {
            connection.hset::<_, _, _, ()>("h", "f", "v").unwrap();
            let fields: std::collections::HashMap<String, String> = connection.hgetall("h").unwrap();
            assert_eq!(fields["f"], "v", "a map of version 3 is one answer");
        }
    }
}
