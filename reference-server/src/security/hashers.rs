//! Threads that hash passwords, one per core. A hash takes 19 MiB, which the allocator keeps for the thread that
//! used it: the runtime's pool of blocking threads would keep it dozens of times.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use argon2::Argon2;
use tokio::sync::{mpsc, oneshot};

/// Passwords that wait before their requests do.
const QUEUE: usize = 1_024;

type Work = Box<dyn FnOnce(&Argon2<'static>) + Send>;

/// The handle to the threads, which end when it is dropped.
pub struct Hashers {
    queue: mpsc::Sender<Work>,
}

impl Hashers {
    /// Starts the threads.
    pub fn start(argon2: &Argon2<'static>) -> io::Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            let (argon2, waiting) = (argon2.clone(), Arc::clone(&waiting));
            let hasher = std::thread::Builder::new().name("password".into());
            hasher.spawn(move || hash_until_closed(&argon2, &waiting))?;
        }
        Ok(Self { queue })
    }

    /// Runs the work on one of the threads, unless its caller has given up before its turn.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |argon2| {
            if !answer.is_closed() {
                let _ = answer.send(work(argon2));
            }
        });
        self.queue.send(work).await.ok()?;
        answered.await.ok()
    }
}

fn hash_until_closed(argon2: &Argon2<'static>, waiting: &Mutex<mpsc::Receiver<Work>>) {
    while let Some(work) = next(waiting) {
        work(argon2);
    }
}

/// The lock is held while waiting, not while hashing.
fn next(waiting: &Mutex<mpsc::Receiver<Work>>) -> Option<Work> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_of_a_caller_that_gave_up_is_not_done() {
        let hashers = Hashers::start(&Argon2::default()).unwrap();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let released = Arc::new(Mutex::new(released));
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let busy = (0..cores).map(|_| {
            let released = Arc::clone(&released);
            hashers.run(move |_| released.lock().unwrap().recv())
        });
        let busy = futures_util::future::join_all(busy);
        let given_up = async {
            let ran = hashers.run(|_| panic!("nobody waits for this"));
            let _: Option<()> =
                tokio::select! { biased; ran = ran => ran, () = tokio::task::yield_now() => None };
            (0..cores).for_each(|_| release.send(()).unwrap());
        };
        tokio::join!(busy, given_up);
        assert_eq!(hashers.run(|_| 7).await, Some(7));
    }
}
