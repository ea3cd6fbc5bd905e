//! A typed map that an application uses in place of a `HashMap`, and that an operator moves from the process's
//! memory to Redis while requests run: `scalectl migrate state` steers, every instance's [`Map`]s follow.
//!
//! The protocol is `docs/state-protocol.md`; its rules C1-C20 are named where the code carries them out. The code
//! has no I/O of its own: it asks a [`Port`], which is Redis ([`redis`]) or, in the tests, a simulation.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use state_map::redis::{RedisPort, RedisSettings};
//! use state_map::wire::key::Space;
//! use state_map::{Change, Json, MapSpec, Node, Settings};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let port = RedisPort::new(RedisSettings {
//!     url: "redis://127.0.0.1:6379".into(),
//!     space: Space::default(),
//!     timeout: Duration::from_millis(500),
//!     replicate_within: Duration::from_millis(250),
//! })?;
//! // The name is this process's alone, and the same after a restart.
//! let node = Node::new(port, Settings::named("game-1"));
//! let carts = node.map(MapSpec::new("carts", "cart:", Json))?;
//! tokio::spawn(node.clone().run());
//! node.registered().await;
//!
//! let items = carts
//!     .update("ada", |cart: Option<&Vec<u32>>| {
//!         let mut cart = cart.cloned().unwrap_or_default();
//!         cart.push(7);
//!         let items = cart.len();
//!         (Change::Set(cart, None), items)
//!     })
//!     .await?;
//! println!("{items} items");
//! node.leave(Duration::from_secs(10)).await;
//! # Ok(())
//! # }
//! ```
//!
//! Every operation waits until [`Node::run`] runs and has registered. The closure of an update and the merge hook run
//! under the map's lock: they must not use the map. The port's `timeout` belongs below [`Settings::operation`], and
//! that below [`Settings::call_life`].
//!
//! # What is guaranteed
//!
//! Operations on one key are linearizable from the moment that all instances have acknowledged `dual`, in every
//! phase, through any number of phase changes back and forth.
//!
//! | [`Phase`] | served by | an `Ok` means | while Redis is away | a crash of the process loses |
//! |---|---|---|---|---|
//! | `off` | memory | memory has it | nothing changes | all that it holds |
//! | `dual` to `shadow` | the key's owner, from memory | memory has it, Redis has it or is owed it | owned keys are served | what Redis never accepted |
//! | `read-new` | the owner, the newer of both | same | owned keys are served | what Redis never accepted |
//! | `strict` | the owner, from Redis | Redis and its replicas have it | a retryable error | nothing |
//! | `primary-new` to `done` | any process, from Redis | Redis and its replicas have it | a retryable error | nothing |
//!
//! Not guaranteed: the last writes of an owner that crashes while Redis fails over inside the replication lag (`dual` to
//! `read-new`); that a value which was read before its writer was told survives a fail-over (`strict` and later);
//! requests for a key whose owner hangs and is not evicted (`dual` to `strict`); anything after an operator has called
//! an instance stopped that is not. `docs/state-protocol.md` has the whole list.

mod clock;
pub mod control;
pub mod error;
pub mod map;
mod memory;
pub mod node;
pub mod operator;
pub mod phase;
mod plant;
pub mod port;
pub mod redis;
#[cfg(test)]
mod sim;
pub mod spec;
mod sync;
pub mod verify;
pub mod wire;

pub use control::{ControlRecord, Id, Stamp};
pub use error::{Misfit, Refused};
pub use map::{Change, Map};
pub use node::{Node, Settings, Status};
pub use phase::{Phase, Service};
pub use port::{Event, Port};
pub use spec::{Codec, Json, MapSpec, Merge, Takeover, Text};
