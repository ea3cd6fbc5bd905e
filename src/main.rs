//! The `scalectl` binary: arguments in, exit code out.

use std::process::ExitCode;

/// glibc keeps what its users needed after they have gone (18 MB before 2,000 sockets, 123 MB after, for good);
/// jemalloc gives it back within a minute, and holds less at the peak.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    scalectl::run(std::env::args_os()).into()
}
