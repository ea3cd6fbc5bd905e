//! `scalectl serve`: limits, durability, drain.

use scalectl::{Exit, HealthExit};
use snapbox::str;

use crate::support::{ReferenceServer, Scalectl, WorkDir, with_file_limit};

#[test]
fn a_file_limit_below_what_was_asked_is_refused_at_the_start() {
    let dir = WorkDir::new("limits");
    let output = with_file_limit(200, "serve --listen 127.0.0.1:0 --max-connections 500 --data data", &dir);
    assert_eq!(output.status.code(), Some(Exit::Usage.code().into()));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    snapbox::assert_data_eq!(
        String::from_utf8_lossy(&output.stderr).into_owned(),
        str![[r#"
error: 500 connections need 692 file descriptors, but this process may open 200 (RLIMIT_NOFILE): run `ulimit -n 692` first, or allow at most 8 connections

"#]]
    );
    assert!(!dir.join("data").exists(), "nothing was written");
}

#[test]
fn an_address_in_use_is_a_clear_refusal() {
    let server = ReferenceServer::start();
    let output = Scalectl::new(["serve", "--data", "data", "--listen", server.authority()]).run();
    output.code(Exit::Usage).stdout(str![""]).stderr(str![[r#"
error: cannot listen on 127.0.0.1:[PORT]: Address already in use (os error 98); choose another with --listen

"#]]);
}

#[test]
fn a_terminated_server_drains_and_says_so() {
    let mut server = ReferenceServer::start();
    server.terminate().code(Exit::Done).stderr(str![[r#"
stopped: 0 connections drained, 0 cut

"#]]);
}

/// What was acknowledged before a kill -9 is there after it: the posts, and the tokens.
#[test]
fn data_survive_a_kill() {
    let mut server = ReferenceServer::start();
    let post = |server: &ReferenceServer, flow: &str| {
        let file = format!(
            "config: {{target: \"{}\"}}\nscenarios:\n  - flow:\n{flow}      - think: 60s\n",
            server.url()
        );
        let args = ["loadtest", "run", "test.yaml", "--duration", "1s", "--ramp", "0s", "-q"];
        Scalectl::new(args).file("test.yaml", file).run().code(Exit::Done);
    };
    let register = "      - post: {url: /api/auth/register, json: {username: ada, email: a@example.org, password: correct-horse}, expect: {statusCode: 201}}\n";
    post(&server, register);
    server.restart();
    let login = "      - post: {url: /api/auth/login, json: {username: ada, password: correct-horse}, expect: {statusCode: 200}}\n";
    post(&server, login);
}

#[test]
fn the_shipped_probes_are_well_and_the_metrics_are_there() {
    let server = ReferenceServer::start();
    let targets = ["health", "ready", "metrics"].map(|path| format!("{}/{path}", server.url()));
    let output = Scalectl::new(["health"]).arg(&targets[0]).arg(&targets[1]).arg(&targets[2]).run();
    output.code(Exit::Health(HealthExit::Ok));
}
