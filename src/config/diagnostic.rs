//! Mistakes in a file, each with its place, shown together with the lines they are on.

use std::fmt;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::Place;
use crate::clients::mask_text;

/// More mistakes than this are counted, not shown.
const SHOWN: usize = 20;

/// One mistake: where, what, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where it is; `None` when the file as a whole is meant.
    pub place: Option<Place>,
    /// What is wrong, in the user's words.
    pub message: String,
    /// The repair, shown under the place.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A mistake at `place`.
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place: Some(place), message: message.into(), help: None }
    }

    /// The same with the repair named.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// All the mistakes of one file, in the order of its lines. Never empty.
#[derive(Debug, Clone)]
pub struct Mistakes {
    name: String,
    text: String,
    found: Vec<Diagnostic>,
    /// A second file, whose text follows from this line on.
    second: Option<Box<(usize, String)>>,
}

impl Mistakes {
    /// Sorts `found` by place and drops repetitions.
    pub fn new(name: &str, text: &str, mut found: Vec<Diagnostic>) -> Self {
        found.sort_by(|a, b| (a.place, &a.message).cmp(&(b.place, &b.message)));
        found.dedup();
        // The quoted line must not give away a password that the message is careful to hide.
        Self { name: name.to_owned(), text: mask_text(text), found, second: None }
    }

    /// The same for a text that two files make up.
    #[must_use]
    pub fn with_second(self, second: Option<(usize, String)>) -> Self {
        Self { second: second.map(Box::new), ..self }
    }

    /// A mistake of the file as a whole: missing, unreadable.
    pub fn unplaced(name: &str, message: String) -> Self {
        Self::new(name, "", vec![Diagnostic { place: None, message, help: None }])
    }

    /// What is wrong, without places and lines, for a message of another kind.
    pub fn messages(&self) -> String {
        self.found.iter().map(|diagnostic| diagnostic.message.as_str()).collect::<Vec<_>>().join("; ")
    }

    /// The file that a place is in, its text, and the place there.
    fn located(&self, place: Place) -> (&str, &str, Place) {
        match self.second.as_deref() {
            Some((start, name)) => {
                let cut = offset_of(&self.text, Place { line: *start, column: 1 });
                match place.line >= *start {
                    true => (name, &self.text[cut..], Place { line: place.line + 1 - start, ..place }),
                    false => (&self.name, &self.text[..cut], place),
                }
            }
            None => (&self.name, &self.text, place),
        }
    }

    fn render(&self, diagnostic: &Diagnostic) -> String {
        let Some(place) = diagnostic.place else {
            return format!("error: {}: {}", self.name, diagnostic.message);
        };
        let (name, text, place) = self.located(place);
        let start = offset_of(text, place);
        let end = start + token_length(&text[start..]);
        let annotation = AnnotationKind::Primary.span(start..end).label(diagnostic.help.as_deref());
        let snippet = Snippet::source(text).path(name).annotation(annotation);
        let report = [Level::ERROR.primary_title(&diagnostic.message).element(snippet)];
        Renderer::plain().render(&report)
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.found.iter().take(SHOWN).map(|diagnostic| self.render(diagnostic));
        f.write_str(&shown.collect::<Vec<_>>().join("\n"))?;
        match self.found.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\nerror: {}: {more} more mistakes are not shown", self.name),
        }
    }
}

impl std::error::Error for Mistakes {}

/// The byte offset of a place; the end of its line when the column lies beyond.
fn offset_of(text: &str, place: Place) -> usize {
    let before: usize = text.split_inclusive('\n').take(place.line - 1).map(str::len).sum();
    let line = text[before..].split('\n').next().unwrap_or_default();
    let within: usize = line.chars().take(place.column - 1).map(char::len_utf8).sum();
    before + within
}

/// How much of the text the marks underline: up to the end of the key or of the scalar on this line.
fn token_length(text: &str) -> usize {
    let line = text.split('\n').next().unwrap_or_default();
    if let Some(quote) = line.chars().next().filter(|c| matches!(c, '"' | '\''))
        && let Some(end) = line[1..].find(quote)
    {
        return end + 2;
    }
    let key_end = line.find(": ").or_else(|| line.ends_with(':').then(|| line.len() - 1));
    let flow_end = line.find([',', ']', '}']);
    let end = key_end.into_iter().chain(flow_end).min().unwrap_or(line.len());
    line[..end].trim_end().len().max(1).min(text.len())
}

#[cfg(test)]
mod tests {
    use super::{Diagnostic, Mistakes};
    use crate::config::Place;

    #[test]
    fn mistakes_are_shown_in_the_order_of_the_file_with_their_lines() {
        let at = |line, column| Place { line, column };
        let found = vec![
            Diagnostic::new(at(2, 3), "unknown key `urll`").with_help("did you mean `url`?"),
            Diagnostic::new(at(1, 1), "`get` is not allowed here"),
        ];
        let mistakes = Mistakes::new("feed.yaml", "get:\n  urll: /feed\n", found);
        snapbox::assert_data_eq!(
            format!("{mistakes}\n"),
            snapbox::str![[r#"
error: `get` is not allowed here
 --> feed.yaml:1:1
  |
1 | get:
  | ^^^
error: unknown key `urll`
 --> feed.yaml:2:3
  |
2 |   urll: /feed
  |   ^^^^ did you mean `url`?

"#]]
        );
    }

    #[test]
    fn a_place_past_the_end_does_not_panic() {
        let found = vec![Diagnostic::new(Place { line: 9, column: 9 }, "missing key `target`")];
        assert!(Mistakes::new("é.yaml", "é: 1\n", found).to_string().contains("missing key"));
    }
}
