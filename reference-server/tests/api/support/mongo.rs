//! A MongoDB-compatible server of the tests' own, or the deployment that `SCALECTL_TEST_MONGODB_URI` names.
//! The unit tests of the store use this file as well.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use tempfile::TempDir;

const URI_VARIABLE: &str = "SCALECTL_TEST_MONGODB_URI";
const PROGRAM: &str = "secantusd-rs";
const STARTUP: Duration = Duration::from_secs(30);

/// The server that the tests of one process share, for as long as one of them runs.
static SHARED: Mutex<Weak<MongoServer>> = Mutex::new(Weak::new());

static DATABASES: AtomicUsize = AtomicUsize::new(0);

/// A server; dropping it kills it.
#[derive(Debug)]
pub struct MongoServer {
    dir: TempDir,
    args: Vec<String>,
    child: Child,
    address: String,
}

/// A database that belongs to one test, and the server that it is on.
#[derive(Debug, Clone)]
pub struct MongoDatabase {
    /// Connection string, which names no database.
    pub uri: String,
    /// Its name.
    pub name: String,
    server: Option<Arc<MongoServer>>,
}

impl MongoDatabase {
    /// A new one, on the deployment from outside if there is one, on the shared server else.
    pub fn new() -> Self {
        if let Ok(uri) = env::var(URI_VARIABLE) {
            return Self { uri, name: database_name(), server: None };
        }
        let server = shared();
        Self { uri: server.uri(), name: database_name(), server: Some(server) }
    }

    /// Removes it from a deployment that outlives the test.
    pub async fn drop_if_external(self) {
        if self.server.is_none() {
            let client = mongodb::Client::with_uri_str(&self.uri).await.expect("the address is well formed");
            client.database(&self.name).drop().await.expect("the database can be dropped");
        }
    }
}

fn shared() -> Arc<MongoServer> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let running = shared.upgrade();
    let server = running.unwrap_or_else(|| Arc::new(MongoServer::start(&[])));
    *shared = Arc::downgrade(&server);
    server
}

/// Databases of all runs have other names, so that tests against one deployment do not meet.
pub fn database_name() -> String {
    format!("scalectl_test_{}_{}", process::id(), DATABASES.fetch_add(1, Ordering::Relaxed))
}

impl MongoServer {
    /// Starts one of the test's own on a free port, with these arguments more.
    pub fn start(args: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a folder can be made");
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let (child, address) = launch(dir.path(), "0", &args);
        Self { dir, args, child, address }
    }

    /// Its connection string.
    pub fn uri(&self) -> String {
        format!("mongodb://{}", self.address)
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again, at the same address with the same data.
    pub fn restart(&mut self) {
        self.kill();
        let port = self.address.rsplit(':').next().expect("an address has a port").to_owned();
        (self.child, self.address) = launch(self.dir.path(), &port, &self.args);
    }
}

impl Drop for MongoServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn launch(dir: &Path, port: &str, args: &[String]) -> (Child, String) {
    let output = dir.join("output");
    let log = File::create(&output).expect("the output file can be made");
    let mut command = Command::new(find_program());
    command.args(["--host", "127.0.0.1", "--port", port, "--storage-path", "data"]).args(args);
    // An empty store would take 128 MB of log, and as much cache as a whole test machine has.
    command.args(["--log-file-max", "8MB", "--cache-size", "256M"]).current_dir(dir).env("TMPDIR", dir);
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file has two handles")).stderr(log);
    let mut child = command.spawn().expect("the server can be started");
    let end = Instant::now() + STARTUP;
    loop {
        let written = fs::read_to_string(&output).unwrap_or_default();
        if let Some(address) = parse_address(&written) {
            return (child, address);
        }
        let ended = child.try_wait().expect("a child can be asked").is_some();
        if ended || Instant::now() > end {
            let _ = child.kill();
            panic!("{PROGRAM} did not start; it wrote:\n{written}");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn parse_address(written: &str) -> Option<String> {
    let (_, rest) = written.split_once("listening on ")?;
    // A line that is not complete may end within the port.
    rest.split_once('\n').map(|(address, _)| address.trim().to_owned())
}

/// `.tools/bin` of the workspace first, then PATH. A test that finds no server must not look as if it passed.
fn find_program() -> PathBuf {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/bin");
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = std::iter::once(tools).chain(env::split_paths(&path));
    let found = folders.find_map(|folder| folder.join(PROGRAM).canonicalize().ok());
    found
        .unwrap_or_else(|| panic!("{PROGRAM} is neither in .tools/bin nor on PATH: `make tools` installs it"))
}
