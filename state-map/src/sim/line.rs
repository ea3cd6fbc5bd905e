//! The lines between processes and servers, and what comes over them unasked: messages, changes of the record, and that
//! a server is another one than before.

use std::collections::{BTreeMap, VecDeque};

use tokio::sync::oneshot;

use super::executor::Process;
use super::network::{Happening, Network};
use super::store::Server;
use crate::control::Id;
use crate::port::Event;
use crate::wire::call::Call;
use crate::wire::message::Message;

/// One process's way to the servers.
#[derive(Default)]
pub struct Line {
    pub process: usize,
    /// Which history of each server its connections are to.
    pub known: BTreeMap<Server, u32>,
    pub listens: Id,
    pub events: VecDeque<Event>,
    listener: Option<oneshot::Sender<()>>,
    /// Nothing gets through before this time.
    pub cut_until: u64,
    pub is_gone: bool,
    pub wall_skew_ms: i64,
    pub started_us: u64,
}

impl Network {
    /// A new line to the servers.
    pub fn open_line(&mut self, process: Process, wall_skew_ms: i64) -> usize {
        let known = self.store.servers().map(|server| (server, self.store.history(server))).collect();
        let line =
            Line { process: process.0, known, wall_skew_ms, started_us: self.now_us, ..Line::default() };
        self.lines.push(line);
        self.lines.len() - 1
    }

    /// A new connection to another server than before: the process is told before it hears anything from it.
    pub fn notice(&mut self, port: usize, server: Server) {
        let history = self.store.history(server);
        let line = &mut self.lines[port];
        if line.known.insert(server, history) != Some(history) {
            self.deliver(port, Event::Forgot);
        }
    }

    /// All lines notice a fail-over some time.
    pub fn notice_soon(&mut self, server: Server) {
        for port in 0..self.lines.len() {
            let delay = self.weather.late_us(&mut self.rng);
            self.after(delay, Happening::Notice(port, server));
        }
    }

    /// Whether somebody may hear yet that a key is wanted.
    pub fn is_wanting(&self) -> bool {
        let wants = |event: &Event| matches!(event, Event::Message(Message::Wanted { .. }));
        let may_want = |happening: &Happening| match happening {
            Happening::Arrive(sent) => matches!(*sent.call, Call::Claim(_)),
            Happening::Deliver(_, _, event) => wants(event),
            _ => false,
        };
        self.agenda.values().any(may_want) || self.lines.iter().any(|line| line.events.iter().any(wants))
    }

    pub fn publish(&mut self) {
        for (to, message) in self.store.take_published() {
            for port in 0..self.lines.len() {
                self.tell(port, to, &Event::Message(message.clone()));
            }
        }
        if self.store.take_steered() {
            for port in 0..self.lines.len() {
                self.tell(port, Id::NONE, &Event::Steered);
            }
        }
    }

    /// Messages may be lost, or come twice.
    fn tell(&mut self, port: usize, to: Id, event: &Event) {
        if self.lines[port].is_gone || (!to.is_none() && self.lines[port].listens != to) {
            return;
        }
        for _ in 0..1 + u32::from(self.chance(self.weather.doubled)) {
            if !self.chance(self.weather.lost) && self.lines[port].cut_until <= self.now_us {
                let delay = self.weather.delay_us(&mut self.rng);
                self.after(delay, Happening::Deliver(port, to, event.clone()));
            }
        }
    }

    pub fn deliver(&mut self, port: usize, event: Event) {
        let line = &mut self.lines[port];
        if line.is_gone {
            return;
        }
        line.events.push_back(event);
        if let Some(listener) = line.listener.take() {
            let _gone = listener.send(());
        }
    }

    /// The next event of a port, or a receiver that says when there may be one.
    pub fn event(&mut self, port: usize, incarnation: Id) -> Result<Event, oneshot::Receiver<()>> {
        let line = &mut self.lines[port];
        line.listens = incarnation;
        line.events.pop_front().ok_or_else(|| {
            let (sender, receiver) = oneshot::channel();
            line.listener = Some(sender);
            receiver
        })
    }
}
