//! The rows of gift cards.

use commerce::{
    Currency,
    gift_card::{Account, CardKind, CardNumber, Totals},
};
use contract::{HubId, operator::PinHash};
use serde::Serialize;
use utoipa::ToSchema;

use super::{CardError, Moving, held};
use crate::database::{Database, DatabaseError, Row, Transaction, Value, statement::statements, values};

statements! {
    /// Adds a card, unless it is known.
    INSERT = "gift_card/insert";
    /// A card, locked until the transaction ends.
    LOCK = "gift_card/lock" + postgres;
    /// The totals of the hubs.
    HUBS = "gift_card/hubs";
    /// Writes the totals of a hub.
    STORE_HUB = "gift_card/store_hub";
    /// Writes a card.
    SET = "gift_card/set";
    /// Adds a movement, once.
    INSERT_MOVEMENT = "gift_card/insert_movement";
    /// The movements of a card.
    MOVEMENTS = "gift_card/movements";
    /// The last movement of HQ itself.
    LAST_OWN = "gift_card/last_own";
    /// The account into which a card pours.
    POURS_INTO = "gift_card/pours_into";
    /// Has a card pour into another.
    POUR = "gift_card/pour";
    /// Cards after one, with their sums.
    PAGE = "gift_card/page";
}

/// A card, locked.
#[derive(Clone, Debug)]
pub struct Card {
    /// Its number.
    pub number: CardNumber,
    /// Its kind.
    pub kind: CardKind,
    /// Its currency.
    pub currency: Currency,
    /// The hash of its PIN.
    pub pin: Option<PinHash>,
    /// Why it is blocked.
    pub blocked: Option<String>,
    /// Where its money is.
    pub account: Account<HubId>,
    /// When each hub was last asked to give back what it holds.
    pub(super) recalled: Vec<i64>,
}

/// Reads a card and locks it until the transaction ends.
pub(crate) async fn lock(transaction: &mut Transaction, number: &CardNumber) -> Result<Option<Card>, DatabaseError> {
    let rows = transaction.query(&LOCK, values![number.as_str()]).await?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let (kind, currency, own, pin, blocked) = row.read()?;
    let mut card = read((number.clone(), kind, currency, pin, blocked))?;
    card.account.own = own;
    for row in transaction.query(&HUBS, values![number.as_str()]).await? {
        let (hub, epoch, loaded, granted, spent, returned, recalled_at_ms) = row.read()?;
        let hub: String = hub;
        let bad = |found| DatabaseError::Column { column: 0, expected: "a hub", found };
        let totals = Totals { epoch, loaded, granted, spent, returned };
        card.account.hubs.push((hub.parse().map_err(bad)?, totals));
        card.recalled.push(recalled_at_ms);
    }
    Ok(Some(card))
}

type Columns = (CardNumber, String, String, Option<String>, Option<String>);

fn read((number, kind, currency, pin, blocked): Columns) -> Result<Card, DatabaseError> {
    let bad = |column, expected, found| DatabaseError::Column { column, expected, found };
    let kind = match kind.as_str() {
        "gift_card" => CardKind::GiftCard,
        "store_credit" => CardKind::StoreCredit,
        "loyalty_points" => CardKind::LoyaltyPoints,
        _ => return Err(bad(0, "a kind of gift card", kind)),
    };
    let currency = Currency::from_code(&currency).ok_or_else(|| bad(1, "a currency", currency))?;
    let pin = pin.map(PinHash::try_from).transpose().map_err(|found| bad(3, "the hash of a PIN", found))?;
    Ok(Card { pin, blocked, ..Card::new(&number, kind, currency, None) })
}

impl Card {
    /// A card without money.
    pub(super) fn new(number: &CardNumber, kind: CardKind, currency: Currency, pin: Option<PinHash>) -> Self {
        let account = Account { own: 0, hubs: Vec::new() };
        Self { number: number.clone(), kind, currency, pin, blocked: None, account, recalled: Vec::new() }
    }

    /// Adds the card; gives the known one if another transaction did.
    pub(super) async fn insert(self, transaction: &mut Transaction, at_ms: i64) -> Result<Self, DatabaseError> {
        let pin = self.pin.clone().map(String::from);
        let row = values![self.number.as_str(), self.kind.name(), self.currency.code(), pin, at_ms];
        transaction.execute(&INSERT, row).await?;
        Ok(lock(transaction, &self.number).await?.unwrap_or(self))
    }

    /// Writes the card and the totals of its hubs.
    pub(super) async fn store(&mut self, transaction: &mut Transaction) -> Result<(), DatabaseError> {
        let pin = self.pin.clone().map(String::from);
        let row = values![self.account.own, pin, self.blocked.as_deref(), self.number.as_str()];
        transaction.execute(&SET, row).await?;
        self.recalled.resize(self.account.hubs.len(), 0);
        for ((hub, totals), recalled_at_ms) in self.account.hubs.iter().zip(&self.recalled) {
            let Totals { epoch, loaded, granted, spent, returned } = *totals;
            let (card, epoch) = (self.number.as_str(), Value::unsigned("epoch", epoch)?);
            let row = values![card, hub.as_str(), epoch, loaded, granted, spent, returned, *recalled_at_ms];
            transaction.execute(&STORE_HUB, row).await?;
        }
        Ok(())
    }

    /// Writes the card with a movement of HQ itself.
    pub(super) async fn finish(
        mut self,
        transaction: &mut Transaction,
        movement: &str,
        amount: i64,
        Moving { reference, by, .. }: Moving,
        at_ms: i64,
    ) -> Result<Self, CardError> {
        self.store(transaction).await?;
        let last = transaction.query(&LAST_OWN, values![self.number.as_str()]).await?.pop();
        let (last,): (u64,) = last.map(Row::read).transpose()?.unwrap_or_default();
        let (movement, reference) = (movement.to_owned(), Some(reference));
        let own = Movement { hub: None, epoch: 0, sequence: last + 1, movement, amount, reference, by, at_ms };
        own.insert(transaction, &self.number).await?;
        Ok(self)
    }
}

/// A movement of a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = GiftCardMovement)]
pub struct Movement {
    /// The store; absent for HQ and the web shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub: Option<HubId>,
    /// The epoch of the store.
    #[serde(skip)]
    pub epoch: u64,
    /// The place in the store's stream.
    #[serde(skip)]
    pub sequence: u64,
    /// What happened: `load`, `redeem`, `give_back`, `refund`, `unload`, `return`, `release`.
    pub movement: String,
    /// The amount, in minor units.
    pub amount: i64,
    /// The sale, the web shop's reference, or the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Who did it.
    pub by: String,
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
}

impl Movement {
    pub(super) async fn insert(&self, transaction: &mut Transaction, card: &CardNumber) -> Result<(), DatabaseError> {
        let (hub, epoch) = (self.hub.as_ref().map_or("", HubId::as_str), Value::unsigned("epoch", self.epoch)?);
        let (sequence, reference) = (Value::unsigned("sequence", self.sequence)?, self.reference.as_deref());
        let row =
            values![card.as_str(), hub, epoch, sequence, &self.movement, self.amount, reference, &self.by, self.at_ms];
        transaction.execute(&INSERT_MOVEMENT, row).await.map(drop)
    }
}

/// A card in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = GiftCard)]
pub struct Found {
    /// Its number.
    pub card: CardNumber,
    /// Its kind.
    pub kind: CardKind,
    /// Its currency.
    #[schema(value_type = String)]
    pub currency: Currency,
    /// The whole balance, in minor units, as far as HQ knows.
    pub balance: i64,
    /// The part of it that HQ can grant or redeem; the rest is held by stores.
    pub free: i64,
    /// Whether it has a PIN.
    pub has_pin: bool,
    /// Why it is blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<String>,
}

/// What a store holds of a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = GiftCardHeld)]
pub struct HeldAt {
    /// The store.
    pub hub: HubId,
    /// The epoch of the store.
    pub epoch: u64,
    /// The amount, in minor units.
    pub held: i64,
}

impl Card {
    /// For lists.
    pub fn found(&self) -> Found {
        Found {
            card: self.number.clone(),
            kind: self.kind,
            currency: self.currency,
            balance: self.account.balance(),
            free: self.account.free(),
            has_pin: self.pin.is_some(),
            blocked: self.blocked.clone(),
        }
    }
}

/// A card with where its money is and what happened to it, oldest first; none if it is unknown.
///
/// # Errors
/// The database failed.
pub async fn find(
    database: &Database,
    number: &CardNumber,
) -> Result<Option<(Found, Vec<HeldAt>, Vec<Movement>)>, DatabaseError> {
    let mut transaction = database.transaction().await?;
    let Some(card) = lock(&mut transaction, number).await? else { return Ok(None) };
    let at = |(hub, totals): &(HubId, Totals)| HeldAt { hub: hub.clone(), epoch: totals.epoch, held: held(totals) };
    let held_at = card.account.hubs.iter().map(at).filter(|at| at.held > 0).collect();
    let mut movements = Vec::new();
    for row in transaction.query(&MOVEMENTS, values![number.as_str()]).await? {
        let (hub, epoch, sequence, movement, amount, reference, by, at_ms) = row.read()?;
        let hub: String = hub;
        let bad = |found| DatabaseError::Column { column: 0, expected: "a hub", found };
        let hub = Some(hub).filter(|hub| !hub.is_empty()).map(|hub| hub.parse().map_err(bad)).transpose()?;
        movements.push(Movement { hub, epoch, sequence, movement, amount, reference, by, at_ms });
    }
    Ok(Some((card.found(), held_at, movements)))
}

/// Cards after a number, in order.
///
/// # Errors
/// The database failed.
pub async fn list(database: &Database, after: &str, most: usize) -> Result<Vec<Found>, DatabaseError> {
    type Columns = (String, String, String, i64, Option<String>, Option<String>, i64, i64, i64);
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let found = |row: Row| {
        let (number, kind, currency, own, pin, blocked, _, moved, granted): Columns = row.read()?;
        let bad = |found: String| DatabaseError::Column { column: 0, expected: "a gift card", found };
        let number = CardNumber::try_from(number).map_err(|error| bad(error.to_string()))?;
        let card = read((number, kind, currency, pin, blocked))?;
        Ok(Found { balance: own + moved, free: own - granted, ..card.found() })
    };
    database.read(&PAGE, values![after, most]).await?.into_iter().map(found).collect()
}
