//! Every integration test of scalectl, in one binary: they link once and share `support`.
//!
//! A test goes through the scalectl binary and asserts exact stdout, stderr and exit code.
#![allow(clippy::print_stderr, reason = "a failing test shows where the logs of its servers are")]
#![allow(clippy::unwrap_used, reason = "in a test, what is not there is a failure")]

#[allow(
    dead_code,
    unused_imports,
    reason = "what a test may ask for; not all of it is in use at every moment"
)]
mod support;

mod check_api;
mod cli;
mod demo;
mod health;
mod honesty;
mod indexes_advise;
mod indexes_apply;
mod indexes_capabilities;
mod indexes_faults;
mod indexes_import;
mod indexes_role;
mod indexes_shipped;
mod indexes_verify;
mod loadtest;
mod loadtest_artillery;
mod loadtest_capacity;
mod loadtest_capacity_reports;
mod loadtest_clean;
mod loadtest_compare;
mod loadtest_drills;
mod loadtest_export;
mod loadtest_fanout;
mod loadtest_import;
mod loadtest_language;
mod loadtest_node;
mod loadtest_protocol;
mod loadtest_reports;
mod loadtest_slo;
mod loadtest_socketio;
mod loadtest_storm;
mod loadtest_systems;
mod loadtest_truth;
mod loadtest_web;
mod loadtest_workers;
mod loadtest_ws;
mod mongo_proxy_check;
mod readme;
mod redis_proxy_check;
mod scenarios;
mod schemas;
mod serve;
mod serve_games;
mod serve_instances;
mod serve_logs;
mod serve_settings;
mod state_commands;
mod state_faults;
mod state_plan;
mod state_serve;
mod state_verify;
mod support_check;
