//! The server as its clients see it: through a real listener on a free port.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail their test")]

mod accounts;
mod administration;
mod bounds;
mod caching;
mod cases;
mod consultations;
mod cookies;
mod drain;
mod events;
mod fields;
mod games;
mod instances;
mod jobs;
mod migrating;
mod mongo;
mod notifications;
mod openapi;
mod operations;
mod posts;
mod presence;
mod profiles;
mod protection;
mod rates;
mod replies;
mod restart;
mod seed;
mod sessions;
mod social;
mod sockets;
mod support;
mod uploads;
