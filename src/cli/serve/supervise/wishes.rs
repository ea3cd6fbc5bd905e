//! What the operator wishes, by signal.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The wishes so far.
pub struct Wishes {
    /// Drain and end: SIGTERM, Ctrl-C, or a terminal that is gone.
    pub end: CancellationToken,
    /// End at once: a second such signal.
    pub cut: CancellationToken,
    /// Read the settings again: SIGHUP.
    pub reload: Arc<Notify>,
}

impl Wishes {
    /// Listens from now on.
    pub fn listen() -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let had_terminal = io::stderr().is_terminal();
        let (end, cut, reload) =
            (CancellationToken::new(), CancellationToken::new(), Arc::new(Notify::new()));
        let wishes = Self { end: end.clone(), cut: cut.clone(), reload: Arc::clone(&reload) };
        tokio::spawn(async move {
            loop {
                let is_end = tokio::select! {
                    _ = terminate.recv() => true,
                    _ = interrupt.recv() => true,
                    // The kernel sends it, too, when somebody closes the window.
                    _ = hangup.recv() => had_terminal && !io::stderr().is_terminal(),
                };
                match is_end {
                    false => reload.notify_one(),
                    true if end.is_cancelled() => cut.cancel(),
                    true => end.cancel(),
                }
            }
        });
        Ok(wishes)
    }
}
