//! `scalectl migrate indexes apply` when something goes wrong: it is killed, the server is killed, connections are
//! lost, another member becomes primary, another operator comes. At every instant the old index or the new one is
//! there, and the same command finishes what was begun.

mod crashes;
mod lost;
mod members;
mod operators;
mod site;
mod watch;
