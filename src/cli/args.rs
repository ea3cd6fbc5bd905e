//! Groups of arguments that several commands share.

use std::time::Duration;

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
