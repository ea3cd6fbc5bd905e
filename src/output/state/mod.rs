//! Migrations of state, for people.

pub mod verify;
