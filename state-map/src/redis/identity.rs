//! Which server answered last, to notice that another one does (C14).

use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::events::Events;
use crate::port::Event;
use crate::sync::lock;

/// A server's replication history and process, as far as they were seen.
#[derive(Debug)]
pub struct Identity {
    known: Mutex<Option<String>>,
    alarm: Arc<Alarm>,
}

impl Identity {
    /// Of a server that was not seen yet.
    pub fn new(alarm: &Arc<Alarm>) -> Self {
        Self { known: Mutex::default(), alarm: Arc::clone(alarm) }
    }

    /// Takes what a server says of itself.
    pub fn learn(&self, seen: &str) {
        let before = lock(&self.known).replace(seen.to_owned());
        if before.is_some_and(|before| before != seen) {
            self.alarm.raise();
        }
    }
}

/// Tells that a server may have forgotten.
#[derive(Debug)]
pub struct Alarm {
    events: Arc<Events>,
    raised: watch::Sender<u64>,
}

impl Alarm {
    /// One that goes to these events.
    pub fn new(events: Arc<Events>) -> Self {
        Self { events, raised: watch::Sender::new(0) }
    }

    /// A server is another one than before.
    pub fn raise(&self) {
        self.events.put(Event::Forgot);
        self.raised.send_modify(|raised| *raised += 1);
    }

    /// Notices each time.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.raised.subscribe()
    }
}
