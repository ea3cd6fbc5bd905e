//! The `fanout` step: publishing with a stamp on every message, and listening for the stamps of others.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::session::{Session, keep_driving};
use super::socket::{late, no_session};
use super::user::{Ending, StepResult, VirtualUser};
use crate::clients::socketio::{Outgoing, Packet};
use crate::load::fanout::RoomBook;
use crate::load::fanout::account::Ear;
use crate::load::fanout::stamp::{Stamp, room_mark};
use crate::load::recorder::Failure;
use crate::load::scenario::plan::{FanoutStep, MetricId, Publishing, Think, Times};
use crate::load::scenario::template::epoch_micros;

/// What the user of a connection listens to, and the streams that it publishes.
#[derive(Debug, Default)]
pub struct Ears {
    rooms: Vec<Listened>,
    streams: Vec<OwnStream>,
}

/// A room that is listened in.
#[derive(Debug)]
struct Listened {
    step: Arc<FanoutStep>,
    mark: u32,
    ear: Ear,
}

/// What this user publishes in a room: one stream, however often the step is repeated.
#[derive(Debug)]
struct OwnStream {
    metric: MetricId,
    mark: u32,
    id: u64,
    number: u32,
}

impl Ears {
    fn listen(&mut self, step: &Arc<FanoutStep>, mark: u32, book: &Arc<RoomBook>) {
        let is_there = |known: &Listened| known.step.metric == step.metric && known.mark == mark;
        if !self.rooms.iter().any(is_there) {
            let ear = Ear::new(Arc::clone(book));
            self.rooms.push(Listened { step: Arc::clone(step), mark, ear });
        }
    }

    /// The stamp of the next message in a room; whoever publishes there does not listen to itself.
    fn next_stamp(&mut self, metric: MetricId, mark: u32, sent_micros: u64) -> Stamp {
        let at = self.streams.iter().position(|own| own.metric == metric && own.mark == mark);
        let at = at.unwrap_or_else(|| {
            self.streams.push(OwnStream { metric, mark, id: rand::random(), number: 0 });
            self.streams.len() - 1
        });
        let own = &mut self.streams[at];
        own.number += 1;
        let stamp = Stamp { room: mark, stream: own.id, number: own.number, sent_micros };
        let is_same = |known: &&mut Listened| known.step.metric == metric && known.mark == mark;
        self.rooms.iter_mut().filter(is_same).for_each(|room| room.ear.except(stamp.stream));
        stamp
    }

    /// Takes an event in; the row and the time of the delivery that it is.
    pub fn hear(&mut self, packet: &Packet, event: &str) -> Option<(MetricId, Duration)> {
        let at_micros = epoch_micros();
        let is_meant = |room: &&mut Listened| {
            let listen = room.step.listen.as_ref();
            listen.is_some_and(|listen| listen.event == event) && room.step.join.namespace == packet.namespace
        };
        let mut meant = self.rooms.iter_mut().filter(is_meant).peekable();
        meant.peek()?;
        let anywhere = Stamp::find(&packet.payload);
        meant.find_map(|room| {
            let stamp_at = room.step.listen.as_ref().and_then(|listen| listen.stamp_at.as_ref());
            let stamp = match stamp_at {
                None => anywhere,
                Some(path) => {
                    let arguments = Value::Array(packet.arguments().ok()?);
                    Stamp::find(path.find(&arguments)?.as_str()?)
                }
            };
            let stamp = stamp.filter(|stamp| stamp.room == room.mark)?;
            let took = room.ear.take(&stamp, at_micros)?;
            Some((room.step.metric, Duration::from_micros(took)))
        })
    }

    /// What is missing so far, and what came twice.
    pub fn faults(&self) -> (u64, u64) {
        let rooms = self.rooms.iter().map(|room| (room.ear.missing(), room.ear.duplicates()));
        rooms.fold((0, 0), |(missing, twice), (more, again)| (missing + more, twice + again))
    }

    /// How long to go on when the user's time is over.
    fn linger(&self) -> Option<Duration> {
        self.rooms.iter().filter_map(|room| Some(room.step.listen.as_ref()?.linger)).max()
    }
}

impl VirtualUser {
    /// Begins to listen, which goes on until the iteration ends; publishes, which is done when the step is.
    pub(super) fn fanout<'a>(&'a mut self, step: &'a Arc<FanoutStep>) -> BoxFuture<'a, StepResult> {
        Box::pin(async move {
            self.ensure_joined(&step.join).await?;
            let room = step.room.render(&self.slots).map_err(|error| self.broken(&error))?;
            let mark = room_mark(step.metric, &room);
            let Some(book) = self.shared.fanouts.room(step.metric, &room) else {
                return Err(self.broken("`fanout` has more rooms than a process keeps account of"));
            };
            if step.listen.is_some()
                && let Some(Session::SocketIo(session)) = &mut self.session
            {
                session.ears().listen(step, mark, &book);
            }
            match &step.publish {
                Some(publishing) => self.publish(step, publishing, mark, &book).await,
                None => Ok(()),
            }
        })
    }

    /// Publishes one message after the other, each at its time, however long those before it took.
    async fn publish(
        &mut self,
        step: &FanoutStep,
        publishing: &Publishing,
        mark: u32,
        book: &RoomBook,
    ) -> StepResult {
        let count = self.message_count(&publishing.times).map_err(|error| self.broken(&error))?;
        let every = publishing.every;
        let (mut done, mut due) = (0, self.due);
        while count.map_or_else(|| Instant::now() < self.ends_at, |count| done < count) {
            if done > 0 {
                self.due = due;
                due += every;
                self.think(Think { min: every, max: every }).await?;
            }
            if self.is_over() {
                return Err(Ending::Cut);
            }
            self.publish_one(step, publishing, mark, book).await?;
            done += 1;
        }
        self.due = Instant::now();
        Ok(())
    }

    /// How many messages; none is as many as the user's time allows.
    fn message_count(&self, times: &Times) -> Result<Option<u64>, String> {
        match times {
            Times::Count(_, end) => Ok(Some(*end)),
            Times::Computed(template) => self.computed_count(template).map(Some),
            Times::Over(_) | Times::While(_) | Times::Forever => Ok(None),
        }
    }

    async fn publish_one(
        &mut self,
        step: &FanoutStep,
        publishing: &Publishing,
        mark: u32,
        book: &RoomBook,
    ) -> StepResult {
        let mut payload = publishing.payload.render(&self.slots).map_err(|error| self.broken(&error))?;
        let Some(Session::SocketIo(session)) = &mut self.session else {
            let begun = self.begin(publishing.metric);
            return self.finish(publishing.metric, begun, Err(no_session()));
        };
        // A message that is late counts from when it was due.
        let sent_micros = epoch_micros().saturating_sub(self.due.elapsed().as_micros() as u64);
        let stamp = session.ears().next_stamp(step.metric, mark, sent_micros);
        let payload = stamped(&mut payload, publishing, &stamp).map_err(|error| self.broken(&error))?;
        let begun = self.begin(publishing.metric);
        match self.send_published(step, payload).await {
            Ok(()) => {
                self.in_flight = None;
                self.shared.recorder.sent(publishing.metric);
                book.sent(&stamp);
                Ok(())
            }
            Err(failure) => self.finish(publishing.metric, begun, Err(failure)),
        }
    }

    async fn send_published(&mut self, step: &FanoutStep, payload: Outgoing) -> Result<(), Failure> {
        let shared = Arc::clone(&self.shared);
        let awaited = &shared.plan.scenarios[self.scenario].awaited;
        let (namespace, limit) = (&step.join.namespace, step.join.timeout);
        let mut session = self.take_session().ok_or_else(no_session)?;
        timeout(limit, session.emit(namespace, payload, false, awaited))
            .await
            .map_err(|_| late(false, limit))??;
        self.session = Some(Session::SocketIo(session));
        Ok(())
    }

    /// When its time is over, a listener goes on for what is still under way.
    pub(super) async fn listen_on(&mut self) {
        let linger = match &mut self.session {
            Some(Session::SocketIo(session)) if session.has_ears() => session.ears().linger(),
            _ => None,
        };
        let Some(linger) = linger else { return };
        let shared = Arc::clone(&self.shared);
        let awaited = &shared.plan.scenarios[self.scenario].awaited;
        tokio::select! {
            _ = timeout(linger, keep_driving(self.session.as_mut(), awaited)) => {}
            () = shared.stop.hard.cancelled() => {}
        }
    }
}

/// What is sent: the rendered arguments with the stamp in its place, behind the event's name.
fn stamped(payload: &mut Value, publishing: &Publishing, stamp: &Stamp) -> Result<Outgoing, String> {
    let items = payload.as_array_mut().ok_or("there are no arguments to publish")?;
    let mut arguments = Value::Array(items.split_off(1));
    publishing.stamp.put(&mut arguments, &stamp.to_string())?;
    if let Value::Array(arguments) = arguments {
        items.extend(arguments);
    }
    Outgoing::new(payload.take())
}
