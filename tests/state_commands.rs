//! `scalectl migrate state`: the commands that steer, against a real Redis.

mod end_to_end;
mod journal;
mod operators;
mod site;
mod steps;
