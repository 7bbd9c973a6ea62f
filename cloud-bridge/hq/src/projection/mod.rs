//! Projections: what the events say, in rows that can be asked.
//!
//! # What this module promises
//!
//! - **Pure.** A projection is a function from an event to effects on its tables. It reads no table and no clock.
//! - **Whole or not at all.** If one effect of an event cannot be had (a sum that cannot be represented, a text that
//!   no index takes), none is: the event is in quarantine, with the reason, and blocks nothing.
//! - **Repeatable.** [`rebuild`] empties every table and applies all events again, in the order in which they were
//!   stored. What comes out is what was there, but for what a later version of this program reads or sums otherwise.
//!
//! | module | holds |
//! | --- | --- |
//! | `table` | tables, effects, and what a transaction changes |
//! | `told` | an event, read; why one is not taken |
//! | `apply` | events, applied to all tables |
//! | `sale`, `day`, `stock`, `transfer` | the projections, each with its tables |
//! | `quarantine` | events without effect |
//! | [`rebuild`] | all of it again |

pub(crate) mod apply;
pub(crate) mod day;
pub(crate) mod quarantine;
pub mod rebuild;
pub(crate) mod sale;
pub(crate) mod stock;
pub(crate) mod table;
#[cfg(test)]
mod tests;
pub mod told;
pub(crate) mod transfer;

use table::{Effect, Table};
use told::{Told, Unusable};

/// A function from an event to effects, and the tables that they are on.
pub(crate) struct Projection {
    pub(crate) tables: &'static [&'static Table],
    pub(crate) effects: fn(&Told<'_>) -> Result<Vec<Effect>, Unusable>,
}

/// All of them.
pub(crate) static ALL: &[&Projection] =
    &[&sale::PROJECTION, &day::PROJECTION, &stock::PROJECTION, &transfer::PROJECTION];

/// All tables that are made of events.
pub(crate) fn tables() -> impl Iterator<Item = &'static Table> {
    let projected = ALL.iter().flat_map(|projection| projection.tables.iter().copied());
    projected.chain([&quarantine::QUARANTINE])
}
