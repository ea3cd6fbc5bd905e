//! A migration of state for people, and for Prometheus.

pub mod change;
pub mod conflict;
pub mod journal;
pub mod notice;
pub mod plan;
pub mod progress;
pub mod prometheus;
pub mod status;
pub mod verify;
