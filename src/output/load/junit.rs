//! JUnit's XML: a test case for each threshold, and one for whether the load was what was asked for.

use super::{doubts, measured};
use crate::load::LoadReport;
use crate::load::report::Verdict;
use crate::load::slo::{Outcome, SloResult};

/// Renders `report`.
pub fn render(report: &LoadReport) -> String {
    let cases: Vec<Case> = report.slo.iter().map(Case::threshold).chain([Case::load(report)]).collect();
    let count = |wanted: &str| {
        cases.iter().filter(|case| case.trouble.as_ref().is_some_and(|t| t.0 == wanted)).count()
    };
    let (tests, failures, errors) = (cases.len(), count("failure"), count("error"));
    let (suite, time) = (xml(&report.scenario), report.duration_seconds);
    let numbers = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{time:.3}\"");
    let cases: String = cases.iter().map(|case| case.render(&suite)).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"scalectl loadtest\" {numbers}>\n  \
         <testsuite name=\"{suite}\" {numbers}>\n{cases}  </testsuite>\n</testsuites>\n"
    )
}

/// A test case.
struct Case {
    name: String,
    /// The element that says what is wrong, and its text.
    trouble: Option<(&'static str, String)>,
}

impl Case {
    fn threshold(result: &SloResult) -> Self {
        let trouble = match result.outcome {
            Outcome::Passed => None,
            Outcome::Failed => Some(("failure", format!("measured: {}", measured(result)))),
            // Whoever only looks for failures would take a skipped one for a passed one.
            Outcome::Inconclusive => {
                Some(("error", format!("cannot be judged; measured: {}", measured(result))))
            }
        };
        Self { name: result.slo.clone(), trouble }
    }

    fn load(report: &LoadReport) -> Self {
        let doubts = doubts(report);
        let trouble = match report.verdict {
            Verdict::Interrupted => Some(("error", "the run was interrupted".to_owned())),
            _ if doubts.is_empty() => None,
            _ => Some(("error", doubts.join("\n"))),
        };
        Self { name: "the load was what was asked for".to_owned(), trouble }
    }

    fn render(&self, suite: &str) -> String {
        let head = format!("    <testcase classname=\"{suite}\" name=\"{}\"", xml(&self.name));
        match &self.trouble {
            None => format!("{head}/>\n"),
            Some((element, text)) => {
                let text = xml(text);
                let first = text.lines().next().unwrap_or_default();
                format!("{head}>\n      <{element} message=\"{first}\">{text}</{element}>\n    </testcase>\n")
            }
        }
    }
}

/// Text that is neither markup nor forbidden in XML.
fn xml(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\n' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::{render, xml};
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

    #[test]
    fn foreign_text_is_no_markup() {
        assert_eq!(xml("</failure>\u{1b}\"&\n]]>"), "&lt;/failure&gt;\u{fffd}&quot;&amp;\n]]&gt;");
    }
}
