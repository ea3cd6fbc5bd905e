//! The sections `before` and `after`, which are done once in a run.

use super::{Compiler, assigned};
use crate::load::scenario::model::{ScenarioFile, Section as Model, Tags};
use crate::load::scenario::plan::{ScenarioPlan, Section};

impl Compiler<'_> {
    /// Compiles `before`, and declares what it sets: all later steps see it.
    pub fn before(&mut self, file: &ScenarioFile) -> (Option<ScenarioPlan>, Vec<usize>) {
        let Some(section) = &file.before else { return (None, Vec::new()) };
        let plan = self.section(section, "before");
        let gives = assigned(&section.flow).iter().map(|name| self.symbols.declare(name)).collect();
        (Some(plan), gives)
    }

    /// Compiles `after`.
    pub fn after(&mut self, file: &ScenarioFile) -> Option<ScenarioPlan> {
        file.after.as_ref().map(|section| self.section(section, "after"))
    }

    fn section(&mut self, section: &Model, name: &'static str) -> ScenarioPlan {
        self.tags = Tags::new();
        self.section = Some(name);
        let plan = self.scenario(&section.flow, section.engine, &format!("/{name}"), name.to_owned());
        self.section = None;
        plan
    }
}

/// Puts a section behind the scenarios.
pub fn place(plan: ScenarioPlan, gives: Vec<usize>, scenarios: &mut Vec<ScenarioPlan>) -> Section {
    scenarios.push(plan);
    Section { scenario: scenarios.len() - 1, gives }
}
