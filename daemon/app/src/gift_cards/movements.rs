//! Movements of cards: each in the commit of the tender, sale, void or refund that it belongs to.

use commerce::{
    Currency, Minor, Sale, Tender,
    gift_card::{CardKind, CardNumber, Held, MovementKind},
};
use contract::{
    DownItem, Stream,
    gift_card::{GiftCardMoved, MOVED, RECALLED},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{Checked, Depth, Number, Store, StoreError, Table, Transaction, outbox::Entry};

use super::{
    CARD_BLOCKED, CARD_CURRENCY, CARD_UNKNOWN, NOT_HELD,
    cards::{CARDS, CardAtHub, read},
    present,
};
use crate::{By, Refusal, Retention, Tidied, outgoing};

/// Movements by their number.
static MOVEMENTS: Table<Number, Movement> = Table::new("gift_card_movement");

/// A movement, and its place in HQ's stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Movement {
    sequence: u64,
    event: GiftCardMoved,
}

/// Books a movement of a card that is known, and tells HQ; returns its number.
fn book(
    transaction: &mut Transaction<'_>,
    by: &By,
    card: &CardNumber,
    mut known: CardAtHub,
    (movement, amount): (MovementKind, Minor),
    reference: Option<&str>,
) -> Result<u64, Refusal> {
    known.held.book(movement, amount).map_err(|overspent| {
        let detail = format!("gift card {}: {overspent}; present it while HQ can be asked", card.masked());
        NOT_HELD.because(detail).member("available", overspent.held)
    })?;
    transaction.put(&CARDS, card.as_str(), &known)?;
    let number = transaction.next_number("gift_card_movement")?;
    let sequence = transaction.next_in_outbox(MOVED.stream().as_str())?;
    let CardAtHub { kind, currency, pin, held, .. } = known;
    let event = GiftCardMoved {
        number,
        card: card.clone(),
        kind,
        currency,
        pin,
        movement,
        amount,
        reference: reference.map(str::to_owned),
        by: by.actor.clone(),
        at_ms: by.at_ms,
        totals: held.totals,
    };
    transaction.put(&MOVEMENTS, number, &Movement { sequence, event })?;
    transaction.append_to_outbox(MOVED.stream().as_str(), MOVED.name(), by.at_ms, &number.to_string())?;
    Ok(number)
}

fn may_be_used(card: &CardNumber, known: &CardAtHub, currency: Currency) -> Result<(), Refusal> {
    if let Some(why) = &known.blocked {
        return Err(CARD_BLOCKED.because(format!("gift card {} is blocked: {}", card.masked(), why.escape_debug())));
    }
    if known.currency != currency {
        let (of, here) = (known.currency.code(), currency.code());
        return Err(CARD_CURRENCY.because(format!("gift card {} is in {of}, not in {here}", card.masked())));
    }
    Ok(())
}

/// Pays with a card that was presented at the register.
pub(crate) fn redeem(
    transaction: &mut Transaction<'_>,
    by: &By,
    presented: &str,
    (amount, currency): (Minor, Currency),
    reference: &str,
) -> Result<Tender, Refusal> {
    let card = present::presented(transaction, by, presented)?;
    let (_, known) = read(transaction, &card)?;
    let unknown = || CARD_UNKNOWN.because(format!("unknown gift card {}", card.masked()));
    let known = known.ok_or_else(unknown)?;
    may_be_used(&card, &known, currency)?;
    let kind = known.kind;
    let movement = book(transaction, by, &card, known, (MovementKind::Redeem, amount), Some(reference))?;
    Ok(Tender::GiftCard { amount, kind, card: card.masked(), movement })
}

/// Gives back what a movement redeemed: the tender or its sale was voided.
pub(crate) fn give_back(
    transaction: &mut Transaction<'_>,
    by: &By,
    movement: u64,
    amount: Minor,
    reference: &str,
) -> Result<u64, Refusal> {
    let missing = || StoreError::Corrupt {
        table: MOVEMENTS.name(),
        key: movement.to_string(),
        why: "a tender names it, but it is missing".into(),
    };
    let event = transaction.get(&MOVEMENTS, movement)?.ok_or_else(missing)?.event;
    let what = (MovementKind::GiveBack, amount);
    put_in(transaction, by, &event.card, (event.kind, event.currency), what, reference)
}

/// Refunds to a card: to the one that paid, or to new store credit whose number the caller drew.
///
/// # Errors
/// The card is of another currency, the amount is out of range, or the store fails.
pub fn refund(
    transaction: &mut Transaction<'_>,
    by: &By,
    card: &CardNumber,
    (amount, currency): (Minor, Currency),
    reference: &str,
) -> Result<u64, Refusal> {
    put_in(transaction, by, card, (CardKind::StoreCredit, currency), (MovementKind::Refund, amount), reference)
}

/// Loads a card; the kind is that of a card that is new here. A blocked card gets its money all the same.
fn put_in(
    transaction: &mut Transaction<'_>,
    by: &By,
    card: &CardNumber,
    (kind, currency): (CardKind, Currency),
    what: (MovementKind, Minor),
    reference: &str,
) -> Result<u64, Refusal> {
    let (epoch, known) = read(transaction, card)?;
    let held = Held::default().in_epoch(epoch);
    let known = known.unwrap_or(CardAtHub { kind, currency, pin: None, blocked: None, held });
    may_be_used(card, &CardAtHub { blocked: None, ..known.clone() }, currency)?;
    book(transaction, by, card, known, what, Some(reference))
}

/// Requires that a basket may sell a card.
pub(crate) fn may_load(transaction: &Transaction<'_>, card: &CardNumber, currency: Currency) -> Result<(), Refusal> {
    match read(transaction, card)? {
        (_, Some(known)) => may_be_used(card, &known, currency),
        (_, None) => Ok(()),
    }
}

/// Loads the cards that a sale sold.
pub(crate) fn load_sold(transaction: &mut Transaction<'_>, by: &By, sale: &mut Sale) -> Result<(), Refusal> {
    let (id, currency) = (sale.id.to_string(), sale.currency);
    for load in &mut sale.loads {
        let what = (MovementKind::Load, load.amount);
        load.movement = Some(put_in(transaction, by, &load.card, (CardKind::GiftCard, currency), what, &id)?);
    }
    Ok(())
}

/// Loads points that a sale earned, or gives points back that paid for goods of another store; returns the movement. An
/// account that can't be read or takes no more must not keep a paid sale from being completed.
pub(crate) fn load_points(
    transaction: &mut Transaction<'_>,
    by: &By,
    account: &CardNumber,
    movement: MovementKind,
    (amount, currency): (Minor, Currency),
    reference: &str,
) -> Result<Option<u64>, Refusal> {
    let (epoch, known) = match read(transaction, account) {
        Err(StoreError::Corrupt { .. }) => {
            tracing::error!(account = account.masked(), "an account of points is damaged; no points are loaded");
            return Ok(None);
        }
        found => found?,
    };
    let new = CardAtHub {
        pin: None,
        blocked: None,
        held: Held::default().in_epoch(epoch),
        kind: CardKind::LoyaltyPoints,
        currency,
    };
    let known = known.unwrap_or(new);
    if known.currency != currency {
        return Ok(None);
    }
    match book(transaction, by, account, known, (movement, amount), Some(reference)) {
        Err(refusal) if refusal.kind == &NOT_HELD => Ok(None),
        booked => booked.map(Some),
    }
}

/// Takes back what a sale earned, as far as the store still holds it.
pub(crate) fn unearn(
    transaction: &mut Transaction<'_>,
    by: &By,
    movement: u64,
    amount: Minor,
    reference: &str,
) -> Result<(), Refusal> {
    let Some(Movement { event, .. }) = transaction.get(&MOVEMENTS, movement)? else { return Ok(()) };
    take(transaction, by, &event.card, amount, reference).map(drop)
}

/// Takes points from an account, as far as the store holds them; returns the amount. A damaged account gives none.
pub(crate) fn take(
    transaction: &mut Transaction<'_>,
    by: &By,
    account: &CardNumber,
    amount: Minor,
    reference: &str,
) -> Result<Minor, Refusal> {
    let known = match read(transaction, account) {
        Err(StoreError::Corrupt { .. }) => {
            tracing::error!(account = account.masked(), "an account of points is damaged; HQ takes the points back");
            None
        }
        found => found?.1,
    };
    let Some(known) = known else { return Ok(Minor::ZERO) };
    let amount = amount.min(known.held.available());
    if !amount.is_positive() {
        return Ok(Minor::ZERO);
    }
    book(transaction, by, account, known, (MovementKind::Unload, amount), Some(reference))?;
    Ok(amount)
}

/// Takes back what a sale loaded, as it is to be voided.
pub(crate) fn unload_sold(transaction: &mut Transaction<'_>, by: &By, sale: &Sale) -> Result<(), Refusal> {
    for load in &sale.loads {
        let (_, known) = read(transaction, &load.card)?;
        let unknown = || CARD_UNKNOWN.because(format!("unknown gift card {}", load.card.masked()));
        let what = (MovementKind::Unload, load.amount);
        book(transaction, by, &load.card, known.ok_or_else(unknown)?, what, Some(&sale.id.to_string()))?;
    }
    Ok(())
}

/// HQ calls back what the hub holds of cards.
pub(super) fn recalled(
    transaction: &mut Transaction<'_>,
    by: &By,
    items: &[&DownItem],
) -> Result<Vec<Option<String>>, StoreError> {
    let mut refused = Vec::with_capacity(items.len());
    for item in items {
        let card = match RECALLED.read(item) {
            Ok(recalled) => recalled.card,
            Err(error) => {
                refused.push(Some(error.to_string()));
                continue;
            }
        };
        let known = match read(transaction, &card) {
            Err(StoreError::Corrupt { .. }) => {
                refused.push(Some(format!("the record of gift card {} is damaged", card.masked())));
                continue;
            }
            found => found?.1,
        };
        let held = known.as_ref().map_or(Minor::ZERO, |card| card.held.available());
        let Some(known) = known.filter(|_| held.is_positive()) else {
            refused.push(None);
            continue;
        };
        let booked = book(transaction, by, &card, known, (MovementKind::Return, held), None);
        refused.push(booked.err().map(|refusal| refusal.detail));
    }
    Ok(refused)
}

/// The body of a movement's event.
pub(super) fn body(store: &Store, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
    let missing = || outgoing::missing(MOVEMENTS.name(), entry);
    let number = entry.subject.parse().map_err(|_| missing())?;
    let movement = store.get(&MOVEMENTS, number)?.ok_or_else(missing)?;
    outgoing::written(&MOVED, &movement.event, entry)
}

/// Forgets movements after the retention period of sales, once HQ has them.
pub(super) fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let acknowledged = if retention.has_headquarters {
        store.outbox_span(Stream::customers().as_str())?.acknowledged
    } else {
        u64::MAX
    };
    let keep_from_ms = retention.keep_from_ms();
    let is_over = move |one: &Movement| one.sequence <= acknowledged && one.event.at_ms < keep_from_ms;
    let forgotten = store.forget(&MOVEMENTS, is_over)?;
    Ok(vec![("gift card movements", forgotten), ("presented gift cards", present::tidy(store, retention.now_ms)?)])
}

/// Checks that every card can be read and holds no less than nothing.
pub(super) fn check(store: &Store, _: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    let mut faults = Vec::new();
    let mut records = 0;
    store.each(&CARDS, |card| {
        records += 1;
        match card {
            Ok(card) if card.held.totals.is_possible() => {}
            Ok(card) => faults.push(format!("the totals of a gift card are impossible: {:?}", card.held.totals)),
            // The error names the key: the card's number.
            Err(_) => faults.push("the record of a gift card is damaged".into()),
        }
    })?;
    store.each(&MOVEMENTS, |movement| {
        records += 1;
        faults.extend(movement.err().map(|error| error.to_string()));
    })?;
    checked.records += records;
    for fault in faults {
        checked.fault(fault);
    }
    Ok(())
}
