//! Gift cards and store credit. Stream `customers`, both directions; the rules are in [`commerce::gift_card`].
//!
//! - **Up, `giftcard.moved`:** a hub loaded, redeemed or gave back money of a card. The event has the hub's totals, so
//!   HQ learns from any later event what an earlier one would have told it.
//! - **Down, `giftcard.recalled`:** another store needs the money that this hub holds; it gives back what it can.
//! - **A question, [`GiftCardAsked`]:** the hub asks HQ to grant it money, up to a total. Repeating it grants nothing
//!   more.

use commerce::{
    Actor, Currency, Minor,
    gift_card::{CardKind, CardNumber, MovementKind, Totals},
};
use serde::{Deserialize, Serialize};

use crate::{
    kind::{BadBody, Body, DownKind, EventKind, Kind},
    name::Stream,
    operator::PinHash,
};

/// Up: money of a card moved.
pub static MOVED: EventKind<GiftCardMoved> = Kind::new("giftcard.moved", Stream::customers());
/// Down: HQ asks for what the hub holds of a card.
pub static RECALLED: DownKind<GiftCardRecalled> = Kind::new("giftcard.recalled", Stream::customers());

/// Money of a card moved at a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct GiftCardMoved {
    /// The movement, counted from 1 in the store.
    pub number: u64,
    /// The card.
    pub card: CardNumber,
    /// Its kind.
    pub kind: CardKind,
    /// Its currency.
    pub currency: Currency,
    /// The hash of its PIN, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<PinHash>,
    /// What happened.
    pub movement: MovementKind,
    /// The amount, positive.
    pub amount: Minor,
    /// The sale or basket that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Who did it.
    pub by: Actor,
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The hub's totals after the movement.
    pub totals: Totals,
}

/// HQ asks for what a hub holds of a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct GiftCardRecalled {
    /// The card.
    pub card: CardNumber,
}

/// A hub asks HQ for money of a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct GiftCardAsked {
    /// The card.
    pub card: CardNumber,
    /// The total of grants that the hub wants to have in this epoch; 0 to ask for the balance only.
    pub wanted: i64,
}

/// HQ's answer: what it knows of a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct GiftCardAnswer {
    /// Its kind.
    pub kind: CardKind,
    /// Its currency.
    pub currency: Currency,
    /// The hash of its PIN, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<PinHash>,
    /// Why it can't be used, if it is blocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<String>,
    /// The whole balance, as far as HQ knows.
    pub balance: i64,
    /// The total that HQ has granted the hub in this epoch.
    pub granted: i64,
    /// What other hubs hold; HQ has asked for it if the hub wants more than is free.
    pub elsewhere: i64,
}

/// A movement that can't be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadGiftCard {
    /// The amount is zero or negative.
    #[error("amount {0} of a movement of a gift card is out of range")]
    Amount(i64),
    /// The totals can't be.
    #[error("the totals of a gift card are impossible: {0:?}")]
    Totals(Totals),
}

impl Body for GiftCardMoved {
    fn check(&self) -> Result<(), BadBody> {
        if !self.amount.is_positive() {
            return Err(BadGiftCard::Amount(self.amount.get()).into());
        }
        if !self.totals.is_possible() {
            return Err(BadGiftCard::Totals(self.totals).into());
        }
        Ok(())
    }
}

impl Body for GiftCardRecalled {
    fn check(&self) -> Result<(), BadBody> {
        Ok(())
    }
}
