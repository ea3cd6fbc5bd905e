//! What a process does besides requests: it answers other processes, repairs, compares, and keeps tidy.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::{Node, Ward};
use crate::phase::{Phase, Service};
use crate::port::{Event, Port};
use crate::sync::until;
use crate::wire::message::Message;

/// Pause after a repair that failed: Redis is away, or somebody is in the way.
const PAUSE: Duration = Duration::from_millis(100);

/// Time between two looks for what has expired, is not used, or was decided.
const TIDY: Duration = Duration::from_secs(1);

impl<P: Port> Node<P> {
    /// Hears the other processes. Keys are given back and taken side by side: one that waits for Redis holds up no other.
    pub(super) async fn keep_answering(&self) {
        let mut moving = FuturesUnordered::new();
        loop {
            let event = {
                let next = std::pin::pin!(self.next_event());
                // Without any key to move the set would be ready at once, again and again.
                let moved = std::pin::pin!(async {
                    if moving.next().await.is_none() {
                        std::future::pending::<()>().await;
                    }
                });
                match select(next, moved).await {
                    Either::Left((event, _)) => event,
                    Either::Right(_) => continue,
                }
            };
            match event {
                Some(Event::Message(Message::Wanted { key, to })) => {
                    if let Some(ward) = self.wards().into_iter().find(|ward| ward.has(&key)) {
                        moving.push(async move { ward.give(key, to).await }.boxed());
                    }
                }
                Some(Event::Message(Message::Adopt { key })) => {
                    if let Some(ward) = self.wards().into_iter().find(|ward| ward.has(&key)) {
                        moving.push(async move { ward.adopt(key).await }.boxed());
                    }
                }
                Some(event) => self.hear(&event),
                None => {}
            }
        }
    }

    /// The next event, or nothing when the process has become another incarnation, whose inbox is another.
    async fn next_event(&self) -> Option<Event> {
        let incarnation = self.shared.view().incarnation;
        let is_another = || (self.shared.view().incarnation != incarnation).then_some(());
        let event = std::pin::pin!(self.shared.port.event(incarnation));
        let another = std::pin::pin!(until(&self.shared.changed, is_another));
        match select(event, another).await {
            Either::Left((event, _)) => Some(event),
            Either::Right(_) => None,
        }
    }

    fn hear(&self, event: &Event) {
        match event {
            Event::Message(Message::Free { key }) => {
                self.wards().iter().filter(|ward| ward.has(key)).for_each(|ward| ward.freed(key));
            }
            Event::Message(Message::Wanted { .. } | Message::Adopt { .. }) => {}
            Event::Steered => self.shared.poke.notify_one(),
            Event::Forgot => {
                self.retell();
                self.shared.poke.notify_one();
            }
        }
    }

    /// Tells Redis what it lacks.
    pub(super) async fn keep_repairing(&self, ward: Arc<dyn Ward>) {
        loop {
            ward.indebted().await;
            if !ward.repair().await {
                self.shared.port.sleep(PAUSE).await;
            }
        }
    }

    /// Compares samples in the phases that are for it.
    pub(super) async fn keep_comparing(&self) {
        loop {
            self.shared.port.sleep(self.shared.settings.compare_every).await;
            if matches!(self.shared.view().phase, Phase::Shadow | Phase::ReadNew) {
                for ward in self.wards() {
                    ward.compare().await;
                }
            }
        }
    }

    /// Forgets what has expired, gives back what is not used, and does what was decided on conflicts.
    pub(super) async fn keep_tidy(&self) {
        loop {
            self.shared.port.sleep(TIDY).await;
            for ward in self.wards() {
                ward.tidy().await;
                if matches!(self.shared.view().phase.service(), Service::Owner) {
                    ward.settle_conflicts().await;
                }
            }
        }
    }
}
