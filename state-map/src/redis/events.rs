//! Events on their way to the one who listens.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::port::Event;
use crate::wire::message::Message;

/// Messages that may wait; the oldest are dropped.
const CAPACITY: usize = 8_192;

/// A queue for one listener. Equal events that wait are one.
#[derive(Debug, Default)]
pub struct Events {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    forgot: bool,
    steered: bool,
    messages: VecDeque<Message>,
}

impl Events {
    /// Adds one.
    pub fn put(&self, event: Event) {
        let mut waiting = self.lock();
        match event {
            Event::Forgot => waiting.forgot = true,
            Event::Steered => waiting.steered = true,
            Event::Message(message) => {
                if waiting.messages.len() == CAPACITY {
                    waiting.messages.pop_front();
                }
                waiting.messages.push_back(message);
            }
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    /// The next one: what matters most first.
    pub async fn next(&self) -> Event {
        loop {
            if let Some(event) = self.take() {
                return event;
            }
            self.arrived.notified().await;
        }
    }

    /// Whether a [`Event::Forgot`] waits.
    pub fn has_forgot(&self) -> bool {
        self.lock().forgot
    }

    fn take(&self) -> Option<Event> {
        let mut waiting = self.lock();
        if std::mem::take(&mut waiting.forgot) {
            return Some(Event::Forgot);
        }
        if std::mem::take(&mut waiting.steered) {
            return Some(Event::Steered);
        }
        waiting.messages.pop_front().map(Event::Message)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::key::Key;

    #[tokio::test]
    async fn what_was_forgotten_comes_first_and_once() {
        let events = Events::default();
        let free = Event::Message(Message::Free { key: Key::new("p:", "1") });
        for event in [free.clone(), Event::Steered, Event::Forgot, Event::Forgot] {
            events.put(event);
        }
        assert!(events.has_forgot());
        assert_eq!(events.next().await, Event::Forgot);
        assert!(!events.has_forgot());
        assert_eq!(events.next().await, Event::Steered);
        assert_eq!(events.next().await, free);
        assert!(events.take().is_none());
    }
}
