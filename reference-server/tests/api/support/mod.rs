//! A server of the test's own, and clients for it.

mod deployment;
mod http;
pub mod mongo;
mod server;
mod socket;
mod steering;

pub use deployment::{Deployment, Kind};
pub use http::{Answer, Client};
pub use server::{Mortal, Server};
pub use socket::Socket;
pub use steering::Steering;

/// Tests of what a single server does, whether its state is in memory or may move from there.
macro_rules! in_each_home {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            use crate::support::Server;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn memory() {
                super::$test(&Server::start().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn migrating() {
                let (redis, dir) = (redis_fixture::Server::start(), tempfile::tempdir().unwrap());
                let server = Server::migrating(dir.path(), &redis.url(), "one").await;
                server.until_ready().await;
                super::$test(&server).await;
            }
        }
    )+};
}

pub(crate) use in_each_home;
