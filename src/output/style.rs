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

/// Errors with their first words coloured, at the beginnings of lines.
pub fn error_title(text: &str) -> String {
    let line = |line: &str| match line.strip_prefix("error:") {
        Some(rest) => format!("{}:{rest}", bad("error")),
        None => line.to_owned(),
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}
