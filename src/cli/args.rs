//! Groups of arguments that several commands share.

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
pub fn duration(text: &str) -> Result<std::time::Duration, String> {
    text.parse::<Span>().map(|span| span.0)
}
