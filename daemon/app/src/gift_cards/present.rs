//! Presenting a card at a register: its PIN is checked once, and the register gets a reference for the tender.
//!
//! The request with the PIN has no idempotency key, because the key's record would hold a digest of the PIN; the tender
//! has one, and no PIN.

use commerce::{Minor, RegisterName, gift_card::CardNumber};
use serde::{Deserialize, Serialize};
use store::{Name, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::{CARD_LOCKED, CARD_UNKNOWN, CardAtHub, NOT_PRESENTED, PIN_WRONG, PRESENT, cards::read};
use crate::{By, Refusal};

/// Cards that were presented, by reference.
static PRESENTED: Table<Name, AtRegister> = Table::new("gift_card_presented");
/// Wrong PINs, by card.
static ATTEMPTS: Table<Name, Attempts> = Table::new("gift_card_attempts");

/// Wrong PINs in a row until a card is locked.
pub const WRONG_PINS: u32 = 5;

/// How long a card is locked.
const LOCKED_MS: i64 = 15 * 60_000;

/// How long a presented card can pay.
const LIFE_MS: i64 = 10 * 60_000;

/// A card that a register may redeem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct AtRegister {
    card: CardNumber,
    register: RegisterName,
    until_ms: i64,
}

/// Wrong PINs of a card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Attempts {
    wrong: u32,
    locked_until_ms: i64,
}

/// A card that a customer shows.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PresentRequest {
    /// The number, as scanned or keyed.
    #[schema(min_length = 20, max_length = 40)]
    pub card: String,
    /// The PIN, if the card has one.
    #[serde(default)]
    #[schema(min_length = 4, max_length = 12)]
    pub pin: Option<String>,
    /// The amount that the store should hold, such as what is due: HQ is asked for what is missing.
    #[serde(default)]
    pub amount: Option<Minor>,
}

/// A card that can pay now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Presented {
    /// The reference, for the tender; valid for 10 minutes at this register.
    pub presented: String,
    /// The last four digits.
    pub card: String,
    /// The kind of card.
    pub kind: commerce::gift_card::CardKind,
    /// What can be redeemed here.
    pub available: Minor,
    /// The whole balance, if HQ answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<i64>,
    /// When HQ told the balance: milliseconds since 1970, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of_ms: Option<i64>,
}

/// Whether the PIN is right; a card without a PIN needs none. Takes some 50 ms. Blocks.
///
/// # Errors
/// The card is locked, or the store fails.
pub fn has_right_pin(
    store: &Store,
    number: &CardNumber,
    card: &CardAtHub,
    pin: Option<&str>,
    at_ms: i64,
) -> Result<bool, Refusal> {
    let Some(hash) = &card.pin else { return Ok(true) };
    let attempts = store.get(&ATTEMPTS, number.as_str())?.unwrap_or_default();
    let left_ms = attempts.locked_until_ms.saturating_sub(at_ms);
    if left_ms > 0 {
        let seconds = left_ms.div_euclid(1000) + 1;
        let detail = format!("gift card {} is locked after {WRONG_PINS} wrong PINs; wait {seconds} s", number.masked());
        return Err(CARD_LOCKED.because(detail).member("retry_after_s", seconds));
    }
    Ok(pin.is_some_and(|pin| hash.is_of(pin)))
}

/// Counts a wrong PIN, or forgets the earlier ones after a right one.
///
/// # Errors
/// The PIN is wrong and was counted, or the store fails.
pub fn note_pin(
    transaction: &mut Transaction<'_>,
    number: &CardNumber,
    is_right: bool,
    at_ms: i64,
) -> Result<(), StoreError> {
    if is_right {
        transaction.delete(&ATTEMPTS, number.as_str());
        return Ok(());
    }
    let mut attempts = transaction.get(&ATTEMPTS, number.as_str())?.unwrap_or_default();
    attempts.wrong = attempts.wrong.saturating_add(1);
    if attempts.wrong >= WRONG_PINS {
        attempts = Attempts { wrong: 0, locked_until_ms: at_ms.saturating_add(LOCKED_MS) };
    }
    transaction.put(&ATTEMPTS, number.as_str(), &attempts)
}

/// Lets the register redeem a card whose PIN was checked, under a random reference.
///
/// # Errors
/// The card is unknown, or the store fails.
pub fn present(
    transaction: &mut Transaction<'_>,
    by: &By,
    number: &CardNumber,
    reference: String,
    balance: Option<i64>,
) -> Result<Presented, Refusal> {
    PRESENT.require(&by.actor)?;
    let (_, known) = read(transaction, number)?;
    let unknown = || CARD_UNKNOWN.because(format!("unknown gift card {}", number.masked()));
    let known = known.ok_or_else(unknown)?;
    let until_ms = by.at_ms.saturating_add(LIFE_MS);
    let at = AtRegister { card: number.clone(), register: by.register()?.clone(), until_ms };
    transaction.put(&PRESENTED, &reference, &at)?;
    Ok(Presented {
        presented: reference,
        card: number.masked(),
        kind: known.kind,
        available: known.held.available(),
        balance,
        as_of_ms: balance.map(|_| by.at_ms),
    })
}

/// The card behind a reference.
pub(super) fn presented(transaction: &Transaction<'_>, by: &By, reference: &str) -> Result<CardNumber, Refusal> {
    let register = by.register()?;
    let found = transaction.get(&PRESENTED, reference)?;
    let found = found.filter(|at| at.register == *register && at.until_ms > by.at_ms);
    let missing = || NOT_PRESENTED.because("no gift card was presented here under this reference; present it again");
    Ok(found.ok_or_else(missing)?.card)
}

impl CardAtHub {
    /// The refusal of a missing or wrong PIN.
    pub fn wrong_pin(number: &CardNumber) -> Refusal {
        PIN_WRONG.because(format!("gift card {} has a PIN, which is missing or wrong", number.masked()))
    }
}

/// Forgets references that are over.
pub(super) fn tidy(store: &Store, now_ms: i64) -> Result<u64, StoreError> {
    store.forget(&PRESENTED, move |at| at.until_ms < now_ms)
}
