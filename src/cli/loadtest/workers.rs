//! With how many processes load is made, here or on other machines.

use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::cli::Error;
use crate::cli::args::positive_duration;
use crate::config::topology::Reference;
use crate::load::worker::preflight::{Crews, Machine, Need, plan};
use crate::load::worker::remote::Meeting;
use crate::load::worker::{Said, Terms, Worker, local};
use crate::load::{LoadError, Plan};

/// The processes that make load.
#[derive(Debug, clap::Args)]
pub struct WorkerArgs {
    /// Processes that make load; `auto` takes as many as the users, the descriptors and the ports ask for
    #[arg(long, value_name = "N|auto", default_value = "auto", value_parser = workers)]
    workers: Workers,
    /// Connect from this address of this machine, in turn with the others named; one address has some 28,000 ports
    #[arg(long, value_name = "IP")]
    source_address: Vec<IpAddr>,
    #[command(flatten)]
    meeting: MeetingArgs,
}

/// Where workers on other machines are met.
#[derive(Debug, clap::Args)]
pub struct MeetingArgs {
    /// Let workers on other machines make the load, and meet them in this Redis (not the one under test); env:NAME or
    /// file:PATH for one with a password
    #[arg(long, value_name = "URL", env = "SCALECTL_MEET", hide_env_values = true)]
    meet: Option<Reference>,
    /// The name under which they meet there
    #[arg(long, value_name = "NAME", env = "SCALECTL_RUN", requires = "meet")]
    run: Option<String>,
    /// How long to wait for everybody
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = positive_duration)]
    wait: Duration,
}

/// A number of processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Workers {
    Auto,
    Number(usize),
}

/// How load is made.
#[derive(Debug)]
pub enum Manner {
    /// By this process.
    Here {
        /// Addresses to connect from.
        sources: Vec<IpAddr>,
    },
    /// By processes of this machine.
    Processes(Crews),
    /// By workers on other machines.
    Met {
        /// Where.
        meeting: Meeting,
        /// How many.
        count: usize,
        /// How long to wait for them.
        wait: Duration,
    },
}

impl WorkerArgs {
    /// What that means for this plan on this machine.
    pub fn manner(&self, load: &Plan, is_loopback: bool) -> Result<Manner, Error> {
        if let Some(meeting) = self.meeting.resolve()? {
            let Workers::Number(count) = self.workers else {
                return Err(Error::Usage("--meet needs --workers N: how many to wait for".to_owned()));
            };
            return Ok(Manner::Met { meeting, count, wait: self.meeting.wait });
        }
        let need = Need {
            users: load.load.users().into(),
            connections_per_user: load.connections_per_user(),
            is_loopback,
            workers: match self.workers {
                Workers::Auto => None,
                Workers::Number(number) => Some(number),
            },
            sources: self.source_address.clone(),
        };
        let crews = plan(&need, &Machine::look()).map_err(LoadError::from)?;
        Ok(match crews.workers {
            1 => Manner::Here { sources: crews.sources },
            _ => Manner::Processes(crews),
        })
    }
}

impl MeetingArgs {
    /// The place, when one is named.
    pub fn resolve(&self) -> Result<Option<Meeting>, Error> {
        let Some(reference) = &self.meet else { return Ok(None) };
        let url = reference.resolve().map_err(|error| Error::Usage(error.to_string()))?;
        let Some(run) = self.run.clone() else {
            return Err(Error::Usage(
                "--meet needs --run NAME, the same for the lead and its workers".to_owned(),
            ));
        };
        Ok(Some(Meeting { url, run }))
    }

    /// How long to wait for everybody.
    pub fn wait(&self) -> Duration {
        self.wait
    }
}

impl Manner {
    /// What it will be, in a line.
    pub fn line(&self) -> Option<String> {
        match self {
            Self::Here { .. } => None,
            Self::Processes(crews) => {
                Some(format!("load is made by {} processes of this machine", crews.workers))
            }
            Self::Met { meeting, count, .. } => {
                Some(format!("waiting for {count} workers of run {} in {}", meeting.run, meeting.url))
            }
        }
    }

    /// The workers, and where they are heard.
    pub async fn gather(&self) -> Result<(Vec<Worker>, mpsc::Receiver<Said>, Terms), Error> {
        match self {
            Self::Here { .. } => Err(Error::Usage("this process makes load alone".to_owned())),
            Self::Processes(crews) => {
                let (workers, said) = local::spawn(crews.workers, crews.threads).map_err(LoadError::from)?;
                Ok((workers, said, Terms::HERE))
            }
            Self::Met { meeting, count, wait } => {
                let (workers, said) = meeting.lead(*count).await.map_err(LoadError::from)?;
                Ok((workers, said, Terms::elsewhere(*wait)))
            }
        }
    }
}

fn workers(text: &str) -> Result<Workers, String> {
    match text.parse() {
        _ if text == "auto" => Ok(Workers::Auto),
        Ok(number @ 1..=1_000) => Ok(Workers::Number(number)),
        _ => Err("write `auto`, or a number from 1 to 1000".to_owned()),
    }
}
