//! One process of an application whose state moves: a map of lists and a map of presence, served line by line over
//! a loopback socket. The tests of migrations start several, and kill them.
//!
//! It reads its [`Config`] as one line of JSON from stdin, prints `listening on 127.0.0.1:PORT`, and then answers a
//! JSON line with a JSON line on every connection (see [`protocol`]).

mod config;
mod pause;
mod protocol;
mod serve;

use std::error::Error;
use std::io::{Write, stdin, stdout};
use std::sync::Arc;

use state_map::redis::RedisPort;
use state_map::{Json, MapSpec, Node, Takeover, Text};
use tokio::net::TcpListener;

use crate::config::Config;
use crate::serve::{App, serve};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    let config: Config = serde_json::from_str(&line)?;
    let node = Node::new(RedisPort::new(config.redis())?, config.settings());
    let app = Arc::new(App {
        lists: node.map(MapSpec::new("lists", "list:", Json)),
        merged: node.map(
            MapSpec::new("merged", "merged:", Json)
                .merging(|held: &Vec<u64>, stored| config::longer(held, stored)),
        ),
        presence: node.map(MapSpec::new("presence", "presence:", Text).takeover(Takeover::LastWins)),
        node: Arc::clone(&node),
    });
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    writeln!(stdout(), "listening on {}", listener.local_addr()?)?;
    stdout().flush()?;
    tokio::spawn(node.run());
    loop {
        let (connection, _) = listener.accept().await?;
        connection.set_nodelay(true)?;
        tokio::spawn(serve(connection, Arc::clone(&app)));
    }
}
