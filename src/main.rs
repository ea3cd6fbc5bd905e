//! The `scalectl` binary: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    scalectl::run(std::env::args_os()).into()
}
