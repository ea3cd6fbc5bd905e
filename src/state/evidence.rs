//! Verifications as evidence for the gates: written down in the journal, with the change of the record that they were
//! made at.

use std::path::Path;
use std::time::Duration;

use state_map::operator::{self, Entry, Journal as _, Outcome, Verification};
use state_map::{Phase, Stamp};

use super::journal::{Copies, Journal};
use super::lock::Lock;
use super::verify::invariant::CHESS;
use super::verify::report::{Verdict, VerifyReport};
use super::verify::{Settings, verify};
use super::{StateError, Target};
use crate::owner::Owner;

/// What a verification says to the gates, if it was made at this change of the record.
pub fn of(report: &VerifyReport, stamp: Stamp, now_ms: u64) -> Option<Verification> {
    let outcome = match report.verdict {
        Verdict::Pass => Outcome::Pass,
        Verdict::Inconclusive => Outcome::Inconclusive,
        Verdict::Fail => Outcome::Fail,
    };
    (report.epoch == stamp.epoch).then(|| Verification {
        outcome,
        stamp,
        at_ms: now_ms,
        summary: summary(report),
    })
}

fn summary(report: &VerifyReport) -> String {
    let classes = report.classes.iter().map(|(class, keys)| format!("{keys} {}", class.name()));
    let reasons = report.reasons.iter().cloned();
    let compared = format!("{} of {} keys compared", report.coverage.compared, report.coverage.keys);
    std::iter::once(compared).chain(classes).chain(reasons).collect::<Vec<_>>().join("; ")
}

/// Writes down a verification that was made beside the commands that steer. Whether it was: in `off`, and when the
/// record has changed since, it is evidence of nothing.
pub async fn record(target: &Target, journal: &Path, report: &VerifyReport) -> Result<bool, StateError> {
    let stopped = |stopped| StateError::stopped(target, stopped);
    let view = operator::survey(&*target.port()?).await.map_err(stopped)?;
    let Some(verification) = of(report, view.record.stamp, view.now_ms) else { return Ok(false) };
    if view.record.phase == Phase::Off {
        return Ok(false);
    }
    let mut link = target.connect().await?;
    let owner = Owner::this_process();
    // No token that was ever given: whoever slept past the lock must not hold ours.
    let before = Copies::read(target, &mut link, journal).await?;
    let lock = Lock::acquire(target, &link, &owner, "verify", before.highest_token()).await?;
    let written = async {
        let copies = Copies::read(target, &mut link, journal).await?;
        copies.refuse_flaws(target)?;
        let mut journal = Journal::open(target, &link, &copies, owner, lock.token);
        let added = journal.add(Entry::Verified(verification), 0).await;
        added.map_err(|cause| stopped(operator::Stopped::Journal { cause, changed: false }))
    };
    let written = written.await;
    lock.release(&link).await.ok();
    written.map(|()| true)
}

/// Verifies as `scalectl migrate state verify` does when nothing else is said.
pub async fn verify_now(target: &Target) -> Result<Option<VerifyReport>, StateError> {
    let settings = Settings {
        settle: Duration::from_secs(2),
        ttl_tolerance: Duration::from_secs(1),
        patience: Duration::from_secs(10),
        maps: Vec::new(),
        invariants: CHESS.parse().into_iter().collect(),
        baseline: None,
        save_baseline: None,
        samples: 0,
        show_values: false,
    };
    verify(target, &settings, &|_| {}).await
}
