//! What a terminal can do. The hub decides from this, never from the name of a protocol.

use serde::Serialize;

/// The capabilities of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Capabilities {
    /// How it can be asked for the outcome of a transaction.
    pub inquiry: Inquiry,
    /// What happens to a transaction if the link is lost before its result is delivered.
    pub link_lost: LinkLost,
    /// Whether it commits a result only when the hub has acknowledged it.
    pub waits_for_vote: bool,
    /// Whether a running transaction can be aborted.
    pub abort: bool,
    /// Whether it may approve without its bank.
    pub offline: bool,
    /// Whether it may approve a part of the amount.
    pub partial: bool,
    /// Which charges it can reverse.
    pub reversal: Reversal,
    /// Whether it can refund.
    pub refund: Refund,
    /// Whether it asks the customer for a tip.
    pub tips: bool,
    /// Whether it takes wallets by a code on a display.
    pub wallets: bool,
    /// Whether it offers to pay later.
    pub pay_later: bool,
    /// Whether it takes gift cards.
    pub gift_cards: bool,
    /// Whether it reports totals at the end of the day.
    pub closing: bool,
}

/// How a terminal can be asked for the outcome of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Inquiry {
    /// By the hub's own id of it.
    ById,
    /// Only for the last one.
    LastOnly,
    /// Not at all.
    None,
}

/// What happens to a transaction if the link is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum LinkLost {
    /// It goes on.
    Continues,
    /// The terminal reverses it.
    Reverses,
    /// Terminals differ.
    Unknown,
}

/// Which charges a terminal can reverse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Reversal {
    /// Any that is not settled with the bank.
    Any,
    /// Only the last one.
    Last,
    /// None.
    None,
}

/// Whether and how a terminal can refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Refund {
    /// To the card of a charge, without the card.
    Linked,
    /// To a card that the customer presents.
    CardPresent,
    /// Not at all.
    None,
}
