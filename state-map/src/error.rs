//! Why an operation on a map was refused.

/// What the caller is told. All but [`Self::Retired`] may be tried again.
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
}

impl Refused {
    pub(crate) fn unavailable(cause: impl std::fmt::Display) -> Self {
        Self::Unavailable(cause.to_string())
    }

    pub(crate) fn unknown(cause: impl std::fmt::Display) -> Self {
        Self::Unknown(cause.to_string())
    }
}
