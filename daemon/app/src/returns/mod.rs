//! Returns: what came back of each sale, who brings goods back how often, and the decision on a ticket.
//!
//! # What this capability promises
//!
//! - A unit comes back once. It is counted when it is added to a basket, in the same commit, and released if its line
//!   is voided or the basket abandoned; so two registers can't take it back at the same time.
//! - [`commerce::returns`] decides. A decision that needs somebody else's agreement is refused with the rules that
//!   fired, until the command states a reason and an operator whose role allows it has signed; the audit trail has
//!   both.
//! - A return that a rule refuses is in the audit trail, and counts for the rules of later ones ([`note_refused`]).
//! - The return is a sale with opposite amounts (see [`selling`](crate::selling)): receipt, till, stock and the event
//!   for HQ are those of its commit. Where the goods go is booked by their disposition, in the same commit.
//! - The policy is HQ's publication, or that of the config without one ([`policies`]).
//! - Identities are hashes. The numbers that the customer shows are neither stored nor sent.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, before the answer | the register repeats the command, which returns its first answer or is executed now |
//! | power, during a refund | the steps that are done are tenders; the register goes on with the next one |
//! | HQ can't be asked | the ticket says `offline`; what other stores took back is unknown, and HQ flags it |
//! | the same, for another store's receipt | only if HQ told the sale before; store credit from a limit on |
//! | a card can't be refunded | its step goes to store credit; what was given back before stays |
//! | the history can't be read | the ticket is refused as the store's error |
//! | a basket is left open | its goods stay counted as brought back until it is abandoned |

mod open;
mod published;
mod records;
mod refused;
mod taken;

pub use open::{Elsewhere, ReturnLine, ReturnRequest, Returning, without_receipt};
pub(crate) use open::{back_of, open, release};
pub use published::policies;
pub use records::{OfSale, keep_other, of_sale, other_sale};
pub(crate) use records::{of_sale_in, other_sales, sold_key};
pub use refused::{Attempt, note as note_refused};
pub(crate) use taken::taken;

use crate::{
    Capability,
    audit::Act as _,
    permission::{Holder, Permission},
    refusal::{Class, Kind, Member},
};

/// Take goods back.
pub static TAKE_BACK: Permission = Permission::new("returns.take", "Take goods back", &[Holder::Register]);
/// See what can come back.
pub static READ: Permission =
    Permission::new("returns.read", "See what of a sale can come back", &[Holder::Register, Holder::Person]);

/// The goods can't come back.
pub static NOT_RETURNABLE: Kind = Kind::new(
    "not-returnable",
    Class::Rule,
    "Can't come back",
    "The line does not exist, is a return itself, is void, or less of it is left than was asked for.",
);
/// A rule refuses the return.
pub static RETURN_REFUSED: Kind = Kind::new(
    "return-refused",
    Class::Rule,
    "Return refused by a rule",
    "A rule refuses the return. Unless the outcome is `deny`, send `override_reason`, signed by an operator whose role \
     has the right `override_return`.",
)
.with(&[
    Member::text("outcome", "`authorize_with_override`, `deny_overrideable` or `deny`."),
    Member::list("rules", "The names of the rules that fired, the strictest first."),
    Member::integer("refund", "What would have been given back, in minor units."),
]);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["returned_sale", "return_history", "return_shift", "other_sale"],
    refusals: &[&NOT_RETURNABLE, &RETURN_REFUSED],
    permissions: &[&TAKE_BACK, &READ],
    acts: &[
        open::ReturnOverridden::KIND,
        refused::ReturnRefused::KIND,
        taken::GoodsReturned::KIND,
        taken::ReturnAlert::KIND,
    ],
    published: &[published::KIND],
    tidy: Some(records::tidy),
    ..Capability::new("returns")
};

#[cfg(test)]
mod tests;
