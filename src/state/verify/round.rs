//! One comparison of everything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use state_map::redis::RedisPort;
use state_map::verify::digest::buckets_for;
use state_map::verify::{Digests, Question, Told};
use state_map::wire::key::Key;
use state_map::{Id, Phase};
use tokio::time::Instant;

use super::baseline::{Check, Sampling};
use super::class::{Class, Terms, Weight};
use super::descend::{self, Descended, descend};
use super::draft::Draft;
use super::evidence::Evidence;
use super::inquire::{Answers, Asking};
use super::invariant::{Bound, Ends};
use super::look::Sides;
use super::maps::Maps;
use super::persist::Persistence;
use super::report::{InvariantReport, MapCoverage, Mode, VerifyReport};
use super::scan::{Scanned, scan};
use super::servers::Servers;
use super::tally::Tally;
use super::{Progress, Settings, Watcher};
use crate::state::StateError;

/// Keys between two tellings of how far it is.
const TELL_EVERY: u64 = 1_000;

/// What one comparison needs.
pub struct Round<'a> {
    /// The masters.
    pub servers: &'a Servers,
    /// For the control record.
    pub port: &'a Arc<RedisPort>,
    /// How it is made.
    pub settings: &'a Settings,
    /// Sees what goes on.
    pub watcher: Watcher<'a>,
}

impl Round<'_> {
    /// Compares. From here on a server that is lost makes the report inconclusive: something was begun.
    pub async fn run(&self) -> Result<Option<VerifyReport>, StateError> {
        let before = Evidence::take(self.servers, self.port).await?;
        if before.surveyed.record.run.is_none() || before.surveyed.record.phase == Phase::Off {
            return Ok(None);
        }
        let mut draft = Draft::new(&before, &self.servers.target, self.settings);
        if let Err(error) = self.compare(&before, &mut draft).await {
            if matches!(error, StateError::File { .. }) {
                return Err(error);
            }
            draft.doubt(format!("the comparison broke off: {error}"));
        }
        Ok(Some(draft.finish()))
    }

    async fn compare(&self, before: &Evidence, draft: &mut Draft) -> Result<(), StateError> {
        let members = Asking { of: before.members(), patience: self.settings.patience };
        let introduced = members.ask(self.servers, Question::Maps, 0).await?;
        let told: Vec<Told> = introduced.of.values().map(|answer| answer.told.clone()).collect();
        let maps = Maps::new(&self.settings.maps, &told);
        if maps.is_empty() {
            draft.doubt(
                "no map is known, as no instance told of any; name them: --map NAME=PREFIX".to_owned(),
            );
        }
        let asking = match draft.mode() {
            Mode::MemoryAndRedis => members,
            Mode::RedisAlone => Asking { of: BTreeSet::new(), ..members },
        };
        draft.introduce(before, &told, &introduced.silent);
        self.compare_maps(before, &maps, &asking, draft).await?;
        let after = Evidence::take(self.servers, self.port).await?;
        draft.compare_evidence(before, &after);
        Ok(())
    }

    async fn compare_maps(
        &self,
        before: &Evidence,
        maps: &Maps,
        asking: &Asking,
        draft: &mut Draft,
    ) -> Result<(), StateError> {
        let mut tally = self.tally(before, maps, asking, draft).await?;
        let (question, expiring_before_ms) =
            (Question::Digests { buckets: tally.buckets }, tally.expiring_before_ms);
        let asked = async {
            match asking.of.is_empty() {
                true => Ok(Answers::default()),
                false => asking.ask(self.servers, question, expiring_before_ms).await,
            }
        };
        let begun = Instant::now();
        let (mut answers, scanned) = tokio::try_join!(asked, self.read(maps, &mut tally))?;
        draft.read(scanned, begun.elapsed());
        let differing = differing(&mut answers, &tally, maps);
        draft.answered(before, &answers);
        let descended = self.descend(maps, asking, &tally, differing, draft).await?;
        draft.count(&tally, &answers, &descended);
        self.settle(asking, tally, descended, draft).await
    }

    async fn tally<'t>(
        &'t self,
        before: &Evidence,
        maps: &'t Maps,
        asking: &'t Asking,
        draft: &mut Draft,
    ) -> Result<Tally<'t>, StateError> {
        let settings = self.settings;
        let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let tolerance_ms = millis(settings.ttl_tolerance);
        let terms = Terms { run: before.surveyed.record.run, now_ms: before.now_ms, tolerance_ms };
        let buckets = buckets_for(self.servers.size().await? / 2);
        draft.bound(settings, maps, buckets);
        let bound = settings.invariants.iter().filter_map(|rule| Bound::new(rule, maps));
        Ok(Tally {
            maps,
            terms,
            buckets,
            expiring_before_ms: before.now_ms + millis(settings.patience) + tolerance_ms,
            owners: &asking.of,
            digests: BTreeMap::new(),
            counts: maps.iter().map(counted).collect(),
            suspicious: Vec::new(),
            ends: bound.map(Ends::new).collect(),
            baseline: settings.baseline.as_ref().map(Check::new),
            sampling: settings.save_baseline.is_some().then(Sampling::default),
        })
    }

    async fn read(&self, maps: &Maps, tally: &mut Tally<'_>) -> Result<Scanned, StateError> {
        let names = self.servers.size().await?;
        scan(self.servers, maps, &|_| true, |key, stored, so_far| {
            tally.take(key, stored);
            if so_far.keys.is_multiple_of(TELL_EVERY) {
                let Scanned { keys, bytes, names: gone_over } = so_far;
                (self.watcher)(Progress::Reading { keys, bytes, names, gone_over });
            }
        })
        .await
    }

    async fn descend(
        &self,
        maps: &Maps,
        asking: &Asking,
        tally: &Tally<'_>,
        mut differing: BTreeSet<u32>,
        draft: &mut Draft,
    ) -> Result<Descent, StateError> {
        let all = differing.clone();
        if let Some(first_skipped) = differing.iter().nth(descend::MOST).copied() {
            let skipped = differing.split_off(&first_skipped);
            draft.skip(skipped.len());
        }
        if differing.is_empty() {
            return Ok(Descent { differing: all, keys: BTreeMap::new() });
        }
        let found = descend(self.servers, maps, asking, tally.buckets, &differing).await?;
        let Descended { keys, silent, is_cut } = found;
        draft.descend(differing.len(), &silent, is_cut);
        Ok(Descent { differing: all, keys })
    }

    async fn settle(
        &self,
        asking: &Asking,
        mut tally: Tally<'_>,
        descent: Descent,
        draft: &mut Draft,
    ) -> Result<(), StateError> {
        let mut persistence = Persistence::new(self, asking, tally.terms);
        persistence.begin(descent.keys, &tally.suspicious);
        persistence.begin_rules(&tally.ends);
        persistence.run().await?;
        let (now_ms, run) = (self.servers.now_ms().await?, tally.terms.run);
        let (sampling, differing) = (tally.sampling.take(), persistence.bad_keys());
        draft.settled(&tally, &persistence);
        if let (Some(sampling), Some(path)) = (sampling, &self.settings.save_baseline) {
            sampling.finish(run, now_ms, &differing).save(path)?;
        }
        Ok(())
    }
}

/// Buckets that differed, and what was found in those that were looked into.
pub struct Descent {
    /// All that differed.
    pub differing: BTreeSet<u32>,
    /// The keys of those that were looked into.
    pub keys: BTreeMap<Key, Sides>,
}

fn counted(map: &super::maps::MapName) -> MapCoverage {
    MapCoverage { name: map.name.clone(), prefix: map.prefix.clone(), ..MapCoverage::default() }
}

/// The buckets in which an instance and Redis differ. An answer that cannot be read is none.
fn differing(answers: &mut Answers, tally: &Tally<'_>, maps: &Maps) -> BTreeSet<u32> {
    let nothing = Digests::default();
    let mut differing = BTreeSet::new();
    let mut unreadable = Vec::new();
    for (incarnation, answer) in &answers.of {
        let mut told = Digests::default();
        if !answer.parts.iter().all(|part| told.decode(part)) {
            unreadable.push(*incarnation);
            continue;
        }
        let number = |map: u32| maps.number_of(&answer.told.maps.get(map as usize)?.prefix);
        let stored = tally.digests.get(incarnation).unwrap_or(&nothing);
        differing.extend(told.renumbered(number).differing(stored).map(|(_, bucket)| bucket));
    }
    for incarnation in unreadable {
        answers.of.remove(&incarnation);
        answers.silent.insert(incarnation);
    }
    differing
}

/// Whether a class of some weight has any keys.
pub fn any(classes: &BTreeMap<Class, u64>, weight: Weight) -> bool {
    classes.iter().any(|(class, count)| class.weight() == weight && *count > 0)
}

/// An invariant that was not looked at yet.
pub fn unchecked(rule: &super::invariant::Rule, maps: &Maps) -> InvariantReport {
    let applies = Bound::new(rule, maps).is_some();
    InvariantReport { rule: rule.to_string(), applies, checked: 0, broken: 0 }
}

/// The instances' incarnations by what they said of themselves.
pub fn told_of(told: &[Told], incarnation: Id) -> Option<&Told> {
    told.iter().find(|told| told.incarnation == incarnation)
}
