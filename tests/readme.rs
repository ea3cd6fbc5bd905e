//! Every `console` block of README.md does what it shows.
//!
//! A block runs from the root of the repository, with scalectl on the search path; `? 2` under its output is the
//! exit code, `...` stands for lines that differ from run to run and `[..]` for a part of one. Where the README
//! speaks to 127.0.0.1:8080, a reference server stands there for it, on a port of as many digits; for 127.0.0.1:27017
//! it is an empty MongoDB server, for 127.0.0.1:6379 a Redis with one instance of the reference server whose state may
//! move. A block for which there is nothing to compare, such as `make demo`, is marked `console,ignore`.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;
use std::{env, fs};

use redis_fixture::{Options, Server};
use trycmd::TestCases;

use crate::support::{MongoServer, ReferenceServer, STARTUP, WorkDir, get, scalectl_path, wait_until};

/// Where the README says that the reference server listens.
const README_ADDRESS: &str = "127.0.0.1:8080";
/// Where it says that MongoDB listens.
const README_MONGODB: &str = "mongodb://127.0.0.1:27017";
/// Where it says that Redis listens.
const README_REDIS: &str = "redis://127.0.0.1:6379";

#[test]
fn every_block_of_the_readme_does_what_it_shows() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    let readme = readme.expect("README.md is at the root of the repository");
    assert!(readme.contains("```console\n"), "the README shows no command");

    let address = free_address();
    let _server = readme.contains(README_ADDRESS).then(|| ReferenceServer::listening_on(&address));
    let dir = WorkDir::new("readme");
    // The examples count on an empty database, whatever the environment names.
    let mongodb = MongoServer::start_with(&[]);
    let redis = Server::start_with(Options::default().append_only());
    let _instance = instance(&redis);
    let readme = readme.replace(README_ADDRESS, &address).replace(README_MONGODB, mongodb.uri());
    let readme = readme.replace(README_REDIS, &redis.url());
    let copy = dir.write("README.md", readme);

    let cases = TestCases::new();
    cases.register_bin("scalectl", scalectl_path().to_owned());
    cases.env("SCALECTL_STATE_JOURNAL", dir.join("state.jsonl").to_string_lossy());
    cases.env("NO_COLOR", "1").timeout(Duration::from_secs(120)).case(copy).run();
}

/// An instance whose state may move to this Redis, ready.
fn instance(redis: &Server) -> ReferenceServer {
    let url = redis.url();
    let args = ["--redis", &url, "--state", "migrating", "--instance-name", "app-1"];
    let instance = ReferenceServer::start_with(&args);
    let is_ready = || get(instance.authority(), "/ready").0 == 200;
    wait_until("the instance to be registered", STARTUP, is_ready);
    instance
}

/// An address with as many digits as that of the README, so that tables keep their width.
fn free_address() -> String {
    let candidates = (8080..9080).map(|port| format!("127.0.0.1:{port}"));
    let mut free = candidates.filter(|address| TcpListener::bind(address).is_ok());
    free.next().expect("one of a thousand ports is free")
}
