//! Card payments: never a second charge, never a forgotten one.
//!
//! # States
//!
//! ```text
//!              intent stored, flushed                    result stored, flushed, THEN acknowledged to the terminal
//!  (nothing) -----------------------> Started --approved----------------------------------------> Approved
//!                                       |  \----declined, aborted---------------------------------> Declined
//!                                       |   \---nothing was sent (offline, busy)------------------> NotCharged
//!                                       v
//!                  link lost, time-out, hub restarted: in doubt --inquiry--> Approved | NotCharged | Unknown
//!                                                                                                    |
//!                                                              a person reads the terminal's journal +--> Approved | NotCharged
//! ```
//!
//! | what fails, when | what happens |
//! | --- | --- |
//! | the stock of an item that may not go below zero | is held in the intent's commit, or there is no intent; so an approved payment is always a sale |
//! | power before the intent is flushed | nothing was sent to the terminal; the register repeats |
//! | power between the intent and the result | at the start the terminal is asked for its last transaction; [`recovery::judge`] compares |
//! | power between the result and the acknowledgement | the result is stored; the terminal may have reversed: ZVT leaves it open, and the inquiry of the next payment shows it |
//! | the disk, when the result is to be stored | the terminal hears "roll back" and reverses |
//! | the link, in the middle | inquiry with back-off until the terminal answers; the lane's terminal takes no other payment meanwhile |
//! | the register goes away | the payment goes on without it; repeated under the same key it gets the result |
//! | a late approval after an abort | it is an approval: the basket is paid |
//!
//! A payment that stays `Unknown` blocks its terminal until a person decides: two payments in doubt on one terminal could never be told apart.

mod drive;
pub mod recovery;
mod routes;

use std::{collections::HashMap, sync::Arc, time::Duration};

use commerce::{Basket, CardSlip, Minor, Tender};
use drivers::payment_terminal::{Record, Trace};
use serde::{Deserialize, Serialize};
use store::{Name, Store, StoreError, Table, Transaction, archive::EntryKey, idempotency::CommandKey};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use utoipa::ToSchema;

pub use routes::router;

use crate::{
    hub::{Hub, now_ms},
    problem::Problem,
    selling::{self, Counter, SaleDone},
    stock,
};

static PAYMENTS: Table<Name, Payment> = Table::new("payment");
/// The payment that holds each terminal.
static OPEN: Table<Name, String> = Table::new("open_payment");

/// How long a request waits for the terminal before it answers "still under way".
const WAIT: Duration = Duration::from_secs(90);

/// A card payment as stored.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Payment {
    /// Its id.
    pub id: String,
    /// The basket it pays.
    pub basket: String,
    /// Which register asked.
    pub register: String,
    /// Which terminal takes it.
    pub terminal: String,
    /// How much.
    pub amount: Minor,
    /// When: milliseconds since 1970, UTC.
    pub started_at_ms: i64,
    /// Where it stands.
    #[serde(flatten)]
    pub state: PaymentState,
    /// Completes the sale as soon as it is approved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub completes: bool,
    /// The sale it completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale: Option<SaleDone>,
    /// The terminal's last transaction before this one, to tell them apart in doubt.
    #[serde(default)]
    #[schema(value_type = Object)]
    before: Trace,
    /// What the terminal wants on the customer's receipt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    slip: Vec<String>,
}

/// Where a payment stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PaymentState {
    /// With the terminal.
    Started,
    /// The money is the store's.
    Approved,
    /// Nothing was charged: the terminal or the bank said no.
    Declined {
        /// The terminal's code.
        code: u8,
        /// In words.
        why: String,
    },
    /// Nothing was charged: it never got that far.
    NotCharged {
        /// In words.
        why: String,
    },
    /// Nobody knows; a person must read the terminal's journal.
    Unknown {
        /// In words.
        why: String,
    },
}

impl PaymentState {
    /// Whether it waits for nothing but a person.
    fn is_settled(&self) -> bool {
        !matches!(self, Self::Started)
    }
}

/// The terminals' locks: one payment at a time on each.
#[derive(Default)]
pub struct Payments {
    desks: HashMap<String, Arc<Mutex<()>>>,
}

impl Payments {
    /// For the terminals of a config.
    pub fn new(terminals: impl IntoIterator<Item = String>) -> Self {
        Self { desks: terminals.into_iter().map(|name| (name, Arc::default())).collect() }
    }

    /// Takes hold of a terminal.
    fn hold(&self, terminal: &str) -> Result<OwnedMutexGuard<()>, Problem> {
        let desk = self.desks.get(terminal).ok_or_else(|| {
            Problem::not_found(
                "terminal",
                format!("there is no payment terminal `{}` in the config", terminal.escape_debug()),
            )
        })?;
        Arc::clone(desk).try_lock_owned().map_err(|_| busy(terminal))
    }
}

fn busy(terminal: &str) -> Problem {
    Problem::conflict(
        "terminal-busy",
        format!("payment terminal {terminal} is busy with another payment; wait for it or abort it"),
    )
}

/// The terminal of a register's lane.
fn lane_terminal(hub: &Hub, register: &str) -> Result<String, Problem> {
    let lane = hub.config.register.iter().find(|lane| lane.name == register);
    lane.and_then(|lane| lane.payment_terminal.clone()).ok_or_else(|| {
        Problem::not_found(
            "terminal",
            format!("register {register} has no payment terminal; add `payment_terminal` to its [[register]]"),
        )
    })
}

/// Stores the intent: from here on the terminal may be asked.
fn start(
    transaction: &mut Transaction<'_>,
    basket: &mut Basket,
    terminal: &str,
    amount: Option<Minor>,
    before: Trace,
    completes: bool,
) -> Result<Payment, Problem> {
    if let Some(open) = transaction.get(&OPEN, terminal)? {
        return Err(Problem::conflict(
            "terminal-unresolved",
            format!(
                "payment {open} on terminal {terminal} is in doubt; read the terminal's journal and decide it at the console"
            ),
        ));
    }
    let id = format!("p{}", transaction.next_number("payment")?);
    let amount = basket.reserve(id.clone(), amount)?;
    // A basket that is new with this command, or of which nothing is paid yet: its lines are fixed now. Else they were by its first tender.
    if completes || basket.tenders.is_empty() {
        stock::hold(transaction, basket, now_ms())?;
    }
    let payment = Payment {
        id,
        basket: basket.id.clone(),
        register: basket.register.clone(),
        terminal: terminal.to_owned(),
        amount,
        started_at_ms: now_ms(),
        state: PaymentState::Started,
        completes,
        sale: None,
        before,
        slip: Vec::new(),
    };
    transaction.put(&OPEN, terminal, &payment.id)?;
    put(transaction, &payment)?;
    selling::put_basket(transaction, basket)?;
    Ok(payment)
}

fn put(transaction: &mut Transaction<'_>, payment: &Payment) -> Result<(), StoreError> {
    transaction.put(&PAYMENTS, &payment.id, payment)
}

/// Writes a payment's end, and what follows from it for its basket, in one commit. Gives the sale, if it made one. A payment that has
/// ended stays as it is.
fn end(
    transaction: &mut Transaction<'_>,
    id: &str,
    state: PaymentState,
    record: Option<&Record>,
    counter: &Counter,
) -> Result<(Payment, Option<commerce::Sale>), Problem> {
    let mut payment = transaction.get(&PAYMENTS, id)?.ok_or_else(|| unknown(id))?;
    if !matches!(payment.state, PaymentState::Started | PaymentState::Unknown { .. }) {
        return Ok((payment, None));
    }
    let mut made = None;
    if !matches!(state, PaymentState::Unknown { .. }) {
        transaction.delete(&OPEN, &payment.terminal);
        let mut basket = selling::own_basket(transaction, &payment.basket, &payment.register)?;
        let tender =
            (state == PaymentState::Approved).then(|| Tender::Card { amount: payment.amount, slip: slip(id, record) });
        basket.settle(id, tender);
        if basket.tenders.is_empty() {
            stock::release_holds(transaction, &mut basket, counter.at_ms())?;
        }
        if payment.completes && state == PaymentState::Approved && !basket.due().is_positive() {
            let sale = selling::complete(transaction, &mut basket, counter, true)?;
            payment.sale = Some(SaleDone::from(&sale));
            made = Some(sale);
        }
        selling::put_basket(transaction, &basket)?;
    }
    payment.state = state;
    payment.slip = record.map(|record| record.receipt_text.clone()).unwrap_or_default();
    put(transaction, &payment)?;
    Ok((payment, made))
}

fn slip(payment: &str, record: Option<&Record>) -> CardSlip {
    let record = record.cloned();
    CardSlip {
        payment: payment.to_owned(),
        masked_pan: record.as_ref().and_then(|record| record.card.as_ref()).map(|card| card.as_str().to_owned()),
        scheme: record.as_ref().and_then(|record| record.card_name.clone()),
        terminal_id: record.as_ref().and_then(|record| record.trace.terminal_id.clone()),
        trace: record.as_ref().and_then(|record| record.trace.trace),
        receipt: record.as_ref().and_then(|record| record.trace.receipt),
    }
}

fn unknown(id: &str) -> Problem {
    Problem::not_found("payment", format!("there is no payment `{}`", id.escape_debug()))
}

fn read(store: &Store, id: &str) -> Result<Payment, Problem> {
    store.get(&PAYMENTS, id)?.ok_or_else(|| unknown(id))
}

/// The key of a payment's record, which is archived with its sale.
pub(crate) fn entry(payment: &str) -> EntryKey {
    PAYMENTS.entry(payment)
}

/// What the terminal of a sale's payment wants on the receipt.
///
/// # Errors
/// The store fails.
pub fn slip_text(store: &Store, payment: &str, sale: u64) -> Result<Vec<String>, StoreError> {
    let payment = selling::kept_with_sale(store, sale, &PAYMENTS, payment)?;
    Ok(payment.map(|payment| payment.slip).unwrap_or_default())
}

/// Payments that were with a terminal when the hub stopped: each is resolved by inquiry before its terminal takes another.
///
/// # Errors
/// The store fails.
pub fn resume(hub: &Arc<Hub>) -> Result<(), Problem> {
    for id in under_way(&hub.store)? {
        let payment = match read(&hub.store, &id) {
            Ok(payment) if payment.state.is_settled() => continue,
            Ok(payment) => payment,
            Err(problem) => {
                tracing::error!(payment = %id, detail = %problem.detail, "holds its terminal and can't be read");
                continue;
            }
        };
        match hub.payments.hold(&payment.terminal) {
            Ok(held) => {
                tracing::warn!(payment = %id, terminal = %payment.terminal, "was under way when the hub stopped; asking the terminal");
                let (hub, held) = (Arc::clone(hub), held);
                tokio::spawn(async move { drive::resolve(&hub, payment, held).await });
            }
            Err(_) => tracing::error!(payment = %id, terminal = %payment.terminal,
                "is in doubt and its terminal is gone from the config; add it again, or decide the payment at the console"),
        }
    }
    Ok(())
}

/// Payments that have no end yet. An entry that can't be read holds no terminal; the check names it.
fn under_way(store: &Store) -> Result<Vec<String>, StoreError> {
    let mut open = Vec::new();
    store.each(&OPEN, |id| match id {
        Ok(id) => open.push(id),
        Err(error) => tracing::error!(%error, "a payment under way can't be told"),
    })?;
    Ok(open)
}

/// In a store that was restored from a backup, what was with a terminal then is nobody's to tell but a person's: the terminal's last transaction is
/// another customer's by now. Gives those payments, to be doubted in one commit with what else follows from the restoring.
///
/// # Errors
/// The store fails.
pub fn to_doubt(store: &Store) -> Result<Vec<String>, StoreError> {
    let mut open = under_way(store)?;
    open.retain(|id| store.get(&PAYMENTS, id).is_ok_and(|found| found.is_some_and(|payment| is_started(&payment))));
    Ok(open)
}

fn is_started(payment: &Payment) -> bool {
    payment.state == PaymentState::Started
}

/// Doubts one of them.
///
/// # Errors
/// The store fails.
pub fn doubt(transaction: &mut Transaction<'_>, id: &str) -> Result<(), StoreError> {
    let Some(mut payment) = transaction.get(&PAYMENTS, id)?.filter(is_started) else { return Ok(()) };
    let why = "the store was restored from a backup that was taken while it was with the terminal";
    payment.state = PaymentState::Unknown { why: why.into() };
    put(transaction, &payment)
}

/// Waits until a payment has an end, for as long as a request may.
async fn settled(hub: &Hub, id: &str, ended: Option<oneshot::Receiver<()>>) -> Result<Payment, Problem> {
    let _ = tokio::time::timeout(WAIT, async {
        if let Some(ended) = ended {
            let _ = ended.await;
            return;
        }
        let mut commits = hub.store.committed();
        while read(&hub.store, id).is_ok_and(|payment| !payment.state.is_settled()) && commits.changed().await.is_ok() {
        }
    })
    .await;
    read(&hub.store, id)
}

/// A whole sale by card: the basket and the intent in one commit, the result and the sale in another.
///
/// # Errors
/// The terminal is busy, declines, or does not answer; the store fails. The basket stays open then.
pub async fn sell_by_card(
    hub: &Arc<Hub>,
    key: CommandKey,
    register: String,
    mut basket: Basket,
) -> Result<SaleDone, Problem> {
    let terminal = lane_terminal(hub, &register)?;
    // A repeat finds its terminal held by the very payment it asks about: whether that matters is known once the key was looked up.
    let (held, before) = drive::take(hub, &terminal);
    let (once, started) = hub
        .store
        .commit(move |transaction| {
            let mut started = None;
            let once = transaction.once(&key, |transaction| {
                let before = before?;
                basket.id = format!("b{}", transaction.next_number("basket")?);
                stock::claim(transaction, &basket)?;
                let payment = start(transaction, &mut basket, &terminal, None, before, true)?;
                Ok::<_, Problem>(started.insert(payment).id.clone())
            })?;
            Ok::<_, Problem>((once, started))
        })
        .await?;
    let (id, _) = selling::answer(once)?;
    let ended = started.zip(held).map(|(payment, held)| drive::spawn(hub, payment, held));
    let payment = settled(hub, &id, ended).await?;
    match (payment.sale, payment.state) {
        (Some(sale), _) => Ok(sale),
        (None, PaymentState::Declined { why, .. }) => Err(Problem::declined(format!(
            "{why}; basket {} is still open: pay it otherwise or abandon it",
            payment.basket
        ))),
        (None, PaymentState::NotCharged { why }) => Err(Problem::device(
            "payment-not-charged",
            format!(
                "{why}; nothing was charged; basket {} is still open: pay it otherwise or abandon it",
                payment.basket
            ),
        )),
        (None, PaymentState::Unknown { why }) => Err(Problem::device(
            "payment-unknown",
            format!("{why}; read the terminal's journal and decide payment {id} at the console"),
        )),
        (None, PaymentState::Started | PaymentState::Approved) => Err(Problem::conflict(
            "payment-under-way",
            format!("payment {id} is still with terminal {}; repeat this command with the same key", payment.terminal),
        )),
    }
}

#[cfg(test)]
pub(crate) mod tests;
