//! The thresholds and the parts of the run that they are about.

use std::time::Duration;

use super::Compiler;
use crate::config::duration::Span;
use crate::config::suggest::did_you_mean;
use crate::load::scenario::model::{ScenarioFile, ScopedSlo, SloModel};
use crate::load::scenario::template::TemplateError;
use crate::load::slo::{Preset, Scope, Slo};

/// What decides when the file names no threshold.
const DEFAULT_SLO: &str = "errors < 1%";
/// The same where something is published.
const DEFAULT_FANOUT_SLO: &str = "loss < 1%";
/// Beats come once a second: a stretch is a number of them.
const SHORTEST_STRETCH: Duration = Duration::from_secs(1);
const LONGEST_STRETCH: Duration = Duration::from_secs(3_600);

/// The phases of a run by their names, with their ends.
type Phases = [(Duration, String)];

impl Compiler<'_> {
    /// The thresholds, once all rows are known.
    pub fn slos(&mut self, file: &ScenarioFile, phases: &Phases) -> Vec<Slo> {
        let metrics = self.metrics.clone();
        let rows: Vec<&str> = metrics.iter().map(|metric| metric.name.as_str()).collect();
        let mut slos = self.ensure();
        for (index, model) in file.slo.iter().enumerate() {
            let at = format!("/slo/{index}");
            match model {
                SloModel::Text(text) => slos.extend(self.threshold(text, &rows, &at)),
                SloModel::Scoped(scoped) => slos.extend(self.scoped(scoped, &rows, phases, &at)),
            }
        }
        if file.slo.is_empty() && slos.is_empty() {
            let fanouts = (!self.fanouts.is_empty()).then_some(DEFAULT_FANOUT_SLO);
            let defaults = [DEFAULT_SLO].into_iter().chain(fanouts);
            let parsed = defaults.filter_map(|text| Slo::parse(text, &rows).ok());
            slos.extend(parsed.map(|slo| Slo { text: format!("{} (default)", slo.text), ..slo }));
        }
        self.warm_up(&mut slos);
        slos
    }

    fn threshold(&mut self, text: &str, rows: &[&str], at: &str) -> Option<Slo> {
        let fanouts: Vec<_> = self.fanouts.iter().map(|row| row.metric).collect();
        let parsed = Slo::parse(text, rows).and_then(|slo| match slo.idle(&self.metrics, &fanouts) {
            Some(mistake) => Err(mistake),
            None => Ok(slo),
        });
        let refuse = |(message, help)| {
            self.refuse_at(at, TemplateError { help, ..TemplateError::new(message) });
        };
        parsed.map_err(refuse).ok()
    }

    /// The thresholds of an entry, all about the same part of the run.
    fn scoped(&mut self, model: &ScopedSlo, rows: &[&str], phases: &Phases, at: &str) -> Vec<Slo> {
        let scope = self.scope(model, phases, at);
        let slos: Vec<Slo> = match (&model.check, model.preset) {
            (Some(check), None) => self.threshold(check, rows, &format!("{at}/check")).into_iter().collect(),
            (None, Some(preset)) => self.preset(preset, rows, &format!("{at}/preset")),
            _ if self.is_mended(at) => return Vec::new(),
            (check, _) => {
                let message =
                    if check.is_some() { "keep one of `check` and `preset`" } else { "`check` is missing" };
                self.refuse::<()>(at, message);
                return Vec::new();
            }
        };
        let is_partial = model.over.is_some() || model.during.is_some() || model.warmup.is_some();
        if is_partial && slos.iter().any(|slo| slo.measure.is_of_the_whole()) {
            self.refuse::<()>(
                at,
                "what it measures is known at the end, of the whole run; leave the part out",
            );
        }
        let Some(scope) = scope else { return Vec::new() };
        let part = part_words(model);
        let slos = slos.into_iter();
        slos.map(|slo| Slo { text: slo.text + &part, scope: scope.clone(), ..slo }).collect()
    }

    /// The thresholds of a preset; of `targets`, those that the file has steps for.
    fn preset(&mut self, preset: Preset, rows: &[&str], at: &str) -> Vec<Slo> {
        let mut slos = Vec::new();
        for text in preset.thresholds() {
            let is_idle = Slo::parse(text, rows).is_ok_and(|slo| slo.idle(&self.metrics, &[]).is_some());
            if preset != Preset::Targets || !is_idle {
                slos.extend(self.threshold(text, rows, at));
            }
        }
        let named = |slo: Slo| Slo { text: format!("{} (preset {})", slo.text, preset.word()), ..slo };
        slos.into_iter().map(named).collect()
    }

    fn scope(&mut self, model: &ScopedSlo, phases: &Phases, at: &str) -> Option<Scope> {
        let window = match model.over {
            Some(over) => Some(self.stretch(over, &format!("{at}/over"))?),
            None => None,
        };
        let phase = match &model.during {
            Some(name) => self.phase_called(name, phases, &format!("{at}/during"))?,
            None => (Duration::ZERO, None),
        };
        if model.abort && window.is_none() {
            return self.refuse(
                &format!("{at}/abort"),
                "`abort` needs `over`: a run ends when a stretch of it misses",
            );
        }
        let from = phase.0 + model.warmup.map_or(Duration::ZERO, |span| span.0);
        Some(Scope { from, to: phase.1, window, aborts: model.abort })
    }

    fn stretch(&mut self, over: Span, at: &str) -> Option<Duration> {
        let is_whole = over.0.subsec_nanos() == 0;
        match over.0 {
            stretch if is_whole && (SHORTEST_STRETCH..=LONGEST_STRETCH).contains(&stretch) => Some(stretch),
            _ => self.refuse(at, "`over` is a number of whole seconds, from 1s to 1h"),
        }
    }

    /// When the phase called `name` begins and ends.
    fn phase_called(
        &mut self,
        name: &str,
        phases: &Phases,
        at: &str,
    ) -> Option<(Duration, Option<Duration>)> {
        let Some(index) = phases.iter().position(|(_, known)| known == name) else {
            if phases.is_empty() && self.config.phases.iter().any(|phase| phase.name.as_deref() == Some(name))
            {
                let message = "there are no phases when the command line says how load develops";
                return self.refuse(at, message);
            }
            let help = did_you_mean(name, phases.iter().map(|(_, known)| known.as_str()));
            let message = format!("no phase is called `{name}`");
            self.refuse_at(at, TemplateError { help, ..TemplateError::new(message) });
            return None;
        };
        let start = index.checked_sub(1).map_or(Duration::ZERO, |before| phases[before].0);
        Some((start, Some(phases[index].0)))
    }

    /// `config.warmup`, for what says nothing else.
    fn warm_up(&self, slos: &mut [Slo]) {
        let Some(warmup) = self.config.warmup else { return };
        for slo in slos {
            slo.scope.from = slo.scope.from.max(warmup.0);
        }
    }
}

/// The part of the run that an entry is about, in words.
fn part_words(model: &ScopedSlo) -> String {
    let over = model.over.as_ref().map(|over| format!(" over any {over}")).unwrap_or_default();
    let during = model.during.as_ref().map(|name| format!(" during {name}")).unwrap_or_default();
    over + &during
}
