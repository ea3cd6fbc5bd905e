//! One after the other: the events of a socket are handled in their order also when a handler waits for Redis.

use std::sync::Mutex;

use tokio::sync::oneshot;

use super::live::lock;

/// The queue of one socket. Empty, and without memory of its own, while nothing is under way.
#[derive(Default)]
pub struct Turns {
    last: Mutex<Option<(u32, oneshot::Receiver<()>)>>,
}

/// A place in the queue. Whoever comes next waits until it is handed back.
pub struct Turn {
    number: u32,
    before: Option<oneshot::Receiver<()>>,
    _done: oneshot::Sender<()>,
}

impl Turns {
    /// Takes a place: to be called in the order of the events.
    pub fn take(&self) -> Turn {
        let (done, after) = oneshot::channel();
        let mut last = lock(&self.last);
        let (number, before) = last.take().map_or((0, None), |(n, before)| (n.wrapping_add(1), Some(before)));
        *last = Some((number, after));
        Turn { number, before, _done: done }
    }

    /// Gives a place back.
    pub fn end(&self, turn: Turn) {
        let mut last = lock(&self.last);
        if last.as_ref().is_some_and(|(number, _)| *number == turn.number) {
            *last = None;
        }
        drop(last);
        drop(turn);
    }
}

impl Turn {
    /// Waits until all places before have been given back, or lost with their task.
    pub async fn come(&mut self) {
        if let Some(before) = self.before.take() {
            let _ = before.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn they_come_in_the_order_in_which_they_were_taken() {
        let (turns, seen) = (Arc::new(Turns::default()), Arc::new(Mutex::new(Vec::new())));
        let tasks: Vec<_> = (0..200_u64)
            .map(|n| {
                let (mut turn, turns, seen) = (turns.take(), Arc::clone(&turns), Arc::clone(&seen));
                tokio::spawn(async move {
                    tokio::time::sleep(std::time::Duration::from_micros(977 * (200 - n) % 1_500)).await;
                    turn.come().await;
                    tokio::task::yield_now().await;
                    lock(&seen).push(n);
                    turns.end(turn);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*lock(&seen), (0..200).collect::<Vec<_>>());
        assert!(lock(&turns.last).is_none(), "nothing is kept");
    }

    #[tokio::test]
    async fn a_lost_turn_does_not_hold_up_the_others() {
        let turns = Turns::default();
        drop(turns.take());
        turns.take().come().await;
    }
}
