//! Reports on indexes for people.

pub mod capability;
