//! Reports on indexes for people.

pub mod apply;
pub mod history;
pub mod plan;
