//! Keeps a good connection: notices that it is broken before a caller does where it can, makes the next one,
//! and closes the circuit again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::Shared;
use super::failure::Failure;
use super::link::Link;

/// Pause between attempts while the circuit is still closed, and the least time between two connections.
const BREATH: Duration = Duration::from_millis(50);

/// Makes the first connection.
pub async fn first(shared: &Shared) {
    if let Err(cause) = renew(shared).await {
        tracing::warn!(%cause, "Redis does not answer: the server starts without it");
    }
}

/// Looks after the connection until it is dropped.
pub async fn keep(shared: Arc<Shared>) {
    loop {
        if shared.circuit.is_closed() {
            // Without a word for a while, it asks by itself.
            let _ = timeout(shared.retry_interval, shared.suspect.notified()).await;
        }
        if is_good(&shared).await {
            continue;
        }
        let pause = match renew(&shared).await {
            // A Cluster may take a while to agree on its masters.
            Ok(()) if !shared.address.has_one_master() => shared.retry_interval,
            Ok(()) => BREATH,
            Err(cause) => {
                shared.circuit.failed(&cause);
                if shared.circuit.is_closed() { BREATH } else { shared.retry_interval }
            }
        };
        sleep(pause).await;
    }
}

async fn is_good(shared: &Shared) -> bool {
    let kept = shared.links.borrow().is_some() && !shared.broken.swap(false, Ordering::Relaxed);
    kept && shared.circuit.is_closed() && answers(shared).await
}

async fn renew(shared: &Shared) -> Result<(), Failure> {
    shared.broken.store(false, Ordering::Relaxed);
    let link = Link::connect(&shared.address).await?;
    shared.links.send_replace(Some(link));
    shared.circuit.close();
    Ok(())
}

async fn answers(shared: &Shared) -> bool {
    let asked = shared.run("ping", async |mut link| redis::cmd("PING").query_async::<()>(&mut link).await);
    asked.await.is_ok()
}
