//! The web quota of each item: what HQ may sell of this store's stock without asking. The rules are in
//! [`commerce::stock::quota`].
//!
//! - Every movement of stock on hand is followed in its own commit ([`follow`]): a breach is counted, recalled and
//!   marked to be sent to HQ there.
//! - The counter may not sell kept goods of an item whose class is strict: the sale, or the hold that comes before its
//!   payment, is refused. Goods that are paid or gone are booked whatever is kept.
//! - [`refill`] grants and recalls, and [`tell`] sends what changed, many items in one event.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, before a commit's flush | neither movement nor quota changed |
//! | the hub is killed between a change and its event | the item stays marked; the next run sends it |
//! | a quota is damaged | sales go on without it, and the log names it; the item gets no refills |
//! | the store is restored | its quotas are of an earlier epoch and void; the first refill begins new ones |

use commerce::{
    Actor, Sku, Unit,
    stock::{
        Kind, Line, Place, Position, Rule, State,
        quota::{Class, Policy, StoreQuota},
    },
};
use contract::{
    DownItem,
    order::QuotaSpent,
    quota::{ANSWERED, CHANGED, MAX_QUOTAS, QuotaChanged, StoreTotals},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{NameName, Number, Order, Store, StoreError, Table, Transaction, outbox::Entry};

use super::{
    counts,
    ledger::{POSITIONS, position},
    policies::{POLICIES, safety_stock},
    refusals::KEPT_FOR_WEB,
};
use crate::{By, Refusal, lists, outgoing};

/// Quotas by SKU and unit.
static QUOTAS: Table<NameName, Quota> = Table::new("web_quota");
/// The items whose totals HQ does not have yet, or whose policy was set.
static UNTOLD: Table<NameName, Place> = Table::new("web_quota_untold");
/// The totals as sent, by their place in the stream, until HQ has them.
pub(super) static TOLD: Table<Number, Told> = Table::new("web_quota_told");

/// Totals as sent to HQ.
#[derive(Serialize, Deserialize)]
pub(super) struct Told {
    /// Their place in the stream.
    pub(super) sequence: u64,
    /// The event.
    event: QuotaChanged,
}

/// An item's quota, and whether the counter may sell what it keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Quota {
    /// The totals.
    pub(super) quota: StoreQuota,
    /// The class, copied here so that a sale reads one record more per item.
    pub(super) class: Class,
}

/// Reads a quota, or `None` if it is damaged: it must not keep a sale from being booked.
fn read(transaction: &Transaction<'_>, sku: &Sku, unit: Unit) -> Result<Option<Quota>, StoreError> {
    match transaction.get(&QUOTAS, (sku.as_str(), unit.name())) {
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(%error, item = %sku, "web quota is damaged; booking without it");
            Ok(None)
        }
        found => found,
    }
}

fn put(transaction: &mut Transaction<'_>, sku: &Sku, unit: Unit, quota: &Quota) -> Result<(), StoreError> {
    let key = (sku.as_str(), unit.name());
    transaction.put(&UNTOLD, key, &(sku.clone(), unit))?;
    transaction.put(&QUOTAS, key, quota)
}

/// Has an item's quota looked at by the next refill, because its policy was set.
pub(super) fn look_at(transaction: &mut Transaction<'_>, sku: &Sku, unit: Unit) -> Result<(), StoreError> {
    transaction.put(&UNTOLD, (sku.as_str(), unit.name()), &(sku.clone(), unit))
}

/// The quota that a movement's line may touch.
pub(super) fn of_line(transaction: &Transaction<'_>, line: &Line) -> Result<Option<Quota>, StoreError> {
    if [line.from, line.to].contains(&Some(State::OnHand)) {
        return read(transaction, &line.sku, line.unit);
    }
    Ok(None)
}

/// Refuses to take kept goods of a strict item for a customer at the counter.
pub(super) fn check(
    transaction: &Transaction<'_>,
    by: &Actor,
    kind: Kind,
    line: &Line,
    (quota, on_hand): (&Quota, i64),
) -> Result<(), Refusal> {
    if line.from != Some(State::OnHand) || !matches!(kind, Kind::Sale | Kind::Reservation) {
        return Ok(());
    }
    let allowed = quota.quota.may_sell(&line.sku, on_hand, line.milli, quota.class);
    allowed.map_err(|kept| {
        let sku = kept.sku.as_str();
        if counts::hides_from(transaction, by, &kept.sku) {
            return KEPT_FOR_WEB.because(format!("item {sku}: the goods are kept for web orders")).member("item", sku);
        }
        let refusal = KEPT_FOR_WEB.because(kept.to_string()).member("item", sku);
        refusal.member("requested", kept.requested).member("available", kept.available)
    })
}

/// Compares the quota with the stock on hand after a movement.
pub(super) fn follow(
    transaction: &mut Transaction<'_>,
    position: &Position,
    mut quota: Quota,
) -> Result<(), StoreError> {
    let before = quota.quota;
    if let Some(breach) = quota.quota.after_movement(position.on_hand) {
        tracing::warn!(item = %position.sku, milli = breach.milli, "goods reserved for the web were sold");
    }
    if quota.quota == before {
        return Ok(());
    }
    put(transaction, &position.sku, position.unit, &quota)
}

/// Whether the counter may not sell all of the stock on hand, so that a basket that is being paid needs a hold.
pub(super) fn is_strict(transaction: &Transaction<'_>, sku: &Sku, unit: Unit) -> Result<bool, StoreError> {
    let quota = read(transaction, sku, unit)?;
    Ok(quota.is_some_and(|quota| quota.class == Class::Strict && quota.quota.kept() > 0))
}

/// The stock that an order may have of each item, after HQ's sales from the quota have arrived: what the quota kept for
/// it, and what is available to sell beyond. An item that is not tracked has no limit. Call it once for each part.
pub(crate) fn arrive(
    transaction: &mut Transaction<'_>,
    places: impl IntoIterator<Item = Place>,
    spent: &[QuotaSpent],
) -> Result<Vec<(Place, Available)>, StoreError> {
    let mut found = Vec::new();
    for (sku, unit) in places {
        let position = position(transaction, &sku, unit)?;
        let safety = safety_stock(transaction.get(&POLICIES, sku.as_str())?, unit);
        let (mut kept, mut arrived) = (0, 0);
        if let Some(mut quota) = read(transaction, &sku, unit)? {
            if let Some(spent) = spent.iter().find(|spent| spent.sku == sku && spent.unit == unit) {
                arrived = quota.quota.arrive(spent.epoch, spent.milli, position.on_hand);
                put(transaction, &sku, unit, &quota)?;
            }
            kept = quota.quota.kept();
        }
        let available = match position.rule {
            Rule::Untracked => Available::Untracked,
            _ => Available::UpTo(arrived.max(position.on_hand.saturating_sub(kept).saturating_sub(safety))),
        };
        found.push(((sku, unit), available));
    }
    Ok(found)
}

/// The stock that an order may have of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Available {
    /// The item's stock is not tracked.
    Untracked,
    /// At most this much.
    UpTo(i64),
}

/// An item and its quota policy, for [`refill`].
pub type ToRefill = (Place, Policy);

/// The quota of an item after a refill; `None` if it stays as it is.
fn refilled((stored, epoch): (Option<Quota>, u64), position: &Position, safety: i64, policy: &Policy) -> Option<Quota> {
    let stored = stored.filter(|quota| quota.quota.totals.epoch == epoch);
    if stored.is_none() && (policy.share_permille == 0 || position.rule == Rule::Untracked) {
        return None;
    }
    let new = Quota { quota: StoreQuota::new(epoch), class: policy.class };
    let mut quota = Quota { class: policy.class, ..stored.clone().unwrap_or(new) };
    let on_hand = if position.rule == Rule::Untracked { 0 } else { position.on_hand };
    quota.quota.refill(on_hand, safety, position.unit, policy);
    (stored.as_ref() != Some(&quota)).then_some(quota)
}

/// Whether a refill would change an item's quota.
///
/// # Errors
/// The store fails.
pub fn needs_refill(store: &Store, epoch: u64, (sku, unit): &Place, policy: &Policy) -> Result<bool, StoreError> {
    let key = (sku.as_str(), unit.name());
    match (store.get(&POSITIONS, key), store.get(&QUOTAS, key), store.get(&POLICIES, sku.as_str())) {
        (Err(StoreError::Corrupt { .. }), ..) | (_, Err(StoreError::Corrupt { .. }), _) => Ok(false),
        (position, stored, stock_policy) => {
            let Some(position) = position? else { return Ok(false) };
            let safety = safety_stock(stock_policy?, *unit);
            Ok(refilled((stored?, epoch), &position, safety, policy).is_some())
        }
    }
}

/// Grants and recalls for items whose stock has moved, and returns how many changed.
///
/// # Errors
/// The store fails.
pub fn refill(transaction: &mut Transaction<'_>, epoch: u64, items: &[ToRefill]) -> Result<u64, StoreError> {
    let mut changed = 0;
    for ((sku, unit), policy) in items {
        let position = match position(transaction, sku, *unit) {
            // Reported by sales and the check.
            Err(StoreError::Corrupt { .. }) => continue,
            found => found?,
        };
        let stored = match transaction.get(&QUOTAS, (sku.as_str(), unit.name())) {
            Err(StoreError::Corrupt { .. }) => continue,
            found => found?,
        };
        let safety = safety_stock(transaction.get(&POLICIES, sku.as_str())?, *unit);
        if let Some(quota) = refilled((stored, epoch), &position, safety, policy) {
            put(transaction, sku, *unit, &quota)?;
            changed += 1;
        }
    }
    Ok(changed)
}

/// Items whose totals HQ does not have yet, for [`tell`].
///
/// # Errors
/// The store fails.
pub fn untold(store: &Store) -> Result<Vec<Place>, StoreError> {
    lists::readable_page(store, &UNTOLD, None, Order::Ascending, MAX_QUOTAS)
}

/// Sends the totals of items to HQ, in one event.
///
/// # Errors
/// The store fails.
pub fn tell(transaction: &mut Transaction<'_>, at_ms: i64, places: &[Place]) -> Result<(), StoreError> {
    let mut quotas = Vec::new();
    for (sku, unit) in places.iter().take(MAX_QUOTAS) {
        transaction.delete(&UNTOLD, (sku.as_str(), unit.name()));
        let Some(mut quota) = read(transaction, sku, *unit)? else { continue };
        quota.quota.totals.as_of_ms = at_ms;
        let StoreQuota { totals, breached, .. } = quota.quota;
        transaction.put(&QUOTAS, (sku.as_str(), unit.name()), &quota)?;
        quotas.push(StoreTotals { sku: sku.clone(), unit: *unit, totals, breached });
    }
    if quotas.is_empty() {
        return Ok(());
    }
    let sequence = transaction.next_in_outbox(CHANGED.stream().as_str())?;
    transaction.put(&TOLD, sequence, &Told { sequence, event: QuotaChanged { quotas } })?;
    let subject = sequence.to_string();
    transaction.append_to_outbox(CHANGED.stream().as_str(), CHANGED.name(), at_ms, &subject).map(drop)
}

/// The body of totals sent to HQ.
pub(super) fn body(store: &Store, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
    let told = store.get(&TOLD, entry.sequence)?.ok_or_else(|| outgoing::missing("web_quota_told", entry))?;
    outgoing::written(&CHANGED, &told.event, entry)
}

/// HQ answered recalls.
pub(super) fn answered(
    transaction: &mut Transaction<'_>,
    _: &By,
    items: &[&DownItem],
) -> Result<Vec<Option<String>>, StoreError> {
    let mut refused = Vec::with_capacity(items.len());
    for item in items {
        let answered = match ANSWERED.read(item) {
            Ok(answered) => answered,
            Err(error) => {
                refused.push(Some(error.to_string()));
                continue;
            }
        };
        for told in answered.quotas {
            let Some(mut quota) = read(transaction, &told.sku, told.unit)? else { continue };
            let before = quota.quota;
            quota.quota.receive(&told.totals);
            if quota.quota != before {
                put(transaction, &told.sku, told.unit, &quota)?;
            }
        }
        refused.push(None);
    }
    Ok(refused)
}

/// An item's quota; `None` if it has none or it can't be read.
pub(super) fn stored(store: &Store, sku: &Sku, unit: Unit) -> Result<Option<Quota>, StoreError> {
    match store.get(&QUOTAS, (sku.as_str(), unit.name())) {
        Err(StoreError::Corrupt { .. }) => Ok(None),
        found => found,
    }
}

/// Passes every item that has a position.
///
/// # Errors
/// The engine fails.
pub fn each_place(store: &Store, mut take: impl FnMut(Place)) -> Result<(), StoreError> {
    store.each(&POSITIONS, |position| {
        if let Ok(position) = position {
            take((position.sku, position.unit));
        }
    })
}
