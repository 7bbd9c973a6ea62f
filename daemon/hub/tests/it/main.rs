//! The hub's API as the programs of registers and people see it, without a network in between.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod api;
mod card_data;
mod catalog;
mod clock;
mod common;
mod contract;
mod damage;
mod edge;
mod full_basket;
mod hang_up;
mod paper;
mod payments;
mod permissions;
mod selling;
mod stock;
mod trail;
