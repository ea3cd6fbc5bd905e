//! A proxy on the wire before a Redis server: commands that are late, lost or come twice, answers that are lost,
//! partitions with and without a closed connection, and an address that moves to another server.
//!
//! A test that wants to part one client from Redis gives that client a proxy of its own.

mod resp;
mod rule;
mod serve;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

pub use rule::{Act, HeldBack, Which};

use self::rule::Gate;
use self::serve::Shared;

/// A proxy before one server; gone, with its connections, when this is dropped.
#[derive(Debug)]
pub struct RedisProxy {
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl RedisProxy {
    /// Stands before the server on this port of 127.0.0.1.
    #[track_caller]
    pub fn before(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port of 127.0.0.1 can be bound");
        let shared = Arc::new(Shared {
            address: listener.local_addr().expect("a bound socket has an address"),
            upstream: Mutex::new(SocketAddr::from(([127, 0, 0, 1], port))),
            rules: Mutex::default(),
            is_dark: Mutex::new(false),
            lit: Condvar::new(),
            is_away: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            open: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        let acceptor = thread::spawn(move || serve::accept(&listener, &serving));
        Self { shared, acceptor: Some(acceptor) }
    }

    /// `redis://127.0.0.1:PORT` of the proxy.
    pub fn url(&self) -> String {
        format!("redis://{}", self.shared.address)
    }

    /// Does this with the commands that are meant.
    pub fn act(&self, which: Which, act: Act) {
        locked(&self.shared.rules).add(which, act);
    }

    /// The same with an act that waits for a gate: [`Act::Hold`], [`Act::Late`] and the like.
    #[must_use]
    pub fn gated(&self, which: Which, act: impl FnOnce(Arc<Gate>) -> Act) -> HeldBack {
        let gate = Arc::new(Gate::default());
        self.act(which, act(Arc::clone(&gate)));
        HeldBack(gate)
    }

    /// Forgets all rules; what is held goes on.
    pub fn forgive(&self) {
        locked(&self.shared.rules).clear();
    }

    /// Nothing goes through any more, in either direction; connections stay, and can be made.
    pub fn go_dark(&self) {
        *locked(&self.shared.is_dark) = true;
    }

    /// Everything goes through again, what came in the dark first.
    pub fn light_up(&self) {
        *locked(&self.shared.is_dark) = false;
        self.shared.lit.notify_all();
    }

    /// Is out of reach: connections are closed as soon as they are made, until [`RedisProxy::come_back`].
    pub fn go_away(&self) {
        self.shared.is_away.store(true, Ordering::SeqCst);
        self.shared.close_connections();
    }

    /// Is there again.
    pub fn come_back(&self) {
        self.shared.is_away.store(false, Ordering::SeqCst);
    }

    /// Closes all connections; new ones go to the server on this port.
    pub fn point_to(&self, port: u16) {
        *locked(&self.shared.upstream) = SocketAddr::from(([127, 0, 0, 1], port));
        self.shared.close_connections();
    }
}

impl Drop for RedisProxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.forgive();
        self.light_up();
        self.shared.close_connections();
        // Wakes the acceptor, which then sees that it is over.
        let _ = TcpStream::connect(self.shared.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
