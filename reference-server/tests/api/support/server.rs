use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use reference_server::{Config, PasswordCost, RedisSettings, Served, StartError, StateHome, serve};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Client, Deployment};

/// Time between two attempts to reach Redis again.
const RETRY: Duration = Duration::from_millis(100);

const PATIENCE: Duration = Duration::from_secs(30);

/// A running server with a store of its own.
pub struct Server {
    pub address: SocketAddr,
    pub dir: TempDir,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<Served, StartError>>,
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), change).await
    }

    pub async fn start_in(dir: TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { data: dir.path().to_owned(), max_connections: 500, ..Config::default() };
        config.security.password = PasswordCost { memory_kib: 64, passes: 1, lanes: 1 };
        change(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(async move {
            let served = serve(listener, config, async {
                let _ = stopped.await;
            });
            let served = served.await;
            // Without this, a test learns only that its connection was refused.
            assert!(served.is_ok(), "the server did not start: {:?}", served.err());
            served
        });
        Self { address, dir, stop, running }
    }

    /// One instance of several: they share the folder of the first, and this Redis.
    pub async fn instance(data: &Path, redis: &Deployment) -> Self {
        let (data, url) = (data.to_owned(), redis.url());
        Self::start_with(|config| {
            config.data = data;
            config.socket.max_per_user = 2_000;
            config.max_connections = 2_000;
            config.redis = Some(RedisSettings { retry_interval: RETRY, ..RedisSettings::new(url) });
        })
        .await
    }

    /// One instance of several whose state moves, under this name: they share this folder.
    pub async fn migrating(data: &Path, redis: &str, name: &str) -> Self {
        let config = migrating(data, redis, name);
        Self::start_with(|given| *given = config).await
    }

    /// Waits until a metric has this value.
    pub async fn until_metric(&self, line: &str) {
        let waiting = async {
            while !self.client().get("/metrics").await.text.lines().any(|found| found == line) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never {line}"));
    }

    /// Waits until requests should come here.
    pub async fn until_ready(&self) {
        let waiting = async {
            while self.client().get("/ready").await.status != 200 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("it becomes ready");
    }

    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    pub async fn guest(&self, name: &str) -> Client {
        self.client().guest(name).await
    }

    /// A guest who has been given a role.
    pub async fn member(&self, name: &str, role: &str) -> Client {
        let client = self.guest(name).await;
        let store = rusqlite::Connection::open(self.dir.path().join("reference.db")).unwrap();
        store.busy_timeout(Duration::from_secs(10)).unwrap();
        let id = u128::from_str_radix(&client.id.replace('-', ""), 16).unwrap().to_be_bytes();
        store.execute("UPDATE users SET role = ?1 WHERE id = ?2", rusqlite::params![role, id]).unwrap();
        client
    }

    /// Begins the shutdown without waiting for its end.
    pub fn shut_down(self) -> Draining {
        let _ = self.stop.send(());
        Draining { dir: self.dir, running: self.running }
    }
}

/// An instance with threads of its own, so that it can be killed: it tells nobody, and nothing of it goes on.
pub struct Mortal {
    pub address: SocketAddr,
    kill: oneshot::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Mortal {
    pub async fn instance(data: &Path, redis: &Deployment) -> Self {
        let settings = RedisSettings { retry_interval: RETRY, ..RedisSettings::new(redis.url()) };
        let data = data.to_owned();
        Self::start(Config { data, max_connections: 500, redis: Some(settings), ..Config::default() }).await
    }

    /// One instance of several whose state moves.
    pub async fn migrating(data: &Path, redis: &str, name: &str) -> Self {
        Self::start(migrating(data, redis, name)).await
    }

    async fn start(config: Config) -> Self {
        let (kill, killed) = oneshot::channel();
        let (started, address) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let runtime = runtime.unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                started.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    _ = serve(listener, config, std::future::pending()) => {}
                    _ = killed => {}
                }
            });
            runtime.shutdown_background();
        });
        Self { address: address.await.unwrap(), kill, thread }
    }

    pub fn kill(self) {
        let _ = self.kill.send(());
        self.thread.join().unwrap();
    }
}

fn migrating(data: &Path, redis: &str, name: &str) -> Config {
    let state = StateHome::Migrating;
    let settings = RedisSettings { retry_interval: RETRY, state, ..RedisSettings::new(redis) };
    let mut config = Config {
        data: data.to_owned(),
        max_connections: 500,
        redis: Some(settings),
        instance_name: Some(name.to_owned()),
        ..Config::default()
    };
    config.security.password = PasswordCost { memory_kib: 64, passes: 1, lanes: 1 };
    config
}

/// A server on its way out.
pub struct Draining {
    dir: TempDir,
    running: JoinHandle<Result<Served, StartError>>,
}

impl Draining {
    pub async fn ended(self) -> (Served, TempDir) {
        let served = tokio::time::timeout(Duration::from_secs(20), self.running).await;
        (served.expect("the drain has a deadline").unwrap().unwrap(), self.dir)
    }
}
