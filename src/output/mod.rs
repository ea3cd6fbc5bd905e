//! The only place that prints. Results go to stdout, everything else to stderr; colour only on a terminal.

pub mod capacity;
pub mod chart;
pub mod clean;
pub mod demo;
pub mod health;
pub mod import;
pub mod indexes;
mod junit;
pub mod load;
pub mod markdown;
mod page;
pub mod progress;
pub mod shipped;
pub mod state;
pub mod style;
pub mod table;

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::text::printable;

/// Makes a terminal empty, and begins at its top.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs, in a stable layout.
    Json,
}

/// What a file holds that a report is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FileFormat {
    /// One page with charts.
    Html,
    /// The whole report.
    Json,
    /// A test case for each judgement.
    Junit,
    /// For a pull request.
    Markdown,
    /// What was measured, as a table.
    Csv,
}

/// Where results and messages go.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    format: Format,
    quiet: bool,
}

impl Output {
    /// Writes results in `format`; with `quiet`, nothing but results and errors.
    pub fn new(format: Format, quiet: bool) -> Self {
        Self { format, quiet }
    }

    /// Writes a report: as JSON, or as the text that `render` makes of it.
    pub fn report<T: Serialize>(&self, report: &T, render: impl FnOnce(&T) -> String) -> io::Result<()> {
        match self.format {
            Format::Table => self.result(&render(report)),
            Format::Json => self.result(&serde_json::to_string_pretty(report)?),
        }
    }

    /// Writes a report that only programs read; people have the result elsewhere.
    pub fn json_only<T: Serialize>(&self, report: &T) -> io::Result<()> {
        match self.format {
            Format::Table => Ok(()),
            Format::Json => self.result(&serde_json::to_string_pretty(report)?),
        }
    }

    /// Writes a report that replaces the one before, where there is a terminal to do so.
    pub fn screen<T: Serialize>(&self, report: &T, render: impl FnOnce(&T) -> String) -> io::Result<()> {
        if self.format == Format::Table && io::stdout().is_terminal() {
            return self.result(&format!("{CLEAR}{}", render(report)));
        }
        self.report(report, render)
    }

    /// Writes text that is a result.
    pub fn result(&self, text: &str) -> io::Result<()> {
        write_line(&mut anstream::stdout().lock(), text)
    }

    /// Writes a part of a longer story for people; programs get the whole as one report at its end.
    pub fn story(&self, text: &str) {
        if self.format == Format::Table {
            self.result(text).ok();
        }
    }

    /// Writes what people should see before the result, beside it; programs get the result alone.
    pub fn story_aside(&self, text: &str) {
        if !self.quiet && self.format == Format::Table {
            write_line(&mut anstream::stderr().lock(), text).ok();
        }
    }

    /// Tells what is going on.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            write_line(&mut anstream::stderr().lock(), &printable(text)).ok();
        }
    }

    /// Says why a command could not be done.
    pub fn error(&self, text: &str) {
        let is_titled = text.starts_with("error");
        let titled = if is_titled { text.to_owned() } else { format!("error: {text}") };
        write_line(&mut anstream::stderr().lock(), &style::error_title(&printable(&titled))).ok();
    }

    /// Whether a bar may be drawn.
    pub fn is_interactive(&self) -> bool {
        !self.quiet && std::io::stderr().is_terminal()
    }
}

/// A report as a file for programs.
fn json<T: Serialize>(report: &T) -> io::Result<String> {
    Ok(format!("{}\n", serde_json::to_string_pretty(report)?))
}

/// A reader that has gone away (`| head`) is no reason to fail; a full disk is.
fn write_line(to: &mut impl Write, text: &str) -> io::Result<()> {
    match writeln!(to, "{}", text.trim_end()).and_then(|()| to.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
