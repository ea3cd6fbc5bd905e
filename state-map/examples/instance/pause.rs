//! A stop between the read and the write of one operation.

use std::sync::{Arc, mpsc};

use state_map::{Change, Refused};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, block_in_place};

use crate::serve::{App, appended};

/// An operation that stops once, when it has read and before it writes.
pub struct Paused {
    /// Tells that it has read; closed when the operation ended without reading.
    pub reached: oneshot::Receiver<()>,
    /// Lets it go on.
    pub go: mpsc::Sender<()>,
    /// What becomes of it.
    pub outcome: JoinHandle<Result<Option<Vec<u64>>, Refused>>,
}

/// Begins to append.
pub fn append(app: Arc<App>, key: String, item: u64) -> Paused {
    let (tell, reached) = oneshot::channel();
    let (go, gone) = mpsc::channel();
    let mut stop = Some((tell, gone));
    let outcome = tokio::spawn(async move {
        let change = |list: Option<&Vec<u64>>| {
            if let Some((tell, gone)) = stop.take() {
                let _ = tell.send(());
                // Ends as well when the connection that was to say `go` is closed.
                let _ = block_in_place(|| gone.recv());
            }
            (Change::Set(appended(list, item), None), list.cloned())
        };
        app.lists.update(&key, change).await
    });
    Paused { reached, go, outcome }
}
