//! Why an operation on a map was refused.

/// What the caller is told. The first two may be tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nothing was done: Redis is needed in this phase and cannot be used, or the key's owner does not answer.
    #[error("the state is not available now ({0}): try again")]
    Unavailable(String),
    /// It may have been done, or may still be: look before trying again.
    #[error("the outcome is not known ({0}): read before trying again")]
    Unknown(String),
    /// Another process runs under this instance's name. This one serves no state until it is started anew.
    #[error("another process has registered under this instance's name")]
    Retired,
    /// What Redis has for this key is not a value of this map.
    #[error("the stored value cannot be read: {0}")]
    Malformed(String),
    /// The value has no form in bytes. Nothing was done.
    #[error("the value cannot be written: {0}")]
    Unwritable(String),
}

/// Why a map cannot be added to a process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The start of its keys is empty, or has a brace, which would part a value from its sidecar in a Cluster.
    #[error("the keys of the map `{map}` must begin with something, without braces, and not with `{prefix}`")]
    Prefix {
        /// Its name.
        map: &'static str,
        /// The start of its keys.
        prefix: &'static str,
    },
    /// Its keys cannot be told from those of another map.
    #[error("keys of the map `{map}` cannot be told from those that begin with `{other}`")]
    Overlap {
        /// Its name.
        map: &'static str,
        /// The start of the other map's keys.
        other: String,
    },
    /// The process runs already: nobody would repair this map.
    #[error("the map `{map}` comes too late: all maps must be there before the process runs")]
    Late {
        /// Its name.
        map: &'static str,
    },
}

impl Refused {
    pub(crate) fn unavailable(cause: impl std::fmt::Display) -> Self {
        Self::Unavailable(cause.to_string())
    }

    pub(crate) fn unknown(cause: impl std::fmt::Display) -> Self {
        Self::Unknown(cause.to_string())
    }
}
