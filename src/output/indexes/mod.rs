//! Reports on indexes for people.

pub mod advise;
pub mod apply;
pub mod capability;
pub mod history;
pub mod import;
pub mod plan;
pub mod verify;
