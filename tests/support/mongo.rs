//! A MongoDB-compatible server of the test's own, or the deployment that `SCALECTL_TEST_MONGODB_URI` names.

use std::env;
use std::io::{self, Write};
use std::process::{self, Command};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::options::ClientOptions;
use tokio::runtime::Builder;

use super::process::Process;
use super::tools::find_program;
use super::wait::STARTUP;
use super::workdir::WorkDir;

const URI_VARIABLE: &str = "SCALECTL_TEST_MONGODB_URI";

/// How long the driver looks for a server before it gives up.
const UNREACHABLE: Duration = Duration::from_secs(5);

/// Databases of one run have numbers, so that tests against one deployment do not meet.
static DATABASES: AtomicUsize = AtomicUsize::new(0);

/// A server and a database in it that belongs to one test.
#[derive(Debug)]
pub struct MongoServer {
    // Fields drop in order: the process ends before its folder goes. None of both: a deployment from outside.
    local: Option<(Process, WorkDir)>,
    /// The program and its arguments, to start it again.
    launched: Option<(&'static str, Vec<String>)>,
    uri: String,
    database: String,
}

impl MongoServer {
    /// The faithful server, `secantusd-rs`: a replica set of one. With `SCALECTL_TEST_MONGODB_URI` it is that
    /// deployment instead, and the run says which server and version it is.
    #[track_caller]
    pub fn start() -> Self {
        match env::var(URI_VARIABLE) {
            Ok(uri) => Self::external(uri),
            Err(_) => Self::start_with(&[]),
        }
    }

    /// `secantusd-rs` with more arguments, such as `--standalone`, whatever the environment names.
    #[track_caller]
    pub fn start_with(args: &[&str]) -> Self {
        // An empty store would take 128 MB of log, and as much cache as a whole test machine has.
        let small = ["--log-file-max", "8MB", "--cache-size", "256M", "--storage-path", "data"];
        Self::launch("secantusd-rs", &[&small, args].concat())
    }

    /// The server with fail points, `secantusd-py`: `configureFailPoint` with `failCommand` works on it.
    #[track_caller]
    pub fn with_failpoints() -> Self {
        Self::launch("secantusd-py", &["--enable-test-commands", "--storage-path", "data"])
    }

    /// The pretender, `nx-27017`: it answers ok to much that it does not do.
    #[track_caller]
    pub fn pretender() -> Self {
        Self::launch("nx-27017", &["--db", "memory", "--log-file", "nx.log", "--pid-file", "nx.pid"])
    }

    /// Its address, without a database.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The name of the database that belongs to this test; empty at first.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Its process; none when it is a deployment from outside.
    pub fn process(&mut self) -> Option<&mut Process> {
        self.local.as_mut().map(|(process, _)| process)
    }

    /// A driver's client for it, inside the caller's runtime.
    pub async fn client(&self) -> Client {
        let mut options = ClientOptions::parse(&self.uri).await.expect("the address is well formed");
        options.server_selection_timeout = Some(UNREACHABLE);
        Client::with_options(options).expect("the options are sound")
    }

    /// The answer of its `admin` database to a command, without a runtime of the test's.
    #[track_caller]
    pub fn admin(&self, command: Document) -> Document {
        let answer = block_on(async { self.client().await.database("admin").run_command(command).await });
        answer.expect("the server answers the command")
    }

    /// The answer of the test's own database to a command.
    #[track_caller]
    pub fn run(&self, command: Document) -> Document {
        let answer =
            block_on(async { self.client().await.database(&self.database).run_command(command).await });
        answer.expect("the server answers the command")
    }

    #[track_caller]
    fn external(uri: String) -> Self {
        static ANNOUNCE: Once = Once::new();
        let server = Self { local: None, launched: None, uri, database: new_database() };
        ANNOUNCE.call_once(|| {
            let version = server.admin(doc! { "buildInfo": 1 });
            let hello = server.admin(doc! { "hello": 1 });
            // Past the test harness, which would hide it: a run must say what it ran against.
            let _ = writeln!(io::stderr(), "{URI_VARIABLE}: {}", describe(&version, &hello));
        });
        server
    }

    /// Kills it as `kill -9` does, and starts it again on the same port with what it had written.
    #[track_caller]
    pub fn crash_and_restart(&mut self) {
        let (program, args) = self.launched.clone().expect("a server of the test's own");
        let (mut process, dir) = self.local.take().expect("a server of the test's own");
        process.kill();
        drop(process);
        let port = self.uri.rsplit(':').next().expect("the address has a port").to_owned();
        let (process, _) = start_server(program, &args, &port, &dir);
        self.local = Some((process, dir));
    }

    #[track_caller]
    fn launch(program: &'static str, args: &[&str]) -> Self {
        let dir = WorkDir::new(program);
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let (process, address) = start_server(program, &args, "0", &dir);
        let uri = format!("mongodb://{address}");
        let launched = Some((program, args));
        let server = Self { local: Some((process, dir)), launched, uri, database: new_database() };
        server.admin(doc! { "ping": 1 });
        server
    }
}

/// Starts a server in `dir`; gives the address on which it listens.
#[track_caller]
fn start_server(program: &str, args: &[String], port: &str, dir: &WorkDir) -> (Process, String) {
    let mut command = Command::new(find_program(program));
    command.args(["--host", "127.0.0.1", "--port", port]).args(args);
    command.current_dir(dir.path()).env("TMPDIR", dir.path());
    let process = Process::start(program, command, b"", &dir.join("server.log"));
    let process = process.unwrap_or_else(|error| panic!("{program} did not start: {error}"));
    let line = process.wait_for_line(STARTUP, |line| parse_address(line).is_some());
    let address = parse_address(&line).expect("the line was chosen for it").to_owned();
    (process, address)
}

impl Drop for MongoServer {
    fn drop(&mut self) {
        if self.local.is_none() {
            // Left behind where the deployment is gone; the next run uses another name.
            let _ = block_on(async { self.client().await.database(&self.database).drop().await });
        }
    }
}

/// Runs to the end on a thread and a runtime of its own, which an async test can call as well. The driver's
/// clients belong to the runtime that made them, so none is kept.
pub fn block_on<F: Future<Output: Send> + Send>(work: F) -> F::Output {
    let run = || {
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime can be made").block_on(work)
    };
    thread::scope(|scope| scope.spawn(run).join().expect("the work does not panic"))
}

fn new_database() -> String {
    format!("scalectl_test_{}_{}", process::id(), DATABASES.fetch_add(1, Ordering::Relaxed))
}

/// The address in the line with which each of the three servers says where it listens.
fn parse_address(line: &str) -> Option<&str> {
    let at = line.to_ascii_lowercase().find("listening on ")? + "listening on ".len();
    line[at..].split_whitespace().next()
}

/// Which server, version and topology a deployment says it is.
fn describe(build: &Document, hello: &Document) -> String {
    let version = build.get_str("version").unwrap_or("of unknown version");
    let set = hello.get_str("setName").map(|name| format!("replica set {name}"));
    let topology = set.unwrap_or_else(|_| match hello.get_str("msg") {
        Ok("isdbgrid") => "sharded cluster".to_owned(),
        _ => "standalone".to_owned(),
    });
    format!("MongoDB {version}, {topology}")
}
