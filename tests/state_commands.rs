//! `scalectl migrate state`: the commands that steer, against a real Redis.

mod begin;
mod end_to_end;
mod ending;
mod journal;
mod operators;
mod site;
mod steps;
