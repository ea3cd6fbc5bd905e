//! Why a server cannot start. Every variant names the way out.

use std::path::PathBuf;

use crate::store::StoreError;

/// A server that refuses to start, or cannot.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The process may not open as many descriptors as the connections need.
    #[error(
        "{connections} connections need {need} file descriptors, but this process may open {limit} \
         (RLIMIT_NOFILE): run `ulimit -n {need}` first, or allow at most {allowed} connections"
    )]
    DescriptorLimit {
        /// Connections asked for.
        connections: usize,
        /// Descriptors that they need, the reserve included.
        need: u64,
        /// Soft limit of the process.
        limit: u64,
        /// Connections that the limit has room for.
        allowed: usize,
    },
    /// The maps that move to Redis do not go together.
    #[error(transparent)]
    Maps(#[from] state_map::Misfit),
    /// A setting that no server could work with.
    #[error("{setting} is {value}: it must be {expected}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// Value that was given.
        value: String,
        /// What would be accepted.
        expected: &'static str,
    },
    /// The store could not be opened.
    #[error("cannot open the store at {}: {source}", path.display())]
    Store {
        /// File of the store.
        path: PathBuf,
        /// What failed.
        source: StoreError,
    },
    /// Another process shares its state under this process's name.
    #[error(
        "another process runs as `{name}`: stop it first, or give this one a name of its own (instanceName, \
         --instance-name)"
    )]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The administrator of the settings cannot be made.
    #[error("the administrator cannot be made: {0}")]
    Administrator(String),
    /// MongoDB does not answer, or not as it must.
    #[error(
        "cannot use MongoDB at {hosts}: {source}: start it, or correct the connection string, \
         or leave it out to use the embedded store"
    )]
    Mongo {
        /// Where it was looked for, without credentials.
        hosts: String,
        /// What failed.
        source: StoreError,
    },
    /// The store cannot be used, although it was opened.
    #[error("the store failed: {0}: start again once it works")]
    StoreFailed(StoreError),
    /// The listener has no address, or a thread cannot be started.
    #[error("the operating system refuses: {0}")]
    System(#[from] std::io::Error),
}
