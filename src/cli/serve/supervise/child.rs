//! One running instance, as the supervisor sees it.

use std::os::fd::{AsFd, OwnedFd};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::UnixStream;
use tokio::process::{Child as Process, Command};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::super::INSTANCE_COMMAND;
use super::super::control::{Assignment, Control, Report};
use crate::program::own_program;

/// Time that an instance may take from its start to its first connection: it may have indexes to build.
const START: Duration = Duration::from_secs(120);

/// Time beyond the drain deadline before an instance that was told to end is ended.
const MARGIN: Duration = Duration::from_secs(5);

/// Why an instance did not come up.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// It said so itself; it would say the same again.
    #[error("{0}")]
    Refused(String),
    /// It ended, without a word.
    #[error("it ended before it was ready: {0}")]
    Ended(ExitStatus),
    /// It is still not ready.
    #[error("it was not ready within {} s", START.as_secs())]
    Slow,
    /// There is no process.
    #[error("the process could not be started: {0}")]
    System(#[from] std::io::Error),
}

/// A process that is ready. Killed when dropped; [`Child::drain`] is the friendlier end.
pub struct Child {
    process: Process,
    /// Kept open: an instance whose supervisor is gone drains.
    _control: Control,
    ready: Instant,
}

impl Child {
    /// Starts an instance on the listener, and waits until it serves.
    pub async fn start(listener: &impl AsFd, assignment: &Assignment) -> Result<Self, NotStarted> {
        let (ours, theirs) = UnixStream::pair()?;
        let theirs = theirs.into_std()?;
        let mut process = command()
            .stdin(Stdio::from(listener.as_fd().try_clone_to_owned()?))
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            .spawn()?;
        let mut control = Control::new(ours);
        let ready = timeout(START, async {
            control.tell(assignment).await;
            match control.hear().await {
                Some(Report::Ready) => Ok(()),
                Some(Report::Refused { why }) => Err(NotStarted::Refused(why)),
                None => Err(NotStarted::Ended(process.wait().await?)),
            }
        });
        ready.await.unwrap_or(Err(NotStarted::Slow))?;
        Ok(Self { process, _control: control, ready: Instant::now() })
    }

    /// Its process id.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// How long it has served.
    pub fn uptime(&self) -> Duration {
        self.ready.elapsed()
    }

    /// Waits until it ends.
    pub async fn ended(&mut self) -> String {
        self.process.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string())
    }

    /// Asks it to drain, and ends it when it takes too long or `cut` says so.
    pub async fn drain(mut self, deadline: Duration, cut: &CancellationToken) {
        let pid = self.process.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(pid) = pid {
            kill_process(pid, Signal::TERM).ok();
        }
        tokio::select! {
            drained = timeout(deadline + MARGIN, self.process.wait()) => match drained {
                Ok(_) => return,
                Err(_) => tracing::warn!(pid = ?pid, "an instance does not end: it is killed"),
            },
            () = cut.cancelled() => {}
        }
        self.process.kill().await.ok();
    }
}

/// In a process group of its own: Ctrl-C is for the supervisor, which then drains its instances.
fn command() -> Command {
    let mut command = Command::new(own_program());
    command.arg0("scalectl").arg(INSTANCE_COMMAND).process_group(0).kill_on_drop(true);
    command
}
