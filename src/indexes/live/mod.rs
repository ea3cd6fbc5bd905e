//! What the servers have: the deployment and its members, and the indexes of its databases.

mod deployment;
mod state;

pub use deployment::{Deployment, Member, Role, Topology, Version};
pub use state::{LiveCollection, LiveDatabase, LiveIndex, read_database, read_indexes};
