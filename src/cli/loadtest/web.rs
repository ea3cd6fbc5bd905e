//! Whether a page shows the run while it goes on, and to whom.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::cli::{Error, io_error};
use crate::live;
use crate::output::Output;

/// The page.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Live view")]
pub struct WebArgs {
    /// Show the run while it goes on, on a page at this address [default: a free port of 127.0.0.1]
    #[arg(long, value_name = "ADDR:PORT", num_args = 0..=1, require_equals = true, default_missing_value = "127.0.0.1:0")]
    web: Option<SocketAddr>,
    /// Let other machines see the page too: whoever reaches the address reads along
    #[arg(long, requires = "web")]
    web_public: bool,
}

impl WebArgs {
    /// Binds the page's address, where one is wanted, and says where it is.
    pub async fn bind(&self, output: Output) -> Result<Option<TcpListener>, Error> {
        let Some(address) = self.web else { return Ok(None) };
        if !address.ip().is_loopback() && !self.web_public {
            return Err(Error::Refused(format!(
                "{address} can be reached from other machines, and the page shows what is tested to whoever asks; use \
                 127.0.0.1, or add --web-public"
            )));
        }
        let what = || format!("the page cannot be shown at {address}");
        let listener =
            live::bind(address).await.map_err(|error| Error::Usage(format!("{}: {error}", what())))?;
        let bound = listener.local_addr().map_err(io_error(what()))?;
        output.note(&format!("the run is shown at http://{bound}/"));
        Ok(Some(listener))
    }

    /// Whether other machines may see it.
    pub fn is_public(&self) -> bool {
        self.web_public
    }
}
