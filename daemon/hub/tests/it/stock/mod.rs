//! The stock over the API: sales, rules, receiving, transfers, counts, reordering.

mod counts;
mod model;
mod permissions;
mod receiving;
mod reorder;
mod reservations;
mod restore;
mod till;
mod transfers;
