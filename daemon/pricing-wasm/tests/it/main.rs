//! The price engine for browsers, in Node: it prices as the hub and HQ do.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod build;
mod equal;
mod node;
mod random;
mod types;
mod zones;
