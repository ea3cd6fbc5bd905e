//! One process of an application whose state moves: a map of lists and a map of presence, served line by line over
//! a loopback socket. The tests of migrations start several, and kill them.
//!
//! It reads its [`Config`] as one line of JSON from stdin, prints `listening on 127.0.0.1:PORT`, and then answers a
//! JSON line with a JSON line on every connection (see [`protocol`]).

mod app;
mod config;
mod protocol;
mod serve;
mod skewed;

use std::error::Error;
use std::io::{Write, stdin, stdout};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use state_map::Node;
use tokio::runtime::Runtime;

use crate::app::App;
use crate::config::Config;

/// Each connection has a thread of its own: a request that is stopped on purpose, with a lock of the map in its hands,
/// must still hear that it may go on.
fn main() -> Result<(), Box<dyn Error>> {
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    let config: Config = serde_json::from_str(&line)?;
    let runtime = Runtime::new()?;
    let _entered = runtime.enter();
    let node = Node::new(config.port()?, config.settings());
    let app = Arc::new(App::new(Arc::clone(&node))?);
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    writeln!(stdout(), "listening on {}", listener.local_addr()?)?;
    stdout().flush()?;
    runtime.spawn(node.run());
    for connection in listener.incoming() {
        let (connection, app, runtime) = (connection?, Arc::clone(&app), runtime.handle().clone());
        connection.set_nodelay(true)?;
        thread::spawn(move || serve::serve(&connection, &app, &runtime));
    }
    Ok(())
}
