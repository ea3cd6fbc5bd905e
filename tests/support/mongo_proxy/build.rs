//! Index builds in progress, as `$currentOp` shows them.
//!
//! <https://www.mongodb.com/docs/manual/reference/operator/aggregation/currentOp/> names the fields,
//! <https://www.mongodb.com/docs/manual/reference/method/db.currentOp/#active-indexing-operations> the message.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use mongodb::bson::{Document, doc};

use super::locked;
use super::rule::{Command, Gate};

/// The builds that are held back, of one server or of a whole set.
pub type Builds = Arc<Mutex<Vec<Build>>>;

/// One build.
#[derive(Debug)]
pub struct Build {
    /// The `createIndexes`.
    pub command: Command,
    /// Where it waits.
    pub gate: Arc<Gate>,
    /// Since when.
    pub since: Instant,
}

/// Lets `work` wait while `$currentOp` shows the build.
pub fn shown_while(builds: &Builds, command: &Command, gate: &Arc<Gate>, work: impl FnOnce()) {
    let is_build = command.name == "createIndexes";
    if is_build {
        let build = Build { command: command.clone(), gate: Arc::clone(gate), since: Instant::now() };
        locked(builds).push(build);
    }
    work();
    if is_build {
        locked(builds).retain(|build| !Arc::ptr_eq(&build.gate, gate));
    }
}

/// What `$currentOp` says of the builds on a member: the thread that builds, and where the command arrived the
/// connection that waits for it.
pub fn operations(builds: &Builds, member: usize, host: &str, is_primary: bool) -> Vec<Document> {
    let mut operations = Vec::new();
    for build in locked(builds).iter() {
        operations.push(builder(build, member, host));
        if is_primary {
            operations.push(waiting(build, host));
        }
    }
    operations
}

fn builder(build: &Build, member: usize, host: &str) -> Document {
    let (done, total) = build.gate.progress(member);
    let percent = (done * 100).checked_div(total).unwrap_or_default();
    let scanning = "Index Build: scanning collection";
    let mut operation = common(build, host);
    operation.extend(doc! {
        "op": "none", "desc": "IndexBuildsCoordinatorMongod-0",
        "msg": format!("{scanning} {scanning}: {done}/{total} {percent}%"),
        "progress": { "done": done as i64, "total": total as i64 },
    });
    operation
}

fn waiting(build: &Build, host: &str) -> Document {
    let mut operation = common(build, host);
    operation
        .extend(doc! { "op": "command", "desc": "conn17", "connectionId": 17, "client": "127.0.0.1:50000" });
    operation
}

fn common(build: &Build, host: &str) -> Document {
    let Command { database, document, .. } = &build.command;
    let elapsed = build.since.elapsed();
    doc! {
        "type": "op", "host": host, "active": true, "opid": 4_711,
        "secs_running": elapsed.as_secs() as i64, "microsecs_running": elapsed.as_micros() as i64,
        "ns": format!("{database}.{}", build.command.collection()),
        "command": document.clone(), "numYields": 0, "waitingForLock": false,
    }
}
