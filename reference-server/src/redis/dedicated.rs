//! Connections of somebody's own, outside the circuit: for a library that keeps a connection and handles its
//! end by itself. It follows the master of a Sentinel set-up; a Cluster has no one master and is refused.

use redis::RedisResult;
use redis::aio::MultiplexedConnection;

use super::address::Address;
use super::link::node_config;
use crate::error::StartError;

/// Opens connections to the server that is in charge.
pub struct Dedicated {
    address: Address,
}

impl Dedicated {
    /// Connections to this URL; `setting` is what the URL is called in a refusal.
    pub fn parse(url: &str, setting: &'static str) -> Result<Self, StartError> {
        let address = Address::parse(url)?;
        if address.has_one_master() {
            return Ok(Self { address });
        }
        Err(StartError::Setting {
            setting,
            value: "a Cluster".into(),
            expected: "a standalone server or Sentinel: the job queue's keys do not share a slot",
        })
    }

    /// A new connection to the present master.
    pub async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let node = self.address.find_node(0).await?;
        node.get_multiplexed_async_connection_with_config(&node_config()).await
    }
}
