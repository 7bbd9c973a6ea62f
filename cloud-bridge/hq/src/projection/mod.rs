//! Projections: tables derived from the events.
//!
//! # What this module promises
//!
//! - **Pure.** A projection is a function from an event to effects on its tables. It reads no table and no clock.
//! - **All or nothing.** If one effect of an event is impossible (a sum that cannot be represented, a text that cannot
//!   be indexed), none is applied: the event is quarantined with the reason and blocks nothing.
//! - **Repeatable.** [`rebuild`] empties every table and applies all events again in their stored order. The result is
//!   the same, except for what a later version of this program reads or sums differently.
//!
//! | module | contents |
//! | --- | --- |
//! | `table` | tables, effects, and what a transaction changes |
//! | `told` | an event's body, and why it is refused |
//! | `apply` | applies events to all tables |
//! | `sale`, `day`, `stock`, `transfer`, `progress` | the projections, each with its tables |
//! | `cash`, `audit`, `returned`, `unit`, `coupon` | the same |
//! | `quarantine` | quarantined events |
//! | [`rebuild`] | rebuilds all tables |

pub(crate) mod apply;
pub(crate) mod audit;
pub(crate) mod cash;
pub(crate) mod coupon;
pub(crate) mod day;
pub(crate) mod progress;
pub(crate) mod quarantine;
pub mod rebuild;
pub(crate) mod returned;
pub(crate) mod sale;
pub(crate) mod stock;
pub(crate) mod table;
#[cfg(test)]
mod tests;
pub mod told;
pub(crate) mod transfer;
pub(crate) mod unit;

use table::{Effect, Table};
use told::{Told, Unusable};

/// A function from an event to effects, and the tables of the effects.
pub(crate) struct Projection {
    pub(crate) tables: &'static [&'static Table],
    pub(crate) effects: fn(&Told<'_>) -> Result<Vec<Effect>, Unusable>,
}

/// All projections.
pub(crate) static ALL: &[&Projection] = &[
    &sale::PROJECTION,
    &day::PROJECTION,
    &stock::PROJECTION,
    &transfer::PROJECTION,
    &progress::PROJECTION,
    &cash::PROJECTION,
    &audit::PROJECTION,
    &returned::PROJECTION,
    &unit::PROJECTION,
    &coupon::PROJECTION,
];

/// All derived tables.
pub(crate) fn tables() -> impl Iterator<Item = &'static Table> {
    let projected = ALL.iter().flat_map(|projection| projection.tables.iter().copied());
    projected.chain([&quarantine::QUARANTINE])
}
