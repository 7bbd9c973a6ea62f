//! The hub's API as registers' programs and people meet it, without a network in between.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod api;
mod clock;
mod common;
mod damage;
mod full_basket;
mod hang_up;
mod permissions;
mod stock;
