//! Rate limits in front of the events of a socket.
//!
//! Where the buckets are in Redis, an event may have to wait for its verdict; the ones behind it then wait too, so
//! that events are handled in their order.

use std::future::ready;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either};
use serde_json::Value;

use super::backplane::SocketRef;
use super::chat;
use super::dispatch::{self, Handling};
use super::reply::Reply;
use super::session::Session;
use crate::rate::{Action, Limited};

/// One event of a socket, with the way back.
pub struct Incoming {
    /// Who sent it.
    pub session: Arc<Session>,
    /// From where.
    pub socket: SocketRef,
    /// Its name.
    pub name: String,
    /// What it says.
    pub payload: Option<Value>,
    /// For the answer.
    pub reply: Reply,
}

impl Incoming {
    /// Handles the event, unless it is one too many.
    pub fn handle(self) -> Either<Handling, BoxFuture<'static, ()>> {
        if !self.session.app.limiter.may_wait() {
            return self.decided_here();
        }
        let mut turn = Box::pin(Arc::clone(&self.session.turn).lock_owned());
        let mine = (&mut turn).now_or_never();
        let action = limited(&self.name);
        if mine.is_some() && action.is_none() {
            return Either::Left(self.dispatch());
        }
        Either::Right(Box::pin(async move {
            let mine = match mine {
                Some(mine) => mine,
                None => turn.await,
            };
            let verdict = match action {
                Some((action, _)) => self.check(action).await,
                None => Ok(()),
            };
            match verdict {
                Ok(()) => {
                    let handling = self.dispatch();
                    drop(mine);
                    handling.await;
                }
                Err(limited) => self.refuse(limited),
            }
        }))
    }

    /// Without waiting: nothing is limited, or the buckets are in this process.
    fn decided_here(self) -> Either<Handling, BoxFuture<'static, ()>> {
        let verdict = limited(&self.name).and_then(|(action, _)| self.check(action).now_or_never());
        match verdict {
            Some(Err(limited)) => {
                self.refuse(limited);
                Either::Left(Either::Left(ready(())))
            }
            _ => Either::Left(self.dispatch()),
        }
    }

    async fn check(&self, action: Action) -> Result<(), Limited> {
        self.session.app.limiter.check(action, self.session.person.id).await
    }

    fn dispatch(self) -> Handling {
        let Self { session, socket, name, payload, reply } = self;
        dispatch::dispatch(&session, socket, &name, payload, reply)
    }

    fn refuse(self, refusal: Limited) {
        let Self { session, socket, name, reply, .. } = self;
        let event = limited(&name).map_or("unknown", |(_, event)| event);
        session.app.telemetry.socket_event(event, false);
        reply.refuse(&session.app, &socket, &refusal);
    }
}

/// What an event counts as, and its name out of those that exist.
fn limited(event: &str) -> Option<(Action, &'static str)> {
    match event {
        chat::SEND => Some((Action::Message, chat::SEND)),
        "chess:create" => Some((Action::Room, "chess:create")),
        "chess:move" => Some((Action::Move, "chess:move")),
        _ => None,
    }
}
