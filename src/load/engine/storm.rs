//! What a connection loses: when a storm cuts it and what becomes of it then, and what was missed meanwhile, whatever it
//! was lost by.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::fanout::Ears;
use super::shared::Shared;
use crate::clients::ClientError;
use crate::clients::socketio::{Client, Outgoing};
use crate::load::disconnect::Return;

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
    /// What it had heard when it was last lost.
    before: Option<Box<Before>>,
    again: Option<Box<Again>>,
}

/// What a listener had missed and got twice when its connection was lost, with the storm that did it.
#[derive(Debug)]
struct Before {
    storm: Option<u16>,
    missed: u64,
    duplicates: u64,
}

impl Before {
    fn new(storm: Option<u16>, ears: &Ears) -> Box<Self> {
        let (missed, duplicates) = ears.faults();
        Box::new(Self { storm, missed, duplicates })
    }
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
        if !*is_back && shared.elapsed().is_some() {
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
        self.before = ears.map(|ears| Before::new(Some(storm), ears));
    }

    /// It has been lost, and no storm did it. Whoever is away because of one is lost already.
    pub fn lost(&mut self, shared: &Shared, ears: Option<&Ears>, error: &ClientError) {
        let Some(elapsed) = shared.elapsed().filter(|_| self.away.is_none()) else { return };
        if shared.disconnects.lost(self.user, elapsed, error.cause()) {
            self.settle(shared, ears);
            self.before = ears.map(|ears| Before::new(None, ears));
        }
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
        shared.connected(self.user, if is_recovered { Return::Recovered } else { Return::Rejoined });
        if let Some(again) = self.again.as_mut().filter(|_| !is_recovered) {
            again.due = again.events.iter().cloned().collect();
        }
        self.arm(shared, client);
    }

    /// Tells what was missed and what came twice since the last cut.
    pub fn settle(&mut self, shared: &Shared, ears: Option<&Ears>) {
        let (Some(before), Some(ears)) = (self.before.take(), ears) else { return };
        let (missed, duplicates) = ears.faults();
        let missed = missed.saturating_sub(before.missed);
        let duplicates = duplicates.saturating_sub(before.duplicates);
        match before.storm {
            Some(storm) => shared.storms.heard(storm.into(), missed, duplicates),
            None => shared.disconnects.heard(missed, duplicates),
        }
    }

    /// Keeps an event for the next return.
    pub fn keep(&mut self, kept: Kept) {
        let events = &mut self.again.get_or_insert_default().events;
        if events.len() < MOST_KEPT {
            events.push(kept);
        }
    }

    /// Whether something is to be sent now that the connection is back.
    pub fn has_to_send(&self) -> bool {
        self.again.as_ref().is_some_and(|again| !again.due.is_empty())
    }

    /// What is to be sent now that the connection is back.
    pub fn next_to_send(&mut self) -> Option<Kept> {
        self.again.as_mut()?.due.pop_front()
    }
}
