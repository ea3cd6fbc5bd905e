//! The few colours there are: red for bad, yellow for look here, green for well, dim for less important.

use anstyle::{AnsiColor, Style};

const BAD: Style = AnsiColor::Red.on_default().bold();
const LOOK: Style = AnsiColor::Yellow.on_default().bold();
const WELL: Style = AnsiColor::Green.on_default();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Something failed.
pub fn bad(text: &str) -> String {
    paint(BAD, text)
}

/// Something to look at.
pub fn look(text: &str) -> String {
    paint(LOOK, text)
}

/// Something is well.
pub fn well(text: &str) -> String {
    paint(WELL, text)
}

/// Less important.
pub fn dim(text: &str) -> String {
    paint(DIM, text)
}

/// A heading.
pub fn bold(text: &str) -> String {
    paint(BOLD, text)
}

/// An error with its first word coloured.
pub fn error_title(text: &str) -> String {
    text.split("error:").collect::<Vec<_>>().join(&format!("{}:", bad("error")))
}
