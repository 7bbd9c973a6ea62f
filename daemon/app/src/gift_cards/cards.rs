//! What the hub knows of each card.

use commerce::{
    Currency,
    gift_card::{CardKind, CardNumber, Held},
};
use contract::{gift_card::GiftCardAnswer, operator::PinHash};
use serde::{Deserialize, Serialize};
use store::{Name, Store, StoreError, Table, Transaction};

use crate::stock;

/// Cards by number.
pub(super) static CARDS: Table<Name, CardAtHub> = Table::new("gift_card");

/// A card as this hub knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardAtHub {
    /// Its kind.
    pub kind: CardKind,
    /// Its currency.
    pub currency: Currency,
    /// The hash of its PIN, if HQ has told one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<PinHash>,
    /// Why HQ blocked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<String>,
    /// What this hub holds.
    pub held: Held,
}

/// A card, with what the hub holds in its current epoch. Blocks.
///
/// # Errors
/// The store fails.
pub fn card(store: &Store, number: &CardNumber) -> Result<Option<CardAtHub>, StoreError> {
    let found = store.get(&CARDS, number.as_str())?;
    Ok(found.map(|card| CardAtHub { held: card.held.in_epoch(store.epoch()), ..card }))
}

/// A card in a commit.
pub(super) fn read(transaction: &Transaction<'_>, number: &CardNumber) -> Result<(u64, Option<CardAtHub>), StoreError> {
    let epoch = stock::home(transaction)?.epoch;
    let found = transaction.get(&CARDS, number.as_str())?;
    Ok((epoch, found.map(|card| CardAtHub { held: card.held.in_epoch(epoch), ..card })))
}

/// Stores what HQ answered about a card.
///
/// # Errors
/// The store fails.
pub fn note_answer(
    transaction: &mut Transaction<'_>,
    number: &CardNumber,
    answer: GiftCardAnswer,
) -> Result<(), StoreError> {
    let (epoch, known) = read(transaction, number)?;
    let mut held = known.map_or_else(|| Held::default().in_epoch(epoch), |card| card.held);
    held.receive(epoch, answer.granted);
    let GiftCardAnswer { kind, currency, pin, blocked, .. } = answer;
    transaction.put(&CARDS, number.as_str(), &CardAtHub { kind, currency, pin, blocked, held })
}
