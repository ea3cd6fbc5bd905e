//! The thresholds and the parts of the run that they are about.

use std::time::Duration;

use super::Compiler;
use crate::config::duration::Span;
use crate::config::suggest::did_you_mean;
use crate::load::scenario::model::{ScenarioFile, ScopedSlo, SloModel};
use crate::load::scenario::template::TemplateError;
use crate::load::slo::{Scope, Slo};

/// What decides when the file names no threshold.
const DEFAULT_SLO: &str = "errors < 1%";
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
            slos.extend(match model {
                SloModel::Text(text) => self.threshold(text, &rows, &at),
                SloModel::Scoped(scoped) => self.scoped(scoped, &rows, phases, &at),
            });
        }
        if file.slo.is_empty() && slos.is_empty() {
            let default = Slo::parse(DEFAULT_SLO, &rows);
            slos.extend(default.map(|slo| Slo { text: format!("{DEFAULT_SLO} (default)"), ..slo }));
        }
        self.warm_up(&mut slos);
        slos
    }

    fn threshold(&mut self, text: &str, rows: &[&str], at: &str) -> Option<Slo> {
        let parsed = Slo::parse(text, rows);
        parsed
            .map_err(|(message, help)| {
                self.refuse_at(at, TemplateError { help, ..TemplateError::new(message) });
            })
            .ok()
    }

    fn scoped(&mut self, model: &ScopedSlo, rows: &[&str], phases: &Phases, at: &str) -> Option<Slo> {
        let ScopedSlo { check, over, during, warmup, abort } = model;
        let slo = self.threshold(check, rows, &format!("{at}/check"));
        let window = match over {
            Some(over) => Some(self.stretch(*over, &format!("{at}/over"))?),
            None => None,
        };
        let phase = match during {
            Some(name) => self.phase_called(name, phases, &format!("{at}/during"))?,
            None => (Duration::ZERO, None),
        };
        if *abort && window.is_none() {
            return self.refuse(
                &format!("{at}/abort"),
                "`abort` needs `over`: a run ends when a stretch of it misses",
            );
        }
        let slo = slo?;
        let from = phase.0 + warmup.map_or(Duration::ZERO, |span| span.0);
        let mut text = slo.text.clone();
        if let Some(over) = over {
            text += &format!(" over any {over}");
        }
        if let Some(name) = during {
            text += &format!(" during {name}");
        }
        Some(Slo { text, scope: Scope { from, to: phase.1, window, aborts: *abort }, ..slo })
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
