//! The hub's API as registers' programs and people meet it, without a network in between.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod api;
mod catalog;
mod common;
mod contract;
mod damage;
mod full_basket;
mod hang_up;
mod paper;
mod payments;
mod permissions;
mod selling;
mod stock;
