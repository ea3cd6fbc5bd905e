//! Servers that misbehave, inside the test process, each on a free port of 127.0.0.1.
//!
//! - [`Answering`] answers each request as a function says, and keeps what it was asked.
//! - [`StallingServer`] answers at once, except that it regularly answers nobody for a while.
//! - [`HangUp`] closes the connection: at once, after some bytes, or in the middle of its answer.
//! - [`Scripted`] plays given bytes or websocket frames back, whatever it is asked.
//! - [`QueueServer`] has a limit that is known.
//! - [`Silent`] accepts and never answers.

mod answering;
mod hang_up;
mod queue;
mod scripted;
mod silent;
mod stalling;

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufRead, AsyncBufReadExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

pub use answering::{Answer, Answering, Asked};
pub use hang_up::HangUp;
pub use queue::QueueServer;
pub use scripted::{Script, Scripted, Step};
pub use silent::Silent;
pub use stalling::StallingServer;

/// What a server saw of its clients.
#[derive(Debug, Default)]
pub struct Seen {
    accepted: AtomicUsize,
    received: Mutex<Vec<String>>,
}

impl Seen {
    fn record(&self, received: &[u8]) {
        let text = String::from_utf8_lossy(received).into_owned();
        self.received.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }
}

/// A running misbehaving server; it is gone, with its connections, when this is dropped.
#[derive(Debug)]
pub struct FaultServer {
    address: SocketAddr,
    seen: Arc<Seen>,
    runtime: Option<Runtime>,
}

impl FaultServer {
    /// Serves every connection with `serve`, which gets the number of the connection, from 0.
    fn start<S, F>(serve: S) -> Self
    where
        S: Fn(TcpStream, usize, Arc<Seen>) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        let listener = listen(&runtime);
        let address = listener.local_addr().expect("a bound socket has an address");
        let seen = Arc::new(Seen::default());
        runtime.spawn(accept(listener, serve, Arc::clone(&seen)));
        Self { address, seen, runtime: Some(runtime) }
    }

    /// Host and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections it accepted so far.
    pub fn accepted(&self) -> usize {
        self.seen.accepted.load(Ordering::SeqCst)
    }

    /// What its clients sent so far: request heads and websocket messages, in the order of their arrival.
    pub fn received(&self) -> Vec<String> {
        self.seen.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Binds without waiting on the runtime, so that async tests can start servers too.
fn listen(runtime: &Runtime) -> TcpListener {
    let _entered = runtime.enter();
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listener = listener.expect("a port of 127.0.0.1 can be bound");
    listener.set_nonblocking(true).expect("a listener can be made non-blocking");
    TcpListener::from_std(listener).expect("the runtime takes the listener")
}

async fn accept<S, F>(listener: TcpListener, serve: S, seen: Arc<Seen>)
where
    S: Fn(TcpStream, usize, Arc<Seen>) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    while let Ok((connection, _)) = listener.accept().await {
        let number = seen.accepted.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(serve(connection, number, Arc::clone(&seen)));
    }
}

/// Reads the head of an HTTP request, its empty line included; none when the client closes before its end.
async fn read_head(connection: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if connection.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    Some(head)
}
