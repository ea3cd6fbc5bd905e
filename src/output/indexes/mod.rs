//! Reports of `migrate indexes` for people.

pub mod verify;
