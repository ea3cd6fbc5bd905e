//! Where a migration is: the instances, what they count, and what keeps the next step from being taken.

mod layout;

use std::collections::BTreeMap;
use std::time::Duration;

use state_map::control::{Counts, Member, Proof};
use state_map::operator::{Blocker, Known, Outcome, Step, gate, unacknowledged};
use state_map::wire::call::Surveyed;
use state_map::{Id, Phase};

use super::journal::Copies;
use super::lock::Holder;

pub use layout::{
    BackfillReport, BlockerReport, CountsReport, Differences, DroppedReport, GateReport, InstanceReport,
    JournalReport, StatusReport, VerificationReport,
};

/// What a report is made of.
pub struct Sources<'a> {
    /// The name under which the migration is steered.
    pub namespace: &'a str,
    /// The Redis that state moves to.
    pub redis: String,
    /// What Redis and the instances say now.
    pub view: &'a Surveyed,
    /// What they said before: rates are measured against it.
    pub before: Option<&'a Surveyed>,
    /// What the gates know.
    pub known: &'a Known,
    /// The journal.
    pub copies: &'a Copies,
    /// Who steers.
    pub operator: Option<Holder>,
}

impl StatusReport {
    /// Puts it together.
    pub fn new(sources: Sources<'_>) -> Self {
        let Sources { namespace, redis, view, before, known, copies, operator } = sources;
        let record = &view.record;
        let failed_over = record.stamp.epoch > 0 && record.replid != view.replid;
        let totals = totals(view);
        Self {
            schema: "scalectl.state.status/1",
            namespace: namespace.to_owned(),
            redis,
            run: (!record.run.is_none()).then(|| record.run.to_string()),
            phase: record.phase.name(),
            epoch: record.stamp.epoch,
            undo: record
                .prev
                .filter(|prev| !failed_over && record.phase.back() == Some(*prev))
                .map(Phase::name),
            failed_over,
            replicas_wanted: record.replicas,
            replicas_connected: known.replicas,
            instances: instances(view),
            dropped: dropped(view),
            totals: counts(&totals),
            conflicts: view.conflicts,
            backfill: (record.phase == Phase::Backfill).then(|| backfill(&totals, view, before)),
            verification: verification(view, known),
            next: next_step(record.phase).and_then(|step| gate_report(view, step, known)),
            back: gate_report(view, Step::Back, known),
            journal: JournalReport {
                file: copies.path().display().to_string(),
                entries: copies.lines().len(),
                highest_epoch: known.journal_epoch,
                whole: copies.flaws().is_empty() && copies.differ_from().is_none(),
            },
            operator,
        }
    }
}

/// The step that leads on from a phase. A start is judged without a wish for replicas.
fn next_step(phase: Phase) -> Option<Step> {
    match phase {
        Phase::Off => Some(Step::Start { replicas: 0 }),
        Phase::Done => None,
        _ => Some(Step::Forward),
    }
}

/// The command that takes the next step from a phase.
pub fn next_command(phase: Phase) -> &'static str {
    match phase {
        Phase::Off => "scalectl migrate state start",
        Phase::PrimaryNew | Phase::StopOld => "scalectl migrate state finish",
        _ => "scalectl migrate state advance",
    }
}

fn gate_report(view: &Surveyed, step: Step, known: &Known) -> Option<GateReport> {
    let phase = view.record.phase;
    let to = step.target(phase)?;
    // `finish` collects by itself.
    let blockers = gate(view, step, known).into_iter().filter(|blocker| *blocker != Blocker::Uncollected);
    let blockers: Vec<BlockerReport> = blockers.map(|blocker| BlockerReport::from(&blocker)).collect();
    let command = if step == Step::Back { "scalectl migrate state rollback" } else { next_command(phase) };
    Some(GateReport { to: to.name(), command, open: blockers.is_empty(), blockers })
}

impl From<&Blocker> for BlockerReport {
    fn from(blocker: &Blocker) -> Self {
        Self {
            kind: blocker.kind(),
            instance: blocker.instance().map(str::to_owned),
            text: blocker.to_string(),
            passes: blocker.passes(),
        }
    }
}

fn instances(view: &Surveyed) -> Vec<InstanceReport> {
    let missing = unacknowledged(view);
    let is_missing = |name: &str| missing.iter().any(|blocker| blocker.instance() == Some(name));
    let instance = |(name, member): (&String, &Member)| InstanceReport {
        name: name.clone(),
        incarnation: member.incarnation.to_string(),
        serving: member.report.serving.name(),
        acknowledged_epoch: member.ack.epoch,
        acknowledged: !is_missing(name),
        waiting_for: Some(member.report.waiting_for.clone()).filter(|cause| !cause.is_empty()),
        seen_ms_ago: view.now_ms.saturating_sub(member.seen_ms),
        silent: member.lease_until_ms < view.now_ms,
        clock_off_by_ms: member.report.wall_skew_ms,
        clean_rounds: member.report.clean_rounds,
        counts: counts(&member.report.counts),
    };
    view.members.iter().map(instance).collect()
}

fn dropped(view: &Surveyed) -> Vec<DroppedReport> {
    let dropped = view.dead.iter().map(|(incarnation, dead): (&Id, _)| DroppedReport {
        name: dead.name.clone(),
        incarnation: incarnation.to_string(),
        proof: proof_name(dead.proof),
        ms_ago: view.now_ms.saturating_sub(dead.at_ms),
    });
    dropped.collect()
}

/// The name of a proof in reports.
pub fn proof_name(proof: Proof) -> &'static str {
    match proof {
        Proof::Stopped => "stopped",
        Proof::Succeeded => "succeeded",
        Proof::Lapsed => "lapsed",
    }
}

fn totals(view: &Surveyed) -> Counts {
    view.members.values().fold(Counts::default(), |sum, member| sum.and(member.report.counts))
}

fn counts(counts: &Counts) -> CountsReport {
    CountsReport {
        held: counts.held,
        owned: counts.owned,
        stored: counts.stored,
        owed: counts.owed,
        unclaimed: counts.unclaimed,
        compared: counts.compared,
        writes: counts.writes,
        bytes: counts.bytes,
        unavailable: counts.unavailable,
        differences: Differences {
            unsettled: counts.differences,
            conflicts: counts.conflicts,
            vanished: counts.vanished,
            superseded: counts.superseded,
        },
    }
}

fn verification(view: &Surveyed, known: &Known) -> Option<VerificationReport> {
    let last = known.verification.as_ref().filter(|last| last.stamp == view.record.stamp)?;
    let outcome = match last.outcome {
        Outcome::Pass => "pass",
        Outcome::Fail => "fail",
        Outcome::Inconclusive => "inconclusive",
    };
    let ms_ago = view.now_ms.saturating_sub(last.at_ms);
    Some(VerificationReport { outcome, summary: last.summary.clone(), ms_ago })
}

fn backfill(totals: &Counts, view: &Surveyed, before: Option<&Surveyed>) -> BackfillReport {
    let owed = totals.owed.max(totals.dirty);
    let rates = before.and_then(|before| rates(before, view));
    let left = rates.filter(|(keys, _)| *keys > 0.0).map(|(keys, _)| owed as f64 / keys);
    BackfillReport {
        stored: totals.stored,
        keys: totals.stored + owed,
        keys_per_second: rates.map(|(keys, _)| keys),
        bytes_per_second: rates.map(|(_, bytes)| bytes),
        seconds_left: if owed == 0 { Some(0.0) } else { left },
    }
}

/// Keys and bytes a second, summed over the instances, each between two of its own heartbeats.
fn rates(before: &Surveyed, now: &Surveyed) -> Option<(f64, f64)> {
    let earlier: BTreeMap<Id, &Member> =
        before.members.values().map(|member| (member.incarnation, member)).collect();
    let mut sum = None;
    for member in now.members.values() {
        let Some(was) = earlier.get(&member.incarnation) else { continue };
        let passed = Duration::from_millis(member.seen_ms.saturating_sub(was.seen_ms)).as_secs_f64();
        if passed <= 0.0 {
            continue;
        }
        let (new, old) = (member.report.counts, was.report.counts);
        let (keys, bytes) = sum.unwrap_or_default();
        sum = Some((
            keys + new.writes.saturating_sub(old.writes) as f64 / passed,
            bytes + new.bytes.saturating_sub(old.bytes) as f64 / passed,
        ));
    }
    sum
}

/// Whether every instance has been heard of since.
pub fn is_newer(before: &Surveyed, now: &Surveyed) -> bool {
    let seen = |view: &Surveyed| -> BTreeMap<Id, u64> {
        view.members.values().map(|member| (member.incarnation, member.seen_ms)).collect()
    };
    let was = seen(before);
    let living = now.members.values().filter(|member| member.lease_until_ms >= now.now_ms);
    living.into_iter().all(|member| was.get(&member.incarnation).is_none_or(|seen| *seen < member.seen_ms))
}

#[cfg(test)]
mod tests {
    use state_map::control::Report;

    use super::*;

    fn view(seen_ms: u64, writes: u64, owed: u64) -> Surveyed {
        let counts = Counts { writes, owed, stored: writes, bytes: 10 * writes, ..Counts::default() };
        let report = Report { counts, ..Report::default() };
        let member = Member { incarnation: Id(1), seen_ms, report, ..Member::default() };
        Surveyed { members: [("a".to_owned(), member)].into(), ..Surveyed::default() }
    }

    #[test]
    fn rates_are_measured_between_heartbeats() {
        let (before, now) = (view(1_000, 100, 900), view(3_000, 300, 700));
        let totals = totals(&now);
        let report = backfill(&totals, &now, Some(&before));
        assert_eq!((report.stored, report.keys), (300, 1_000));
        assert_eq!((report.keys_per_second, report.bytes_per_second), (Some(100.0), Some(1_000.0)));
        assert_eq!(report.seconds_left, Some(7.0));
        assert!(is_newer(&before, &now) && !is_newer(&now, &now));
    }

    #[test]
    fn without_a_second_heartbeat_there_is_no_rate() {
        let now = view(1_000, 100, 900);
        let report = backfill(&totals(&now), &now, Some(&now));
        assert_eq!((report.keys_per_second, report.seconds_left), (None, None));
    }
}
