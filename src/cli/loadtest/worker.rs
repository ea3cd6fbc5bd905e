//! `scalectl loadtest worker`, and the hidden command of a worker that the lead itself starts.

use super::workers::MeetingArgs;
use crate::Exit;
use crate::cli::{Error, Outcome};
use crate::load::LoadError;
use crate::load::worker::{host, local};

/// Makes load for a lead that is met in a Redis.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    meeting: MeetingArgs,
    /// The worker's seat, from 0; the next free one when left out
    #[arg(long, value_name = "N", env = "JOB_COMPLETION_INDEX")]
    seat: Option<u32>,
}

/// Takes a seat and does what the lead says. What the run came to is the lead's to tell.
pub async fn run(args: Args) -> Outcome {
    let Some(meeting) = args.meeting.resolve()? else {
        return Err(Error::Usage("a worker needs --meet URL and --run NAME: where its lead is".to_owned()));
    };
    let joined = meeting.join(args.seat, args.meeting.wait()).await.map_err(LoadError::from)?;
    let told = joined.sent;
    host::work(joined.orders, joined.reports).await;
    told.await.ok();
    Ok(Exit::Done)
}

/// The same for a child of the lead, over its own stdin and stdout.
pub async fn run_child() -> Outcome {
    let (orders, reports, told) = local::stdio();
    host::work(orders, reports).await;
    told.await.ok();
    Ok(Exit::Done)
}
