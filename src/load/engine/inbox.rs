//! What came over a connection and was not looked at yet.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::load::scenario::template::epoch_micros;

/// Messages kept for later steps; beyond this the oldest give way, so that a talkative server cannot fill memory.
const MAX_MESSAGES: usize = 1_024;
const MAX_BYTES: usize = 1 << 20;

/// A message and when it came.
#[derive(Debug)]
pub struct Received<T> {
    /// The message.
    pub message: T,
    /// On this process' clock.
    pub at: Instant,
    /// Microseconds since 1970, to compare with a sender's.
    pub at_epoch_micros: u64,
    bytes: usize,
}

/// Messages in the order of their arrival.
#[derive(Debug)]
pub struct Inbox<T> {
    messages: VecDeque<Received<T>>,
    bytes: usize,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self { messages: VecDeque::new(), bytes: 0 }
    }
}

impl<T> Inbox<T> {
    /// Keeps a message that takes about `bytes`.
    pub fn keep(&mut self, message: T, bytes: usize) {
        self.bytes += bytes;
        while self.messages.len() >= MAX_MESSAGES || (self.bytes > MAX_BYTES && !self.messages.is_empty()) {
            self.remove(0);
        }
        let (at, at_epoch_micros) = (Instant::now(), epoch_micros());
        self.messages.push_back(Received { message, at, at_epoch_micros, bytes });
    }

    /// Takes the oldest message that `is_wanted`.
    pub fn take(&mut self, is_wanted: impl Fn(&T) -> bool) -> Option<Received<T>> {
        let index = self.messages.iter().position(|received| is_wanted(&received.message))?;
        self.remove(index)
    }

    fn remove(&mut self, index: usize) -> Option<Received<T>> {
        let received = self.messages.remove(index)?;
        self.bytes -= received.bytes;
        if self.messages.is_empty() {
            // A held connection keeps no room for a burst that is over.
            self.messages = VecDeque::new();
        }
        Some(received)
    }
}

#[cfg(test)]
mod tests {
    use super::{Inbox, MAX_BYTES, MAX_MESSAGES};

    #[test]
    fn the_oldest_give_way_and_an_empty_one_keeps_no_room() {
        let mut inbox = Inbox::default();
        (0..MAX_MESSAGES + 10).for_each(|number| inbox.keep(number, 1));
        assert_eq!(inbox.take(|_| true).unwrap().message, 10);
        inbox.keep(9_999, MAX_BYTES);
        assert_eq!(inbox.take(|number| *number < 9_999).map(|received| received.message), None);
        assert_eq!(inbox.take(|_| true).unwrap().message, 9_999);
        assert_eq!((inbox.messages.capacity(), inbox.bytes), (0, 0));
    }
}
