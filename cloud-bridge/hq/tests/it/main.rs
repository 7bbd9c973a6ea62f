//! HQ and real bridges over real brokers.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod api;
mod beside;
mod both;
mod brokers;
mod command;
mod newest;
#[path = "../postgres/mod.rs"]
mod postgres;
mod publications;
mod serve;
mod workers;
mod world;
