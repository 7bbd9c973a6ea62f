//! The stock ledger through the API: what a sale takes, what may not run out, what is received, sent, counted, ordered.

mod counts;
mod model;
mod permissions;
mod receiving;
mod reorder;
mod reservations;
mod restore;
mod till;
mod transfers;
