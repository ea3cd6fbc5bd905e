//! JUnit's XML: a test case for each threshold, and one for whether the load was what was asked for.

use super::{doubts, measured};
use crate::load::LoadReport;
use crate::load::report::Verdict;
use crate::load::slo::{Outcome, SloResult};
use crate::output::junit::{Case, Trouble, document};

/// Renders `report`.
pub fn render(report: &LoadReport) -> String {
    let cases: Vec<Case> = report.slo.iter().map(threshold).chain([load(report)]).collect();
    document("scalectl loadtest", &report.scenario, Some(report.duration_seconds), &cases)
}

fn threshold(result: &SloResult) -> Case {
    let trouble = match result.outcome {
        Outcome::Passed => None,
        Outcome::Failed => Some(Trouble::Failure(format!("measured: {}", measured(result)))),
        // Whoever only looks for failures would take a skipped one for a passed one.
        Outcome::Inconclusive => {
            Some(Trouble::Error(format!("cannot be judged; measured: {}", measured(result))))
        }
    };
    Case { name: result.slo.clone(), trouble }
}

fn load(report: &LoadReport) -> Case {
    let doubts = doubts(report);
    let trouble = match report.verdict {
        Verdict::Interrupted => Some(Trouble::Error("the run was interrupted".to_owned())),
        _ if doubts.is_empty() => None,
        _ => Some(Trouble::Error(doubts.join("\n"))),
    };
    Case { name: "the load was what was asked for".to_owned(), trouble }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::render;
    use crate::load::report::Verdict;

    #[test]
    fn each_threshold_is_a_case() {
        let text = render(&sample::report());
        assert!(text.contains("tests=\"4\" failures=\"1\" errors=\"1\""), "{text}");
        assert!(text.contains("name=\"errors &lt; 1%\"/>"), "{text}");
        assert!(text.contains("<failure message=\"measured: 93.4ms\">"), "{text}");
        assert!(text.contains("<error message=\"cannot be judged; measured: nothing\">"), "{text}");
    }

    #[test]
    fn a_load_that_was_not_what_was_asked_for_is_an_error() {
        let mut report = sample::report();
        report.generator.doubts = vec!["worker-2 was lost".to_owned()];
        assert!(render(&report).contains("<error message=\"worker-2 was lost\">"));
        report.verdict = Verdict::Interrupted;
        assert!(render(&report).contains("<error message=\"the run was interrupted\">"));
    }
}
