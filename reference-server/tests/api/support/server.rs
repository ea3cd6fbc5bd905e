use std::net::SocketAddr;
use std::time::Duration;

use reference_server::{Config, PasswordCost, Served, StartError, serve};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Client;

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
        let running = tokio::spawn(serve(listener, config, async {
            let _ = stopped.await;
        }));
        Self { address, dir, stop, running }
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
