//! `config.reconnect_storm`.

use std::time::Duration;

use super::Compiler;
use crate::config::duration::humanize;
use crate::load::scenario::model::{OneOrMany, Storm};
use crate::load::scenario::plan::StormPlan;
use crate::load::scenario::storm_model::Length;
use crate::load::scenario::template::TemplateError;

/// Taken for the length of a load that has a mistake, which has been told: the storms' own are told too.
const UNKNOWN: Duration = Duration::from_secs(365 * 24 * 3_600);

const AT: &str = "/config/reconnect_storm";

impl Compiler<'_> {
    /// The storms, in order of time; `duration` is that of the load.
    pub fn storms(&mut self, is_socketio: bool, duration: Option<Duration>) -> Vec<StormPlan> {
        let Some(storms) = &self.config.reconnect_storm else { return Vec::new() };
        if !is_socketio {
            self.refuse_key(AT, "no scenario of this file has `engine: socketio`", None);
            return Vec::new();
        }
        let mut plans: Vec<StormPlan> = Vec::new();
        for (rest, model) in storms.items() {
            let at = format!("{AT}{rest}");
            let Some(plan) = self.storm(model, &at, duration.unwrap_or(UNKNOWN)) else { continue };
            if let Some(duration) = duration.filter(|duration| plan.at + plan.over >= *duration) {
                let lasts = humanize(duration);
                let message = format!("the load is over before this storm is: it lasts {lasts}");
                let help = match model.at {
                    Length::Part(_) => "make the load longer, or the storm shorter",
                    Length::Span(_) => "make the load longer, or write `at` as a part of it, such as `40%`",
                };
                let mistake = TemplateError { help: Some(help.to_owned()), ..TemplateError::new(message) };
                self.refuse_at(&format!("{at}/at"), mistake);
            }
            if plans.last().is_some_and(|before| before.at + before.over >= plan.at) {
                self.refuse::<()>(&format!("{at}/at"), "it begins before the storm before it is over");
            }
            plans.push(plan);
        }
        plans
    }

    fn storm(&mut self, model: &Storm, at: &str, load: Duration) -> Option<StormPlan> {
        let drop = match model.drop.as_deref().map(percent) {
            None => 1.0,
            Some(Some(drop)) => drop,
            Some(None) => {
                return self
                    .refuse(&format!("{at}/drop"), "`drop` is a part of the connections, such as `50%`");
            }
        };
        let over = model.over.map_or(Duration::ZERO, |over| over.of(load));
        Some(StormPlan { at: model.at.of(load), drop, over, is_clean: model.clean })
    }

    /// Whether connections come back: where there are storms they do.
    pub fn has_storms(&self) -> bool {
        self.config.reconnect_storm.as_ref().is_some_and(|storms| match storms {
            OneOrMany::One(_) => true,
            OneOrMany::Many(all) => !all.is_empty(),
        })
    }
}

fn percent(text: &str) -> Option<f64> {
    let percent: f64 = text.trim().strip_suffix('%')?.trim().parse().ok()?;
    (percent > 0.0 && percent <= 100.0).then_some(percent / 100.0)
}
