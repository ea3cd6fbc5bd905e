//! Threads that carry the users, each with a runtime of its own.
//!
//! A user needs nobody but its server: where all threads share one runtime, whoever hears an answer first hands the
//! next wait for the network to another thread, which has to be woken for it, and idle threads look for work that is
//! not there. At a calm pace that was most of what a request took.

use std::io;
use std::thread;

use tokio::runtime::{Builder, Handle};

/// A thread that runs what is spawned on it, until it is told to end.
#[derive(Debug)]
pub struct Lane {
    handle: Handle,
}

impl Lane {
    /// Starts lane `number`; what is left on it when `end` is ready is dropped.
    pub fn start(number: usize, end: impl Future<Output = ()> + Send + 'static) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        thread::Builder::new().name(format!("users-{number}")).spawn(move || {
            runtime.block_on(end);
            // A name that is being looked up keeps nobody waiting.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle })
    }

    /// Spawns on this thread.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(task);
    }
}
