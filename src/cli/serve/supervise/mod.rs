//! `serve --instances N`: several processes on one port, watched by this one.
//!
//! They share one listening socket, so that a dead instance holds no connection in a backlog of its own and a
//! replaced one loses none. This process accepts nothing; it starts, restarts, replaces and drains.

mod backoff;
mod child;
mod keeper;
mod wishes;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use reference_server::Instance;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::args::Args;
use super::control::Assignment;
use super::settings::{self, Resolved};
use crate::Exit;
use crate::cli::{Error, Outcome, io_error};
use crate::output::{Format, Output};
use child::Child;
pub use child::NotStarted;
use keeper::{Keeper, Order, Seat};
use wishes::Wishes;

/// Time that the kernel has to end a killed process.
const KILL: Duration = Duration::from_secs(2);

/// What all keepers need.
pub struct Fleet {
    listener: TcpListener,
    size: u32,
    meeting_place: PathBuf,
    resolved: RwLock<Resolved>,
}

impl Fleet {
    /// Starts the instance of this number by the settings of now.
    async fn start(&self, seat: Seat) -> Result<Child, NotStarted> {
        let (meeting_place, Seat { number, restarts, has_other_name }) = (self.meeting_place.clone(), seat);
        let instance = Instance { number, of: self.size, restarts, has_other_name, meeting_place };
        let plain = self.resolved.read().unwrap_or_else(PoisonError::into_inner).plain.clone();
        Child::start(&self.listener, &Assignment { instance, plain }).await
    }

    fn drain_deadline(&self) -> Duration {
        self.resolved.read().unwrap_or_else(PoisonError::into_inner).settings.server.drain_deadline
    }

    fn adopt(&self, resolved: Resolved) -> Resolved {
        std::mem::replace(&mut *self.resolved.write().unwrap_or_else(PoisonError::into_inner), resolved)
    }
}

/// A keeper at work.
struct Kept {
    orders: mpsc::Sender<Order>,
    work: JoinHandle<()>,
}

/// Runs the instances until a signal ends them.
pub async fn run(args: Args, resolved: Resolved, listener: TcpListener, size: u32) -> Outcome {
    let wishes = Wishes::listen().map_err(io_error("signals cannot be received"))?;
    let address = listener.local_addr().map_err(io_error("the address cannot be read"))?;
    let folder = meeting_place()?;
    let meeting_place = folder.path().to_owned();
    let fleet = Arc::new(Fleet { listener, size, meeting_place, resolved: RwLock::new(resolved) });
    let output = Output::new(Format::Table, false);
    let kept = tokio::select! {
        started = start(&fleet, &wishes.cut) => started?,
        () = wishes.end.cancelled() => return Ok(Exit::Interrupted),
    };
    // Whoever started it and went away without reading does not need to be told.
    output.result(&format!("listening on http://{address}")).ok();
    tokio::select! {
        () = reload_when_told(&args, &fleet, &kept, &wishes, output) => {}
        () = wishes.end.cancelled() => {}
    }
    output.note("stopping: the instances drain; a second signal cuts them off");
    Ok(end(kept, &wishes.cut, output).await)
}

async fn end(kept: Vec<Kept>, cut: &CancellationToken, output: Output) -> Exit {
    let stopping = stop(kept);
    tokio::pin!(stopping);
    tokio::select! {
        () = &mut stopping => {
            output.note("stopped");
            Exit::Done
        }
        () = cut.cancelled() => {
            tokio::time::timeout(KILL, stopping).await.ok();
            Exit::Interrupted
        }
    }
}

/// Where the instances meet, for this user alone.
fn meeting_place() -> Result<TempDir, Error> {
    /// What the path of a Unix socket may have, less the socket's own name.
    const LONGEST: usize = 96;
    let folder = tempfile::Builder::new().prefix("scalectl-").tempdir();
    let folder = folder.map_err(io_error("no temporary folder could be made"))?;
    if folder.path().as_os_str().len() > LONGEST {
        let path = folder.path().display();
        return Err(Error::Usage(format!(
            "{path} is too long a path for sockets: set TMPDIR to a shorter one"
        )));
    }
    Ok(folder)
}

/// The first instance alone, because it makes what is not there yet: the schema, indexes. Then the others.
async fn start(fleet: &Arc<Fleet>, cut: &CancellationToken) -> Result<Vec<Kept>, Error> {
    let keeper = async |number: u32| {
        let started = Keeper::start(number, Arc::clone(fleet)).await;
        started.map_err(|source| Error::Instance { number, source })
    };
    let first = keeper(1).await?;
    let others = try_join_all((2..=fleet.size).map(keeper)).await?;
    let keepers = std::iter::once(first).chain(others);
    Ok(keepers.map(|keeper| Kept::new(keeper, cut)).collect())
}

impl Kept {
    fn new(keeper: Keeper, cut: &CancellationToken) -> Self {
        let (orders, received) = mpsc::channel(1);
        Self { orders, work: tokio::spawn(keeper.keep(received, cut.clone())) }
    }
}

async fn reload_when_told(args: &Args, fleet: &Fleet, kept: &[Kept], wishes: &Wishes, output: Output) {
    loop {
        wishes.reload.notified().await;
        match reload(args, fleet, kept, output).await {
            Ok(()) => output.note(&format!("reloaded: {} instances replaced", kept.len())),
            Err(why) => output.error(&format!("{why}\nnot reloaded: the settings of before stay")),
        }
    }
}

/// Reads the settings again and replaces one instance after the other. Settings with a mistake change nothing; a
/// new process that does not come up ends the attempt, and those before it are replaced back.
async fn reload(args: &Args, fleet: &Fleet, kept: &[Kept], output: Output) -> Result<(), Error> {
    let resolved = settings::load(args)?;
    note_what_stays(fleet, &resolved, output);
    let before = fleet.adopt(resolved);
    for (index, one) in kept.iter().enumerate() {
        if let Err(source) = replace(one).await {
            fleet.adopt(before);
            for replaced in &kept[..index] {
                replace(replaced).await.ok();
            }
            return Err(Error::Instance { number: index as u32 + 1, source });
        }
    }
    Ok(())
}

fn note_what_stays(fleet: &Fleet, new: &Resolved, output: Output) {
    let (old, new) = (fleet.resolved.read().unwrap_or_else(PoisonError::into_inner), &new.settings);
    let is_same = (old.settings.listen, old.settings.instances) == (new.listen, new.instances);
    if !is_same {
        output.note("`listen` and `instances` change with a restart only");
    }
}

async fn replace(kept: &Kept) -> Result<(), NotStarted> {
    let (done, replaced) = oneshot::channel();
    kept.orders.send(Order::Replace(done)).await.ok();
    replaced.await.unwrap_or(Ok(()))
}

async fn stop(kept: Vec<Kept>) {
    join_all(kept.into_iter().map(async |one| {
        one.orders.send(Order::Stop).await.ok();
        one.work.await.ok();
    }))
    .await;
}
