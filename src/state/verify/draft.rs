//! A report in the making.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use state_map::verify::Told;
use state_map::{Id, Phase};
use tokio::time::Instant;

use super::Settings;
use super::class::{Class, Weight};
use super::evidence::Evidence;
use super::inquire::Answers;
use super::maps::Maps;
use super::persist::Persistence;
use super::report::{BaselineReport, Coverage, InstanceReport, Mode, Parameters, Verdict, VerifyReport};
use super::round::{Descent, any, told_of, unchecked};
use super::sample::samples;
use super::scan::Scanned;
use super::tally::Tally;
use crate::state::Target;

/// A report in the making.
pub struct Draft {
    begun: Instant,
    phase: Phase,
    report: VerifyReport,
    silent: BTreeSet<String>,
    settings: Settings,
}

impl Draft {
    /// Nothing compared yet.
    pub fn new(before: &Evidence, target: &Target, settings: &Settings) -> Self {
        let record = &before.surveyed.record;
        let mode = if record.phase < Phase::PrimaryNew { Mode::MemoryAndRedis } else { Mode::RedisAlone };
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let parameters = Parameters {
            settle_ms: millis(settings.settle),
            ttl_tolerance_ms: millis(settings.ttl_tolerance),
            buckets: 0,
        };
        let report = VerifyReport {
            schema: "scalectl.state.verify/1",
            tool_version: env!("CARGO_PKG_VERSION"),
            verdict: Verdict::Pass,
            reasons: Vec::new(),
            target: target.url.to_string(),
            run: record.run.to_string(),
            phase: record.phase.name().to_owned(),
            epoch: record.stamp.epoch,
            mode,
            parameters,
            rounds: 1,
            verified_past_ms: before.now_ms,
            instances: Vec::new(),
            coverage: Coverage::default(),
            classes: BTreeMap::new(),
            samples: Vec::new(),
            invariants: Vec::new(),
            baseline: None,
            notes: Vec::new(),
            took_ms: 0,
            keys_per_second: 0,
        };
        let silent = BTreeSet::new();
        Self { begun: Instant::now(), phase: record.phase, report, silent, settings: settings.clone() }
    }

    /// What is compared with what.
    pub fn mode(&self) -> Mode {
        self.report.mode
    }

    /// Something could not be compared.
    pub fn doubt(&mut self, reason: String) {
        if !self.report.reasons.contains(&reason) {
            self.report.reasons.push(reason);
        }
    }

    /// The maps that are compared, and the invariants that apply to them.
    pub fn bound(&mut self, settings: &Settings, maps: &Maps, buckets: u32) {
        self.report.parameters.buckets = buckets;
        self.report.invariants = settings.invariants.iter().map(|rule| unchecked(rule, maps)).collect();
    }

    /// Who takes part.
    pub fn introduce(&mut self, before: &Evidence, told: &[Told], silent: &BTreeSet<Id>) {
        let run = before.surveyed.record.run;
        for (name, member) in &before.surveyed.members {
            let said = told_of(told, member.incarnation);
            self.report.instances.push(InstanceReport {
                name: name.clone(),
                incarnation: member.incarnation.to_string(),
                answered: said.is_some(),
                serving: said.map(|told| told.serving.name().to_owned()),
                keys: 0,
                highest_seq: 0,
            });
            if said.is_some_and(|told| told.run != run) && self.mode() == Mode::MemoryAndRedis {
                self.doubt(format!("{name} has not joined this run yet"));
            }
        }
        if self.mode() == Mode::MemoryAndRedis {
            self.missed(before, silent);
        } else {
            self.report.notes.push(format!(
                "in {} memory is no authority: Redis was held against its own records",
                self.phase
            ));
        }
        if before.surveyed.members.is_empty() && self.mode() == Mode::MemoryAndRedis {
            self.doubt("no instance is registered: there is no memory to compare".to_owned());
        }
    }

    fn missed(&mut self, before: &Evidence, silent: &BTreeSet<Id>) {
        for incarnation in silent {
            let name = before.name_of(*incarnation);
            let within = crate::config::duration::humanize(self.settings.patience);
            self.doubt(format!("{name} did not answer within {within}: what it holds was not compared"));
            self.silent.insert(incarnation.to_string());
        }
    }

    /// Redis was read.
    pub fn read(&mut self, scanned: Scanned, took: Duration) {
        let coverage = &mut self.report.coverage;
        (coverage.keys, coverage.bytes, coverage.names) = (scanned.keys, scanned.bytes, scanned.names);
        self.report.keys_per_second = (scanned.keys as f64 / took.as_secs_f64().max(1e-3)) as u64;
    }

    /// The instances told their digests.
    pub fn answered(&mut self, before: &Evidence, answers: &Answers) {
        self.missed(before, &answers.silent);
        for answer in answers.of.values() {
            let told = &answer.told;
            let incarnation = told.incarnation.to_string();
            let instances = self.report.instances.iter_mut();
            for instance in instances.filter(|instance| instance.incarnation == incarnation) {
                instance.keys = told.maps.iter().map(|map| map.keys).sum();
                instance.highest_seq = told.maps.iter().map(|map| map.highest_seq).max().unwrap_or(0);
            }
            let unclaimed: u64 = told.maps.iter().map(|map| map.unclaimed).sum();
            *self.report.classes.entry(Class::Unclaimed).or_default() += unclaimed;
        }
    }

    /// More buckets differ than are looked into.
    pub fn skip(&mut self, buckets: usize) {
        self.report.coverage.skipped_buckets = buckets as u64;
        self.doubt(format!(
            "{buckets} more buckets differ than were looked into; `migrate state status` shows whether the backfill \
             is done"
        ));
    }

    /// Buckets were looked into.
    pub fn descend(&mut self, buckets: usize, silent: &BTreeSet<Id>, is_cut: bool) {
        self.report.coverage.descended_buckets = buckets as u64;
        self.unanswered(silent);
        if is_cut {
            self.doubt(
                "an instance holds more keys in differing buckets than one answer may tell".to_owned(),
            );
        }
    }

    fn unanswered(&mut self, silent: &BTreeSet<Id>) {
        for incarnation in silent {
            let incarnation = incarnation.to_string();
            let named = self.report.instances.iter().find(|instance| instance.incarnation == incarnation);
            let name = named.map_or_else(|| incarnation.clone(), |instance| instance.name.clone());
            self.doubt(format!("{name} stopped answering in the middle of the comparison"));
            self.silent.insert(incarnation);
        }
    }

    /// Counts what was compared, by map.
    pub fn count(&mut self, tally: &Tally<'_>, answers: &Answers, descent: &Descent) {
        let mut maps = tally.counts.clone();
        for told in answers.of.values().flat_map(|answer| &answer.told.maps) {
            let maps = maps.iter_mut().filter(|map| map.prefix == told.prefix);
            maps.for_each(|map| map.in_memory += told.keys);
        }
        if self.mode() == Mode::RedisAlone {
            maps.iter_mut().for_each(|map| (map.compared, map.unowned) = (map.in_redis, 0));
        } else {
            let answered = tally.digests.iter().filter(|(owner, _)| answers.of.contains_key(owner));
            let sums = answered.flat_map(|(_, digests)| digests.iter());
            for ((map, _), sum) in sums.filter(|((_, bucket), _)| !descent.differing.contains(bucket)) {
                maps[map as usize].compared += sum.count;
            }
            for number in descent.keys.keys().filter_map(|key| tally.maps.of(key)) {
                maps[number as usize].compared += 1;
            }
        }
        self.report.coverage.compared = maps.iter().map(|map| map.compared).sum();
        self.report.coverage.maps = maps;
    }

    /// What differed has settled.
    pub fn settled(&mut self, tally: &Tally<'_>, persistence: &Persistence<'_>) {
        self.unanswered(&persistence.silent);
        self.report.coverage.settled = persistence.keys.agreed();
        // Keys that are not claimed are counted by the instances already.
        let keys = persistence.keys.ended().values().filter(|ended| ended.class != Class::Unclaimed);
        for ended in keys {
            *self.report.classes.entry(ended.class).or_default() += 1;
        }
        let applying = self.report.invariants.iter_mut().filter(|report| report.applies);
        for (number, (report, ends)) in applying.zip(&tally.ends).enumerate() {
            report.checked = ends.checked();
            let broken = persistence.rules.ended().iter().filter(|((rule, _), _)| *rule == number);
            report.broken = broken.filter(|(_, ended)| ended.class == Class::Invariant).count() as u64;
        }
        for ended in persistence.rules.ended().values() {
            *self.report.classes.entry(ended.class).or_default() += 1;
        }
        self.check_baseline(tally);
        self.report.samples = samples(tally.maps, persistence, &self.settings);
    }

    fn check_baseline(&mut self, tally: &Tally<'_>) {
        let (Some(check), Some(baseline)) = (&tally.baseline, &self.settings.baseline) else { return };
        let (absent, went_back) = (check.absent().len() as u64, check.lost.len() as u64);
        let (keys, taken_at_ms) = (check.total(), baseline.taken_at_ms);
        let is_other_run = baseline.run != tally.terms.run;
        self.report.baseline = Some(BaselineReport { taken_at_ms, keys, went_back, absent });
        if is_other_run {
            self.doubt("the baseline is of another run: it says nothing of this one".to_owned());
            return;
        }
        // Until `done` every key that was ever written has a record, if only a tombstone.
        let lost = if self.phase == Phase::Done { went_back } else { went_back + absent };
        *self.report.classes.entry(Class::Lost).or_default() += lost;
    }

    /// What has changed while everything was compared.
    pub fn compare_evidence(&mut self, before: &Evidence, after: &Evidence) {
        before.changes_until(after).into_iter().for_each(|change| self.doubt(change));
        let evicted = before.evicted_until(after);
        if evicted > 0 {
            self.report.notes.push(format!(
                "Redis evicted {evicted} keys meanwhile: set maxmemory-policy noeviction, or state is lost"
            ));
        }
        let conflicts = after.surveyed.conflicts;
        if conflicts > 0 {
            let found = self.report.classes.entry(Class::Conflict).or_default();
            *found = (*found).max(conflicts);
        }
    }

    /// The report, judged.
    pub fn finish(mut self) -> VerifyReport {
        let report = &mut self.report;
        report.classes.retain(|_, count| *count > 0);
        for instance in &mut report.instances {
            instance.answered &= !self.silent.contains(&instance.incarnation);
        }
        let open: Vec<String> = report
            .classes
            .iter()
            .filter(|(class, _)| class.weight() == Weight::Open)
            .map(|(class, count)| format!("{count} keys are {}", class.name()))
            .collect();
        report.reasons.extend(open);
        if report.coverage.keys == 0 && report.reasons.is_empty() {
            match report.mode {
                Mode::MemoryAndRedis => {
                    report.notes.push("neither side holds any key of these maps".to_owned());
                }
                Mode::RedisAlone => report.reasons.push("Redis holds no key of these maps".to_owned()),
            }
        }
        report.verdict = if any(&report.classes, Weight::Bad) {
            Verdict::Fail
        } else if report.reasons.is_empty() {
            Verdict::Pass
        } else {
            Verdict::Inconclusive
        };
        report.took_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.report
    }
}
