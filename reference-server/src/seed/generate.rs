//! Makes up all rows of a plan, batch by batch.

use super::chance::{REMEMBERED, UNREAD, at};
use super::people::{self, People};
use super::{SeedPlan, graph, posts, talk};
use crate::domain::{NotificationId, NotificationKind, PostId, UserId};
use crate::store::bulk::{Batch, NotificationRow};

/// Rows of one batch, about.
const FULL: usize = 50_000;

/// Takes batches until it answers that it wants no more.
type Emit<'a> = &'a mut dyn FnMut(Batch) -> bool;

/// Where rows go.
pub struct Sink<'a> {
    /// The rows of the batch that is being filled.
    pub batch: Batch,
    emit: Emit<'a>,
    wanted: bool,
}

/// Makes up all rows. A batch refers to nothing that comes after it.
pub fn generate(plan: &SeedPlan, password_hash: &str, emit: Emit<'_>) {
    let mut sink = Sink { batch: Batch::default(), emit, wanted: true };
    let everybody = People::new(plan);
    people::people(plan, &everybody, &graph::degrees(plan), password_hash, &mut sink);
    graph::edges(plan, &everybody, &mut sink);
    posts::posts(plan, &everybody, &mut sink);
    talk::talk(plan, &everybody, &mut sink);
    sink.flush();
}

impl Sink<'_> {
    /// Hands a full batch on. Tells whether more is wanted.
    pub fn flush_if_full(&mut self) -> bool {
        if self.batch.rows() >= FULL {
            self.flush();
        }
        self.wanted
    }

    fn flush(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        self.wanted = self.wanted && (self.emit)(batch);
    }

    /// Tells somebody what somebody else did, if it is not too long ago.
    pub fn notify(
        &mut self,
        id: NotificationId,
        millis: i64,
        user: UserId,
        kind: NotificationKind,
        actor: UserId,
        subject: Option<PostId>,
    ) {
        if millis >= REMEMBERED && user != actor {
            let (created_at, read) = (at(millis), millis < UNREAD);
            self.batch.notifications.push(NotificationRow {
                id,
                user,
                kind,
                actor,
                subject,
                created_at,
                read,
            });
        }
    }
}
