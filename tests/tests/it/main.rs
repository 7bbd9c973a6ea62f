//! The system tests. Tests with a load reserve the machine: `system_tests::alone`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod appliance;
mod arrows;
mod clock;
mod contract;
mod crash;
mod disk;
mod docs;
mod eio;
mod empty_disk;
mod faults;
mod guest;
mod kill;
mod life;
mod modules;
mod opening;
mod package;
mod pages;
mod power;
mod prices;
mod release;
mod replay;
mod usb;
