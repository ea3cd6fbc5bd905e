//! Tries each class in a scratch collection of its own, which is dropped whatever happens.

mod change;
mod finding;
mod lab;
mod option;

use std::io::ErrorKind;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bson::doc;
use bson::oid::ObjectId;
use futures_util::TryStreamExt;
use tokio_util::sync::CancellationToken;

use self::finding::{Findings, Stop};
use self::lab::Lab;
use super::{Capability, OptionClass, Verdict};
use crate::clients::ClientError;
use crate::indexes::IndexError;
use crate::indexes::live::Deployment;

/// What the names of scratch collections begin with; an identifier follows, which holds the time.
const PREFIX: &str = "scalectl_probe_";
/// A scratch collection that is older belongs to no run any more: one lasts for seconds.
const LEFT_OVER_AFTER: Duration = Duration::from_secs(3_600);
/// How often a class is tried while connections are lost and primaries change.
const ATTEMPTS: usize = 3;

/// Drops the scratch collections of runs that were killed, and names them.
pub async fn drop_left_overs(deployment: &Deployment, database: &str) -> Result<Vec<String>, IndexError> {
    let doing = format!("list the collections of {database}");
    let command = doc! { "listCollections": 1, "nameOnly": true };
    let fault = |error| deployment.fault(&doing, &error);
    let cursor = deployment.database(database).run_cursor_command(command).await.map_err(fault)?;
    let listed: Vec<bson::Document> = cursor.try_collect().await.map_err(fault)?;
    let names = listed.iter().filter_map(|collection| collection.get_str("name").ok());
    let mut dropped = Vec::new();
    for name in names.filter(|name| is_left_over(name, SystemTime::now())) {
        lab::drop_collection(deployment, database, name).await?;
        dropped.push(name.to_owned());
    }
    Ok(dropped)
}

/// Only names that this program makes, and only of runs that cannot go on any more.
fn is_left_over(name: &str, now: SystemTime) -> bool {
    let identifier = name.strip_prefix(PREFIX).and_then(|text| ObjectId::parse_str(text).ok());
    identifier.is_some_and(|identifier| {
        let made = UNIX_EPOCH
            + identifier.timestamp().to_system_time().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.duration_since(made).is_ok_and(|age| age > LEFT_OVER_AFTER)
    })
}

/// Tries one class. A lost connection says nothing of it, so it is tried again.
pub async fn run(
    deployment: &Deployment,
    database: &str,
    class: OptionClass,
    stop: &CancellationToken,
) -> Result<Capability, IndexError> {
    for attempt in 1.. {
        if stop.is_cancelled() {
            break;
        }
        match attempt_once(deployment, database, class, stop).await {
            Ok(Some(capability)) => return Ok(capability),
            Ok(None) => break,
            Err(error) if attempt < ATTEMPTS && is_passing(&error) => {}
            Err(error) => return Err(error),
        }
    }
    let evidence = "interrupted before it was tried".to_owned();
    Ok(Capability { class, verdict: Verdict::Unknown, code: None, evidence })
}

/// Nothing when it was interrupted.
async fn attempt_once(
    deployment: &Deployment,
    database: &str,
    class: OptionClass,
    stop: &CancellationToken,
) -> Result<Option<Capability>, IndexError> {
    let name = format!("{PREFIX}{}", ObjectId::new());
    let lab = Lab::new(deployment, database, &name);
    let tried = tokio::select! {
        tried = try_class(&lab, class) => Some(tried),
        () = stop.cancelled() => None,
    };
    let dropped = lab::drop_collection(deployment, database, &name).await;
    match (tried, dropped) {
        // What stays behind is named; otherwise an error of the probe says more than that of the drop after it.
        (_, Err(error @ IndexError::Unreachable { .. })) => Err(error),
        (Some(Err(Stop::Fault(error))), _) | (_, Err(error)) => Err(error),
        (Some(Err(Stop::Refused(refusal))), Ok(())) => Ok(Some(refusal.into_capability(class))),
        (Some(Ok(findings)), Ok(())) => Ok(Some(findings.into_capability(class))),
        (None, Ok(())) => Ok(None),
    }
}

async fn try_class(lab: &Lab<'_>, class: OptionClass) -> Result<Findings, Stop> {
    match class {
        OptionClass::Ordered => option::ordered(lab).await,
        OptionClass::Unique => option::unique(lab).await,
        OptionClass::Sparse => option::sparse(lab).await,
        OptionClass::Partial => option::partial(lab).await,
        OptionClass::Ttl => option::ttl(lab).await,
        OptionClass::Hidden => option::hidden(lab).await,
        OptionClass::Collation => option::collation(lab).await,
        OptionClass::Wildcard => option::wildcard(lab).await,
        OptionClass::WildcardProjection => option::wildcard_projection(lab).await,
        OptionClass::Text => option::text(lab).await,
        OptionClass::Sphere => option::sphere(lab).await,
        OptionClass::Planar => option::planar(lab).await,
        OptionClass::Hashed => option::hashed(lab).await,
        OptionClass::StorageEngine => option::storage_engine(lab).await,
        OptionClass::PrepareUnique => change::prepare_unique(lab).await,
        OptionClass::ConvertUnique => change::convert_unique(lab).await,
        OptionClass::ChangeHidden => change::change_hidden(lab).await,
        OptionClass::ChangeTtl => change::change_ttl(lab).await,
        OptionClass::CommitQuorum => change::commit_quorum(lab).await,
        OptionClass::IndexStats => change::index_stats(lab).await,
        OptionClass::Explain => change::explain(lab).await,
    }
}

/// Whether the same may well succeed in a moment: a connection was lost, or another member became primary. A
/// server that is not found at all was looked for long enough.
fn is_passing(error: &IndexError) -> bool {
    match error {
        IndexError::Unreachable { source: ClientError::Io(io), .. } => {
            io.kind() != ErrorKind::ConnectionRefused
        }
        IndexError::Unreachable { source, .. } => matches!(source, ClientError::Protocol(_)),
        error => error.code().is_some_and(lab::is_of_election),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use bson::oid::ObjectId;

    use super::{PREFIX, is_left_over};

    #[test]
    fn only_old_collections_of_its_own_are_left_over() {
        let (now, name) = (SystemTime::now(), format!("{PREFIX}{}", ObjectId::new()));
        assert!(!is_left_over(&name, now));
        assert!(!is_left_over(&name, now + Duration::from_secs(3_500)));
        assert!(is_left_over(&name, now + Duration::from_secs(3_700)));
        for other in [
            "scalectl_probe_",
            "scalectl_probe_results",
            "people",
            "x_scalectl_probe_000000000000000000000000",
        ] {
            assert!(!is_left_over(other, now + Duration::from_secs(9_999_999)), "{other}");
        }
    }
}
