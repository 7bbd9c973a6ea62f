//! Customers at the hub: look-up, profiles, loyalty points, history. [`commerce::customer`] and [`commerce::loyalty`]
//! have the rules.
//!
//! # Promises
//!
//! - **Found without HQ** by phone, e-mail address, card or the beginning of a name, from ordered records on disk, so
//!   that 200,000 customers need neither memory nor time to start.
//! - **One profile.** A customer who is entered here gets a random id, and HQ may find that they are known: then the
//!   profile is merged, and the id stays an alias of the other.
//! - **Erased everywhere.** An erasure deletes the profile and its keys here at once, and HQ has every store do the
//!   same. Sales name customers by id alone, in the archive too, so nothing in them leads to the person any more.
//! - **Nothing personal elsewhere.** Profiles are in no log, no refusal, no answer under an idempotency key and no
//!   audit entry.
//! - **Points once.** What a sale earns is loaded in its commit, and taken back by its void, or in shares by returns,
//!   as far as the store holds it. What a return lacks is in its record; HQ takes it, or raises an alarm.
//!
//! | failure | effect |
//! | --- | --- |
//! | the WAN is down | profiles are as HQ last told, with the time; changes wait for HQ |
//! | power, before the flush | nothing has changed |
//! | the store is restored, or new | it forgets all profiles, because some may have been erased since, and asks HQ |
//! | a profile is damaged | the customer is not found here; a sale goes on without points; the check names it |

mod changes;
mod history;
mod incoming;
mod points;
mod records;
#[cfg(test)]
mod tests;

pub use changes::{ConsentNow, Enter, NewCustomer, change, enter, erase, request_receipt};
pub(crate) use history::note_sale;
pub use history::{Exported, export, last_sales};
pub use incoming::begin_epoch;
pub use points::{Worth, account, worth};
pub(crate) use points::{earn, give_points, known_buyer, offers, take_back, unearn};
pub use records::{Found, find, profile};

use crate::{
    Capability, IncomingItem, OutgoingEvent,
    audit::Act as _,
    permission::{Holder, Permission},
    refusal::{Class, Kind, Member},
};

/// Look customers up.
pub static READ: Permission =
    Permission::new("customers.read", "Look customers up, and see their profiles", &[Holder::Register, Holder::Person]);
/// See what customers bought.
pub static HISTORY: Permission = Permission::new(
    "customers.history",
    "See what a customer bought, here and elsewhere",
    &[Holder::Register, Holder::Person],
);
/// Enter and change customers.
pub static MANAGE: Permission = Permission::new(
    "customers.manage",
    "Enter and change customers, and send them receipts",
    &[Holder::Register, Holder::Person],
);
/// Erase and export customers.
pub static ERASE: Permission =
    Permission::new("customers.erase", "Erase a customer, and export what is stored about them", &[Holder::Person]);

/// The customer is not known.
pub static CUSTOMER_UNKNOWN: Kind = Kind::new(
    "customer-unknown",
    Class::NotFound,
    "Unknown customer",
    "The store has no customer with this id; HQ may have erased or not yet told it.",
);
static CUSTOMER_KNOWN: Kind = Kind::new(
    "customer-known",
    Class::Conflict,
    "Customer known",
    "A customer with this phone number, e-mail address or card is known; change that one.",
)
.with(&[Member::text("customer", "The id of the known customer.")]);
static CUSTOMER_INVALID: Kind =
    Kind::new("customer-invalid", Class::Rule, "Invalid customer", "A field of the profile is invalid.");
static NO_EMAIL: Kind = Kind::new(
    "customer-without-email",
    Class::Rule,
    "No e-mail address",
    "The sale has no customer, or the customer has no e-mail address.",
);
/// There are no points to redeem.
pub static NO_POINTS: Kind = Kind::new(
    "loyalty-no-points",
    Class::Rule,
    "No points",
    "The store has no loyalty programme, or the customer has no points account.",
);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["customer", "customer_key", "customer_alias", "customer_sale", "customer_state", "loyalty_programme"],
    refusals: &[&CUSTOMER_UNKNOWN, &CUSTOMER_KNOWN, &CUSTOMER_INVALID, &NO_EMAIL, &NO_POINTS],
    permissions: &[&READ, &HISTORY, &MANAGE, &ERASE],
    acts: &[changes::CustomerErased::KIND, history::CustomerExported::KIND],
    events: &[
        OutgoingEvent { kind: contract::customer::CHANGED.name(), body: changes::changed },
        OutgoingEvent { kind: contract::customer::ERASURE_REQUESTED.name(), body: changes::erasure },
        OutgoingEvent { kind: contract::customer::RECEIPT_REQUESTED.name(), body: changes::receipt },
        OutgoingEvent { kind: contract::customer::PROFILES_REQUESTED.name(), body: incoming::profiles },
    ],
    incoming: &[
        IncomingItem { kind: contract::customer::TOLD.name(), apply: incoming::told },
        IncomingItem { kind: contract::customer::GONE.name(), apply: incoming::gone },
        IncomingItem { kind: contract::customer::PROGRAMME.name(), apply: incoming::programme },
    ],
    check: Some(records::check),
    tidy: Some(history::tidy),
    ..Capability::new("customers")
};
