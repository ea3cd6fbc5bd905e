//! Ctrl-C, SIGTERM and SIGHUP, as one cancellation.

use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

/// Cancelled by the first signal; a second one ends the process at once. The handler is installed by the
/// first call and stays: goose would install its own later, and finds the place taken.
pub fn interrupt() -> CancellationToken {
    static TOKEN: OnceLock<CancellationToken> = OnceLock::new();
    TOKEN.get_or_init(install).clone()
}

fn install() -> CancellationToken {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    let handler = move || {
        if cancelled.is_cancelled() {
            std::process::exit(crate::Exit::Interrupted.code().into());
        }
        cancelled.cancel();
    };
    // It fails only when another handler is there already, which `OnceLock` rules out.
    ctrlc::set_handler(handler).ok();
    token
}
