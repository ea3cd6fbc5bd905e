//! What the commands on indexes say to people.

pub mod advise;
