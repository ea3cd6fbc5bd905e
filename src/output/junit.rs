//! JUnit's XML: test cases, and what is wrong with them.

/// A test case.
#[derive(Debug)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// What is wrong, if anything is.
    pub trouble: Option<Trouble>,
}

/// What is wrong with a test case.
#[derive(Debug)]
pub enum Trouble {
    /// It failed.
    Failure(String),
    /// It could not be judged.
    Error(String),
}

/// A file with one suite.
pub fn document(title: &str, suite: &str, seconds: Option<f64>, cases: &[Case]) -> String {
    let (suite, title) = (xml(suite), xml(title));
    let count = |wanted: fn(&Trouble) -> bool| {
        cases.iter().filter(|case| case.trouble.as_ref().is_some_and(wanted)).count()
    };
    let failures = count(|trouble| matches!(trouble, Trouble::Failure(_)));
    let errors = count(|trouble| matches!(trouble, Trouble::Error(_)));
    let time = seconds.map(|seconds| format!(" time=\"{seconds:.3}\"")).unwrap_or_default();
    let numbers = format!("tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\"{time}", cases.len());
    let cases: String = cases.iter().map(|case| case.render(&suite)).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{title}\" {numbers}>\n  \
         <testsuite name=\"{suite}\" {numbers}>\n{cases}  </testsuite>\n</testsuites>\n"
    )
}

impl Case {
    fn render(&self, suite: &str) -> String {
        let head = format!("    <testcase classname=\"{suite}\" name=\"{}\"", xml(&self.name));
        let (element, text) = match &self.trouble {
            None => return format!("{head}/>\n"),
            Some(Trouble::Failure(text)) => ("failure", xml(text)),
            Some(Trouble::Error(text)) => ("error", xml(text)),
        };
        let first = text.lines().next().unwrap_or_default();
        format!("{head}>\n      <{element} message=\"{first}\">{text}</{element}>\n    </testcase>\n")
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
    use super::xml;

    #[test]
    fn foreign_text_is_no_markup() {
        assert_eq!(xml("</failure>\u{1b}\"&\n]]>"), "&lt;/failure&gt;\u{fffd}&quot;&amp;\n]]&gt;");
    }
}
