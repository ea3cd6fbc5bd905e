//! One of the instances under a supervisor: everything it needs comes over stdin and stdout.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use reference_server::{Config, Served};
use tokio::net::TcpListener;

use super::control::{Assignment, Control, Report};
use super::log::Log;
use super::settings::{self, Settings};
use crate::cli::{Error, Outcome, io_error};
use crate::{Exit, signal};

/// Serves what the supervisor assigns, until it says so or is gone.
pub async fn run() -> Outcome {
    let (listener, mut control) =
        inherited().map_err(io_error("this command is for `scalectl serve` alone"))?;
    let Some(assignment) = control.hear::<Assignment>().await else { return Ok(Exit::Interrupted) };
    let number = assignment.instance.number;
    let Settings { log, server, .. } = settings::read(&assignment.plain)?;
    let log = Log::open(&log, Some(number)).await?;
    let config = Config { instance: Some(assignment.instance), ..server };
    let outcome = serve(listener, config, control).await;
    log.close().await;
    outcome.map(|_| Exit::Done)
}

async fn serve(listener: TcpListener, config: Config, mut control: Control) -> Result<Served, Error> {
    // It is first asked whether to stop when it serves.
    let stop = async {
        control.tell(&Report::Ready).await;
        tokio::select! {
            () = signal::interrupt().cancelled_owned() => {}
            () = control.closed() => tracing::warn!("the supervisor is gone: this instance drains"),
        }
    };
    let served = reference_server::serve(listener, config, stop).await;
    if let Err(refused) = &served {
        control.tell(&Report::Refused { why: refused.to_string() }).await;
    }
    Ok(served?)
}

/// The listener and the socket to the supervisor, which this process was started with.
fn inherited() -> std::io::Result<(TcpListener, Control)> {
    let listener: OwnedFd = std::io::stdin().as_fd().try_clone_to_owned()?;
    let listener = std::net::TcpListener::from(listener);
    listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let control: OwnedFd = std::io::stdout().as_fd().try_clone_to_owned()?;
    let control = UnixStream::from(control);
    control.peer_addr()?;
    control.set_nonblocking(true)?;
    Ok((TcpListener::from_std(listener)?, Control::new(tokio::net::UnixStream::from_std(control)?)))
}
