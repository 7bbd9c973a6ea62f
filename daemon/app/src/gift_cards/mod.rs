//! Gift cards and store credit at the hub. [`commerce::gift_card`] has the rules.
//!
//! # Promises
//!
//! - **Redeemed once.** A card pays in the commit of the tender, out of what the hub holds; the commit fails if that is
//!   less. What it paid goes back in the commit that voids the tender or the sale.
//! - **Loaded when paid.** A card that a basket sells is loaded in the commit of the sale. The sale can be voided while
//!   the store still holds the amount.
//! - **Usable without HQ.** The store holds what was loaded here until HQ calls it back for another store.
//! - **PIN.** Its hash comes from HQ. After [`WRONG_PINS`] wrong PINs the card is locked here for a while, also over a
//!   restart.
//! - **Numbers are not logged.** The log, refusals and receipts of payments have the last four digits.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, before the flush | neither the tender nor the movement is stored |
//! | power, after it | both are; HQ hears of them later, once |
//! | the WAN is down | a card that this store does not hold can't pay here |
//! | HQ's grant arrives and the hub dies | the hub asks again, and HQ names the same total |
//! | the store is restored or replaced | what it held is void here; a person at HQ releases it |
//! | a card's record is damaged | the card is refused here, and the check reports it |

mod cards;
mod movements;
mod present;
#[cfg(test)]
mod tests;

pub use cards::{CardAtHub, card, note_answer};
pub use movements::refund;
pub(crate) use movements::{give_back, load_points, load_sold, may_load, redeem, take, unearn, unload_sold};
pub use present::{PresentRequest, Presented, WRONG_PINS, has_right_pin, note_pin, present};

use crate::{
    Capability, IncomingItem, OutgoingEvent,
    permission::{Holder, Permission},
    refusal::{Class, Kind, Member},
};

/// Take gift cards.
pub static PRESENT: Permission =
    Permission::new("gift_cards.present", "Take gift cards and store credit as payment", &[Holder::Register]);

/// Nobody knows the card.
pub static CARD_UNKNOWN: Kind = Kind::new(
    "gift-card-unknown",
    Class::NotFound,
    "Unknown gift card",
    "Neither this store nor HQ knows the card, or HQ can't be asked now.",
);
/// The PIN is missing or wrong.
pub static PIN_WRONG: Kind =
    Kind::new("gift-card-pin-wrong", Class::Rule, "Wrong PIN", "The card has a PIN, which is missing or wrong.");
/// Too many wrong PINs.
pub static CARD_LOCKED: Kind = Kind::new(
    "gift-card-locked",
    Class::TooMany,
    "Gift card locked",
    "Too many wrong PINs were entered for the card, which can't be used for a while.",
)
.with(&[Member::integer("retry_after_s", "Seconds until the card can be used.")]);
static CARD_BLOCKED: Kind =
    Kind::new("gift-card-blocked", Class::Rule, "Gift card blocked", "HQ has blocked the card.");
static CARD_CURRENCY: Kind =
    Kind::new("gift-card-currency", Class::Rule, "Another currency", "The card is of another currency.");
static NOT_PRESENTED: Kind = Kind::new(
    "gift-card-not-presented",
    Class::Rule,
    "Present the card",
    "The card was presented too long ago, at another register, or not at all; present it again.",
);
static NOT_HELD: Kind = Kind::new(
    "gift-card-not-held",
    Class::Rule,
    "Not enough on the card",
    "The store holds less of the card than is needed; HQ or another store may hold more.",
)
.with(&[Member::integer("available", "What the store holds, in minor units.")]);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["gift_card", "gift_card_movement", "gift_card_presented", "gift_card_attempts"],
    refusals: &[&CARD_UNKNOWN, &PIN_WRONG, &CARD_LOCKED, &CARD_BLOCKED, &CARD_CURRENCY, &NOT_PRESENTED, &NOT_HELD],
    permissions: &[&PRESENT],
    events: &[OutgoingEvent { kind: contract::gift_card::MOVED.name(), body: movements::body }],
    incoming: &[IncomingItem { kind: contract::gift_card::RECALLED.name(), apply: movements::recalled }],
    check: Some(movements::check),
    tidy: Some(movements::tidy),
    ..Capability::new("gift_cards")
};
