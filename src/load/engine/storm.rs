//! A connection's part in the storms of a run: when it is cut, and what becomes of it then.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::fanout::Ears;
use super::shared::Shared;
use crate::clients::ClientError;
use crate::clients::socketio::{Client, Outgoing};

/// Events that a connection sends again; those of a loop without end are no way back into rooms.
const MOST_KEPT: usize = 64;

/// What a connection has to do with storms.
#[derive(Debug)]
pub struct Storming {
    user: u32,
    /// The storm that cuts it next.
    next: Option<u16>,
    /// Set while it is away because of a storm.
    away: Option<Away>,
    /// The last storm that cut it, with what it had missed and got twice by then.
    before: Option<Box<(u16, (u64, u64))>>,
    again: Option<Box<Again>>,
}

/// A connection that a storm has cut and that is not back.
#[derive(Debug)]
struct Away {
    storm: u16,
    shared: Arc<Shared>,
    is_back: bool,
}

impl Drop for Away {
    /// Whoever drops it before it is back has given up, unless the load is over anyway.
    fn drop(&mut self) {
        let Self { storm, shared, is_back } = self;
        let is_past = |start: &Instant| start.elapsed() >= shared.plan.load.duration();
        let is_over = shared.stop.soft.is_cancelled() || shared.start.get().is_some_and(is_past);
        if !*is_back && !is_over {
            shared.storms.ended((*storm).into());
        }
    }
}

/// What is sent again when a connection is back without its session.
#[derive(Debug, Default)]
struct Again {
    events: Vec<Kept>,
    due: VecDeque<Kept>,
}

/// An event that is sent again.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Where.
    pub namespace: String,
    /// What.
    pub event: Outgoing,
    /// Whether an acknowledgement is asked for: a server may count on that.
    pub is_acknowledged: bool,
}

impl Storming {
    /// Of a user's connection.
    pub fn new(user: u32) -> Self {
        Self { user, next: None, away: None, before: None, again: None }
    }

    /// Sets the next cut. One that is over by now passes it by.
    pub fn arm(&mut self, shared: &Shared, client: &mut Client) {
        let (Some(start), now) = (shared.start.get(), Instant::now()) else { return };
        let storms = shared.plan.storms.iter().enumerate();
        let mut cuts = storms.filter_map(|(at, storm)| Some((at, storm, *start + storm.cut(self.user)?)));
        let next = cuts.find(|(.., cut_at)| *cut_at > now);
        self.next = next.and_then(|(at, ..)| u16::try_from(at).ok());
        if let Some((_, storm, cut_at)) = next {
            client.cut_at(Some(cut_at), storm.is_clean);
        }
    }

    /// It has been cut.
    pub fn cut(&mut self, shared: &Arc<Shared>, ears: Option<&Ears>) {
        self.settle(shared, ears);
        let Some(storm) = self.next.take() else { return };
        shared.storms.cut(storm.into());
        self.away = Some(Away { storm, shared: Arc::clone(shared), is_back: false });
        self.before = ears.map(|ears| Box::new((storm, ears.faults())));
    }

    /// An attempt to come back failed.
    pub fn failed(&self, shared: &Shared, error: &ClientError) {
        if let Some(away) = &self.away {
            shared.storms.failed(away.storm.into(), error.cause());
        }
    }

    /// It is back, whatever it was lost by.
    pub fn back(&mut self, shared: &Shared, client: &mut Client, took: Duration, is_recovered: bool) {
        if let (Some(mut away), Some(start)) = (self.away.take(), shared.start.get()) {
            away.is_back = true;
            let storm = usize::from(away.storm);
            let begun = shared.plan.storms.get(storm).map_or(Duration::ZERO, |plan| plan.at);
            shared.storms.back(storm, start.elapsed().saturating_sub(begun), took, is_recovered);
        }
        if let Some(again) = self.again.as_mut().filter(|_| !is_recovered) {
            again.due = again.events.iter().cloned().collect();
        }
        self.arm(shared, client);
    }

    /// Tells what was missed and what came twice since the last cut.
    pub fn settle(&mut self, shared: &Shared, ears: Option<&Ears>) {
        let (Some(before), Some(ears)) = (self.before.take(), ears) else { return };
        let (storm, (missing, twice)) = *before;
        let now = ears.faults();
        shared.storms.heard(storm.into(), now.0.saturating_sub(missing), now.1.saturating_sub(twice));
    }

    /// Keeps an event for the next return.
    pub fn keep(&mut self, kept: Kept) {
        let events = &mut self.again.get_or_insert_default().events;
        if events.len() < MOST_KEPT {
            events.push(kept);
        }
    }

    /// What is to be sent now that the connection is back.
    pub fn next_to_send(&mut self) -> Option<Kept> {
        self.again.as_mut()?.due.pop_front()
    }
}
