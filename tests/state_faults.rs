//! State moves from the memory of real processes to a real Redis while they write and things go wrong. Each operation
//! is written down, and afterwards every history must be one that a single, never failing map could have had.

mod back;
mod calls;
mod chance;
mod checked;
mod down;
mod drain;
mod failover;
mod instance;
mod late;
mod ledger;
mod moves;
mod operator;
mod owed;
mod presence;
mod random;
mod routes;
mod site;
mod steering;
mod store;
mod turn;
mod whole;
mod workload;
