//! Gift cards and store credit at HQ, which holds what no hub does. The rules are in [`commerce::gift_card`].
//!
//! - **Once.** A card's rows change under a lock of the card. A hub's totals are merged, so a repeated event changes
//!   nothing; its movement is stored once, by its place in the stream.
//! - **Never twice.** HQ grants hubs and redeems for the web shop only what is free. What another hub holds is called
//!   back first, at most every [`RECALL_MS`].
//! - **Decisions, not projections.** A rebuild does not touch these tables.
//!
//! | failure | effect |
//! | --- | --- |
//! | the answer to a hub is lost | the money counts as held by the hub, which asks again and gets the same total |
//! | the hub that holds money is offline | it stays there; other stores and the web shop can't redeem it until then |
//! | a store lost its disk, or was restored | what it held stays held; a person [releases](release) it |
//! | HQ was restored from a backup | the hubs' next movements tell their totals, with what HQ had granted |

mod records;
#[cfg(test)]
mod tests;

use commerce::{
    Currency, Minor,
    gift_card::{CardKind, CardNumber, MovementKind, Totals},
};
use contract::{
    Epoch, HubId, Stream,
    gift_card::{GiftCardAnswer, GiftCardAsked, GiftCardRecalled, MOVED, RECALLED},
    operator::PinHash,
};
#[cfg(test)]
pub(crate) use records::STATEMENTS;
pub(crate) use records::lock;
pub use records::{Card, Found, HeldAt, Movement, find, list};
use records::{POUR, POURS_INTO};
use ring::rand::{SecureRandom, SystemRandom};

use crate::{
    database::{DatabaseError, Row, Transaction, values},
    down::{Outgoing, QueueError, rows},
    ledger::now_ms,
    projection::told::Stored,
};

/// A hub is asked again for what it holds after this time.
const RECALL_MS: i64 = 10_000;

/// Why a command about a card is refused; nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// HQ does not know the card.
    #[error("unknown gift card {0}")]
    Unknown(String),
    /// The card is blocked.
    #[error("gift card {card} is blocked: {why}")]
    Blocked {
        /// The last digits.
        card: String,
        /// The reason.
        why: String,
    },
    /// Less is free.
    #[error("gift card {card}: {free} minor units are free, not {requested}; stores hold {elsewhere}, called back now")]
    NotFree {
        /// The last digits.
        card: String,
        /// What can be redeemed.
        free: i64,
        /// What was asked for.
        requested: i64,
        /// What stores hold.
        elsewhere: i64,
    },
    /// The amount is out of range.
    #[error("amount {0} is out of range: 1 to {most} minor units", most = commerce::MAX_LINE_AMOUNT.get())]
    Amount(i64),
    /// No random number could be had.
    #[error("could not draw a random number")]
    Random,
    /// The ledger or a hub's queue failed.
    #[error(transparent)]
    Failed(#[from] QueueError),
}

impl CardError {
    fn into_database(self) -> DatabaseError {
        match self {
            Self::Failed(error) => error.into_database(),
            error => DatabaseError::Statement { statement: "gift_card/set", why: error.to_string() },
        }
    }
}

impl From<DatabaseError> for CardError {
    fn from(error: DatabaseError) -> Self {
        Self::Failed(error.into())
    }
}

/// Processes the movements among events, in the transaction that stores them.
pub(crate) async fn heard(transaction: &mut Transaction, events: &[Stored]) -> Result<(), DatabaseError> {
    for stored in events.iter().filter(|stored| stored.stream == Stream::customers()) {
        // Unreadable events are already in quarantine.
        let Ok(moved) = MOVED.read(&stored.event) else { continue };
        let mut card = match lock(transaction, &moved.card).await? {
            Some(card) => card,
            None => {
                let new = Card::new(&moved.card, moved.kind, moved.currency, moved.pin.clone());
                new.insert(transaction, moved.at_ms).await?
            }
        };
        card.account.receive(stored.hub.clone(), &moved.totals);
        if card.pin.is_none() {
            card.pin.clone_from(&moved.pin);
        }
        card.store(transaction).await?;
        let movement = Movement {
            hub: Some(stored.hub.clone()),
            epoch: stored.epoch.0,
            sequence: stored.event.sequence.0,
            movement: moved.movement.name().to_owned(),
            amount: moved.amount.get(),
            reference: moved.reference,
            by: moved.by.to_string(),
            at_ms: moved.at_ms,
        };
        movement.insert(transaction, &moved.card).await?;
        poured(transaction, &moved.card, moved.at_ms).await?;
    }
    Ok(())
}

/// Has the money of an account move into another one as it becomes free: of a customer who was merged.
pub(crate) async fn pour(
    transaction: &mut Transaction,
    from: &CardNumber,
    into: &CardNumber,
) -> Result<(), DatabaseError> {
    let mut card = match (lock(transaction, from).await?, lock(transaction, into).await?) {
        (Some(card), _) => card,
        // Its first movement may arrive after the customers were merged.
        (None, Some(other)) => Card::new(from, other.kind, other.currency, None).insert(transaction, now_ms()).await?,
        (None, None) => return Ok(()),
    };
    transaction.execute(&POUR, values![into.as_str(), from.as_str()]).await?;
    card.recall(transaction, None, now_ms()).await.map_err(QueueError::into_database)?;
    card.store(transaction).await?;
    poured(transaction, from, now_ms()).await
}

/// Moves what is free of an account that pours into another.
async fn poured(transaction: &mut Transaction, from: &CardNumber, at_ms: i64) -> Result<(), DatabaseError> {
    let row = transaction.query(&POURS_INTO, values![from.as_str()]).await?.pop();
    let into: Option<String> = row.map(Row::read::<(Option<String>,)>).transpose()?.and_then(|(into,)| into);
    let Some(into) = into.and_then(|text| CardNumber::try_from(text).ok()) else { return Ok(()) };
    let Some(mut card) = lock(transaction, from).await? else { return Ok(()) };
    let Some(free) = Minor::new(card.account.free()).filter(|free| free.is_positive()) else { return Ok(()) };
    card.account.own -= free.get();
    let mut other = match lock(transaction, &into).await? {
        Some(other) => other,
        None => Card::new(&into, card.kind, card.currency, None).insert(transaction, at_ms).await?,
    };
    other.account.own += free.get();
    let moving =
        |to: &CardNumber| Moving { amount: free.get(), reference: format!("merged {}", to.masked()), by: "HQ".into() };
    let moves = [(card, "pour_out", moving(&into)), (other, "pour_in", moving(from))];
    for (card, movement, moving) in moves {
        card.finish(transaction, movement, free.get(), moving, at_ms).await.map_err(CardError::into_database)?;
    }
    Ok(())
}

/// Lets an amount of an account expire. What stores hold is called back first.
pub(crate) async fn expire(
    transaction: &mut Transaction,
    number: &CardNumber,
    moving: Moving,
    now_ms: i64,
) -> Result<(), CardError> {
    let mut card = known(transaction, number).await?;
    let amount = moving.amount.min(card.account.free()).max(0);
    if amount < moving.amount {
        card.recall(transaction, None, now_ms).await?;
    }
    card.account.own -= amount;
    if amount == 0 {
        return Ok(card.store(transaction).await?);
    }
    card.finish(transaction, "expire", amount, moving, now_ms).await.map(drop)
}

/// Takes back points of an account as far as they are free; returns the amount.
pub(crate) async fn take_back(
    transaction: &mut Transaction,
    number: &CardNumber,
    moving: Moving,
    now_ms: i64,
) -> Result<i64, DatabaseError> {
    let Some(mut card) = lock(transaction, number).await? else { return Ok(0) };
    let amount = moving.amount.min(card.account.free()).max(0);
    if amount > 0 {
        card.account.own -= amount;
        // As a store's: it counts for the tier, and against what expires.
        let taken = card.finish(transaction, MovementKind::Unload.name(), amount, moving, now_ms).await;
        taken.map_err(CardError::into_database)?;
    }
    Ok(amount)
}

/// Answers a hub, and grants it what it asks for as far as it is free.
pub(crate) async fn answer(
    transaction: &mut Transaction,
    hub: &HubId,
    epoch: Epoch,
    asked: &GiftCardAsked,
    now_ms: i64,
) -> Result<Option<GiftCardAnswer>, QueueError> {
    let Some(mut card) = lock(transaction, &asked.card).await? else { return Ok(None) };
    let wanted = if card.blocked.is_some() { 0 } else { asked.wanted };
    let granted = card.account.grant(hub.clone(), epoch.0, wanted);
    if granted < wanted {
        card.recall(transaction, Some(hub), now_ms).await?;
    }
    card.store(transaction).await?;
    let elsewhere = card.elsewhere(Some(hub));
    let (balance, Card { kind, currency, pin, blocked, .. }) = (card.account.balance(), card);
    Ok(Some(GiftCardAnswer { kind, currency, pin, blocked, balance, granted, elsewhere }))
}

impl Card {
    /// What hubs hold, except one.
    pub(crate) fn elsewhere(&self, except: Option<&HubId>) -> i64 {
        let others = self.account.hubs.iter().filter(|(hub, _)| Some(hub) != except);
        others.map(|(_, totals)| totals.held().max(0)).sum()
    }

    /// Calls back what hubs hold.
    async fn recall(
        &mut self,
        transaction: &mut Transaction,
        except: Option<&HubId>,
        now_ms: i64,
    ) -> Result<(), QueueError> {
        let number = &self.number;
        let item = Outgoing::new(&RECALLED, &GiftCardRecalled { card: number.clone() });
        let item =
            item.map_err(|error| DatabaseError::Statement { statement: "queue/append", why: error.to_string() })?;
        for ((hub, totals), recalled_at_ms) in self.account.hubs.iter().zip(&mut self.recalled) {
            let is_due = now_ms.saturating_sub(*recalled_at_ms) >= RECALL_MS;
            if Some(hub) == except || totals.held() <= 0 || !is_due {
                continue;
            }
            *recalled_at_ms = now_ms;
            match rows::append(transaction, hub, &Stream::customers(), std::slice::from_ref(&item)).await {
                // An abandoned hub must not keep others from being asked.
                Err(error @ QueueError::Full { .. }) => tracing::warn!(%hub, %error, "could not call back a gift card"),
                appended => drop(appended?),
            }
        }
        Ok(())
    }

    fn not_blocked(&self) -> Result<(), CardError> {
        match &self.blocked {
            Some(why) => Err(CardError::Blocked { card: self.number.masked(), why: why.clone() }),
            None => Ok(()),
        }
    }
}

/// Draws the number of a new card.
///
/// # Errors
/// The system has no random numbers.
pub fn draw() -> Result<CardNumber, CardError> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| CardError::Random)?;
    Ok(CardNumber::from_random(bytes))
}

/// A command about money that HQ itself moves.
#[derive(Clone, Debug)]
pub struct Moving {
    /// The amount.
    pub amount: i64,
    /// The web shop's reference, or the reason.
    pub reference: String,
    /// Who asks.
    pub by: String,
}

fn amount(minor: i64) -> Result<Minor, CardError> {
    let most = commerce::MAX_LINE_AMOUNT;
    let amount = Minor::new(minor).filter(|amount| amount.is_positive() && *amount <= most);
    amount.ok_or(CardError::Amount(minor))
}

/// Adds a printed card without a balance; a known one stays as it is.
///
/// # Errors
/// The database failed.
pub async fn add(
    transaction: &mut Transaction,
    number: &CardNumber,
    (currency, pin): (Currency, Option<PinHash>),
    now_ms: i64,
) -> Result<Card, CardError> {
    Ok(Card::new(number, CardKind::GiftCard, currency, pin).insert(transaction, now_ms).await?)
}

/// Issues a card with a balance.
///
/// # Errors
/// The amount is out of range, or the database failed.
pub async fn issue(
    transaction: &mut Transaction,
    number: &CardNumber,
    (kind, currency): (CardKind, Currency),
    moving: Moving,
    now_ms: i64,
) -> Result<Card, CardError> {
    amount(moving.amount)?;
    Card::new(number, kind, currency, None).insert(transaction, now_ms).await?;
    load(transaction, number, moving, now_ms).await
}

/// Loads a card.
///
/// # Errors
/// The card is unknown or blocked, the amount is out of range, or the database failed.
pub async fn load(
    transaction: &mut Transaction,
    number: &CardNumber,
    moving: Moving,
    now_ms: i64,
) -> Result<Card, CardError> {
    let amount = amount(moving.amount)?;
    let mut card = known(transaction, number).await?;
    card.not_blocked()?;
    card.account.own = card.account.own.saturating_add(amount.get());
    card.finish(transaction, "load", amount.get(), moving, now_ms).await
}

/// Redeems an amount for the web shop. If less is free, [call back](recall) what stores hold, and repeat the command.
///
/// # Errors
/// The card is unknown or blocked, less is free, or the database failed.
pub async fn redeem(
    transaction: &mut Transaction,
    number: &CardNumber,
    moving: Moving,
    now_ms: i64,
) -> Result<Card, CardError> {
    let amount = amount(moving.amount)?;
    let mut card = known(transaction, number).await?;
    card.not_blocked()?;
    if let Err(overspent) = card.account.redeem(amount) {
        let (free, requested, elsewhere) = (overspent.held, overspent.requested, card.elsewhere(None));
        return Err(CardError::NotFree { card: number.masked(), free, requested, elsewhere });
    }
    card.finish(transaction, "redeem", amount.get(), moving, now_ms).await
}

/// Calls back what stores hold of a card.
///
/// # Errors
/// The card is unknown, or the database failed.
pub async fn recall(transaction: &mut Transaction, number: &CardNumber, now_ms: i64) -> Result<(), CardError> {
    let mut card = known(transaction, number).await?;
    card.recall(transaction, None, now_ms).await?;
    Ok(card.store(transaction).await?)
}

/// Blocks a card, or unblocks it without a reason. A hub that holds money of it learns that with its next question.
///
/// # Errors
/// The card is unknown, or the database failed.
pub async fn block(
    transaction: &mut Transaction,
    number: &CardNumber,
    why: Option<String>,
    now_ms: i64,
) -> Result<Card, CardError> {
    let mut card = known(transaction, number).await?;
    card.blocked = why;
    card.recall(transaction, None, now_ms).await?;
    card.store(transaction).await?;
    Ok(card)
}

/// Releases what a store held in epochs before its latest one, because its disk is lost. What it redeemed and never
/// told is then redeemed twice, at the retailer's cost.
///
/// # Errors
/// The card is unknown, the store holds nothing in an earlier epoch, or the database failed.
pub async fn release(
    transaction: &mut Transaction,
    number: &CardNumber,
    (store, latest): (&HubId, Epoch),
    moving: Moving,
    now_ms: i64,
) -> Result<Card, CardError> {
    let mut card = known(transaction, number).await?;
    let mut released = 0;
    for (_, totals) in card.account.hubs.iter_mut().filter(|(hub, totals)| hub == store && totals.epoch < latest.0) {
        let held = totals.held().max(0);
        totals.returned += held;
        released += held;
    }
    if released == 0 {
        return Err(CardError::NotFree {
            card: number.masked(),
            free: 0,
            requested: 0,
            elsewhere: card.elsewhere(None),
        });
    }
    card.finish(transaction, "release", released, moving, now_ms).await
}

async fn known(transaction: &mut Transaction, number: &CardNumber) -> Result<Card, CardError> {
    lock(transaction, number).await?.ok_or_else(|| CardError::Unknown(number.masked()))
}

/// The totals, for lists.
fn held(totals: &Totals) -> i64 {
    totals.held().max(0)
}
