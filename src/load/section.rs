//! The sections of a scenario file that are gone through once in a run, before its load and after it. However many
//! processes make the load, one does this: the lead, or the only one.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::crew::reach;
use super::engine::{Once, once};
use super::run::LoadError;
use super::scenario::Plan;

/// How long a section may take.
const LIMIT: Duration = Duration::from_secs(60);
/// The same after Ctrl-C.
const INTERRUPT_LIMIT: Duration = Duration::from_millis(500);

/// What a section has set, by slot.
pub type Given = Vec<(usize, Value)>;

/// Goes through the section before the load, where there is one; all users see what it sets.
pub async fn before(
    plan: &Arc<Plan>,
    sources: &[IpAddr],
    interrupt: &CancellationToken,
) -> Result<Option<Once>, LoadError> {
    let Some(section) = &plan.before else { return Ok(None) };
    let done = async {
        let connector = reach(plan, sources).await?;
        Ok::<_, LoadError>(once(plan, &connector, section, LIMIT, &[]).await)
    };
    let done = tokio::select! {
        done = done => done?,
        () = interrupt.cancelled() => return Err(LoadError::Interrupted),
    };
    if done.is_done { Ok(Some(done)) } else { Err(LoadError::Before(done.reason(plan))) }
}

/// Goes through the section after the load, where there is one; it is tried even when the load was interrupted.
pub async fn after(
    plan: &Arc<Plan>,
    sources: &[IpAddr],
    given: &Given,
    interrupt: &CancellationToken,
) -> Option<Once> {
    let section = plan.after.as_ref()?;
    let limit = if interrupt.is_cancelled() { INTERRUPT_LIMIT } else { LIMIT };
    let connector = reach(plan, sources).await.ok()?;
    Some(once(plan, &connector, section, limit, given).await)
}
