//! Groups of arguments that several commands share.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use super::Error;
use crate::config::duration::Span;
use crate::output::{Format, Output};

/// How results are written.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct OutputArgs {
    /// How results are written to stdout
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    output: Format,
    /// Print results and errors only
    #[arg(long, short)]
    quiet: bool,
}

impl OutputArgs {
    /// Where results and messages go.
    pub fn resolve(self) -> Output {
        Output::new(self.output, self.quiet)
    }
}

/// A duration argument.
pub fn duration(text: &str) -> Result<Duration, String> {
    text.parse::<Span>().map(|span| span.0)
}

/// A duration argument that has to last.
pub fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("it must be longer than nothing".to_owned()),
        duration => Ok(duration),
    }
}

/// Writes a file that the user has named; one that is there only with `force`.
pub fn write_file(file: &Path, text: &str, force: bool) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(force).create_new(!force);
    let written = options.open(file).and_then(|mut file| file.write_all(text.as_bytes()));
    let name = file.display();
    match written {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(Error::Refused(format!("{name} is there already; --force writes over it")))
        }
        written => written.map_err(|error| Error::Usage(format!("{name}: could not be written: {error}"))),
    }
}
