//! The application that scalectl is tried on: a social network, chess and legal help over HTTP and Socket.IO, on
//! an embedded store or MongoDB, with or without Redis. Every step of scaling it is a setting.
//!
//! [`serve`] takes a bound listener and a shutdown future; it bounds its connections, and drains them with
//! a deadline. The crate prints nothing: errors name their repair, everything else goes through `tracing`.

mod app;
mod cache;
mod chess;
mod config;
mod domain;
mod error;
mod http;
mod jobs;
mod limits;
mod rate;
mod redis;
mod security;
mod seed;
mod server;
mod socket;
mod store;
mod telemetry;
mod upload;

pub use config::{
    CacheSettings, Compression, Config, Durability, HttpSettings, Instance, JobMode, JobSettings, Limit,
    MongoSettings, PasswordCost, RateLimits, RateScope, ReadFrom, RedisSettings, SECRETS, SecuritySettings,
    SessionCookies, SocketSettings, Span, StateHome, StoreHome, StoreSettings, UploadSettings,
};
pub use error::StartError;
pub use limits::{check_limits, connections_allowed};
pub use seed::{BadPlan, SEED_PASSWORD, SeedError, SeedPlan, Seeded, seed};
pub use server::{Served, serve};
