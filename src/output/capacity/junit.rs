//! JUnit's XML: a test case for each search, and one for the level that was required.

use super::{found, level};
use crate::load::capacity::CapacityReport;
use crate::load::capacity::report::{Requirement, SearchReport};
use crate::load::capacity::search::Finding;
use crate::output::junit::{Case, Trouble, document};

/// Renders `report`.
pub fn render(report: &CapacityReport) -> String {
    let searches = report.searches.iter().map(|search| self::search(search, report));
    let required = report.requirement.iter().map(|requirement| required(requirement, report));
    let cases: Vec<Case> = searches.chain(required).collect();
    document("scalectl find-capacity", &report.scenario, None, &cases)
}

fn search(search: &SearchReport, report: &CapacityReport) -> Case {
    let why = || found(search.finding, report).why;
    let trouble = match search.finding {
        Finding::Found | Finding::AboveMaximum => None,
        Finding::FailsAtBaseline => Some(Trouble::Failure(why())),
        Finding::Unsteady | Finding::AboveGenerator | Finding::Unfinished => Some(Trouble::Error(why())),
    };
    let instances = search.instances.map(|n| format!(" with {n} instances")).unwrap_or_default();
    Case { name: format!("the limit of {}{instances} was found", search.target), trouble }
}

fn required(requirement: &Requirement, report: &CapacityReport) -> Case {
    let wanted = format!("{} {}", level(requirement.level), report.unit);
    let trouble = match requirement.met {
        Some(true) => None,
        Some(false) => Some(Trouble::Failure(format!("{wanted} are not held"))),
        None => Some(Trouble::Error(format!("it is not known whether {wanted} are held"))),
    };
    Case { name: format!("{wanted} are held"), trouble }
}
