//! A proxy on the wire between a client and MongoDB-compatible servers, for what one small server cannot show.
//!
//! - [`MongoProxy`] stands before one server: it records the commands, and fails, delays or holds chosen ones.
//! - [`MongoSet`] is three servers behind three proxies that look like one replica set: with lag, with a member
//!   that misses writes, with another primary when told, with progress of index builds in `$currentOp`.
//!
//! Documents that are played back follow MongoDB's manual, named where they are made. Everything runs on threads
//! and free ports, and is gone when its handle is dropped.

mod build;
mod face;
mod rule;
mod serve;
mod set;
mod wire;

use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

pub use rule::{Command, Fault, Held, When};
pub use set::MongoSet;

use self::face::Face;
use self::rule::{Action, Gate};
use self::serve::Shared;
use super::mongo::MongoServer;

/// A proxy before one server; gone, with its connections, when this is dropped.
#[derive(Debug)]
pub struct MongoProxy {
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl MongoProxy {
    /// Stands before a server, which is then reached through it alone: the server's own address is replaced in
    /// what it says of itself.
    #[track_caller]
    pub fn start(server: &MongoServer) -> Self {
        Self::before(address_of(server), Face::Alone)
    }

    #[track_caller]
    fn before(upstream: SocketAddr, face: Face) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port of 127.0.0.1 can be bound");
        let address = listener.local_addr().expect("a bound socket has an address");
        Self::listening(listener, Arc::new(Shared::new(address, upstream, face)))
    }

    fn listening(listener: TcpListener, shared: Arc<Shared>) -> Self {
        let serving = Arc::clone(&shared);
        let acceptor = thread::spawn(move || serve::accept(&listener, &serving));
        Self { shared, acceptor: Some(acceptor) }
    }

    /// Host and port.
    pub fn address(&self) -> String {
        self.shared.address.to_string()
    }

    /// Its address, without a database.
    pub fn uri(&self) -> String {
        format!("mongodb://{}", self.shared.address)
    }

    /// Lets something go wrong with the commands that are meant.
    pub fn fail(&self, when: When, fault: Fault) {
        locked(&self.shared.rules).add(when, Action::Fail(fault));
    }

    /// Holds every command of this name back, before the server sees it, until the answer is released. While a
    /// `createIndexes` is held, `$currentOp` tells of a build in progress.
    #[must_use]
    pub fn hold(&self, name: &str) -> Held {
        self.hold_when(When::every(name))
    }

    /// The same for the commands that are meant.
    #[must_use]
    pub fn hold_when(&self, when: When) -> Held {
        let gate = Arc::new(Gate::default());
        locked(&self.shared.rules).add(when, Action::Hold(Arc::clone(&gate)));
        Held { gate }
    }

    /// Holds the answers back: the server does what it is told, and the client does not hear of it.
    #[must_use]
    pub fn hold_answer(&self, when: When) -> Held {
        let gate = Arc::new(Gate::default());
        locked(&self.shared.rules).add(when, Action::HoldAnswer(Arc::clone(&gate)));
        Held { gate }
    }

    /// Forgets all rules; what is held goes on.
    pub fn forgive(&self) {
        locked(&self.shared.rules).clear();
    }

    /// What clients sent so far, housekeeping of drivers left out.
    pub fn commands(&self) -> Vec<Command> {
        locked(&self.shared.seen).iter().filter(|command| !command.is_housekeeping()).cloned().collect()
    }

    /// The names of these, in their order.
    pub fn names(&self) -> Vec<String> {
        self.commands().into_iter().map(|command| command.name).collect()
    }

    /// Those of them that change something.
    pub fn writes(&self) -> Vec<Command> {
        self.commands().into_iter().filter(serve::is_write).collect()
    }

    /// How many commands of this name came.
    pub fn count(&self, name: &str) -> usize {
        locked(&self.shared.seen).iter().filter(|command| command.name == name).count()
    }

    /// Forgets what came so far.
    pub fn forget(&self) {
        locked(&self.shared.seen).clear();
    }

    /// Closes all connections; new ones are accepted.
    pub fn close_connections(&self) {
        self.shared.close_connections();
    }

    /// Is out of reach: connections are closed as soon as they are made, until [`MongoProxy::come_back`].
    pub fn go_away(&self) {
        self.shared.is_away.store(true, Ordering::SeqCst);
        self.close_connections();
    }

    /// Is there again.
    pub fn come_back(&self) {
        self.shared.is_away.store(false, Ordering::SeqCst);
    }
}

impl Drop for MongoProxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.forgive();
        self.shared.close_connections();
        // Wakes the acceptor, which then sees that it is over.
        let _ = TcpStream::connect(self.shared.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

/// Where a server of the tests listens.
#[track_caller]
fn address_of(server: &MongoServer) -> SocketAddr {
    let host = server.uri().trim_start_matches("mongodb://").trim_end_matches('/');
    let address = host.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    address.expect("a proxy stands before one server on a plain address")
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
