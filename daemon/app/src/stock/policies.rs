//! Stock policies of items, set by a person.

use commerce::{
    MAX_LINES, Quantity, Sku, Unit,
    stock::{self, Policy, Portion, Rule},
};
use serde::{Deserialize, Serialize};
use store::{Name, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::{
    SET_POLICIES,
    ledger::{POSITIONS, position},
    quota,
    refusals::POLICY_UNKNOWN,
};
use crate::{
    By, Refusal,
    audit::{self, Act, ActKind},
    catalog::{Catalog, ITEM_UNKNOWN},
    refusal::BAD_REQUEST,
};

/// Policies by SKU.
pub(crate) static POLICIES: Table<Name, Policy> = Table::new("stock_policy");

/// An item's policy; quantities in the item's unit.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyRequest {
    /// How a sale may change on_hand.
    pub rule: Rule,
    /// Stock that is not promised; also part of the reorder point.
    #[serde(default)]
    pub safety_stock: Option<Quantity>,
    /// Days from an order to its delivery, at most 365.
    #[serde(default)]
    #[schema(maximum = 365)]
    pub lead_time_days: u16,
    /// Days that a delivery should last, at most 365.
    #[serde(default)]
    #[schema(maximum = 365)]
    pub cover_days: u16,
    /// Order quantities are multiples of this; default one unit.
    #[serde(default)]
    pub pack: Option<Quantity>,
}

/// A policy, and whether it applies to the item's current unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PolicyView {
    /// The policy.
    #[serde(flatten)]
    pub policy: Policy,
    /// The unit in which the item is sold now, if it differs from the policy's. The policy must be set again: until
    /// then it has no safety stock for what is sold now and suggests no orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sold_by: Option<Unit>,
}

/// The result of setting a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicySet {
    /// Whether it replaced another policy.
    pub replaced: bool,
}

/// A person set an item's stock policy.
#[derive(Serialize)]
pub(super) struct PolicyWasSet<'a> {
    /// The policy.
    policy: &'a Policy,
}

impl Act for PolicyWasSet<'_> {
    const KIND: ActKind = ActKind { name: "policy_set", doc: "An item's stock policy was set" };
}

fn item_unknown(sku: &Sku) -> Refusal {
    ITEM_UNKNOWN.because(format!("unknown item: SKU {sku}"))
}

/// The unit in which an item of the catalog is sold.
pub(super) fn unit_of(catalog: &Catalog, sku: &Sku) -> Result<Unit, Refusal> {
    catalog.sku(sku).map(|item| item.price.per).ok_or_else(|| item_unknown(sku))
}

/// Refuses unknown goods: an item must be in the catalog and in the unit in which it is sold, or have a position in the
/// given unit. A mistyped SKU would make stock that nobody can sell.
pub(super) fn require_known(
    transaction: &Transaction<'_>,
    catalog: &Catalog,
    lines: &[Portion],
) -> Result<(), Refusal> {
    if lines.len() > MAX_LINES {
        return Err(stock::Refusal::TooManyLines.into());
    }
    lines.iter().try_for_each(|line| require_known_item(transaction, catalog, &line.sku, line.quantity.unit()))
}

/// The same for one item in a unit.
pub(super) fn require_known_item(
    transaction: &Transaction<'_>,
    catalog: &Catalog,
    sku: &Sku,
    asked: Unit,
) -> Result<(), Refusal> {
    let kept = catalog.sku(sku).map(|item| item.price.per);
    if kept == Some(asked) || transaction.get(&POSITIONS, (sku.as_str(), asked.name()))?.is_some() {
        return Ok(());
    }
    Err(match kept {
        Some(kept) => stock::Refusal::WrongUnit { sku: sku.clone(), kept, asked }.into(),
        None => item_unknown(sku),
    })
}

/// Stores a policy, and copies its rule to the position, so that a sale needs no further read.
pub(crate) fn put_policy(transaction: &mut Transaction<'_>, policy: &Policy) -> Result<(), StoreError> {
    transaction.put(&POLICIES, policy.sku.as_str(), policy)?;
    for unit in Unit::ALL {
        let key = (policy.sku.as_str(), unit.name());
        // Creates the item's position if it does not exist yet.
        if unit == policy.unit || transaction.get(&POSITIONS, key)?.is_some() {
            let mut position = position(transaction, &policy.sku, unit)?;
            position.rule = policy.rule;
            transaction.put(&POSITIONS, key, &position)?;
        }
    }
    Ok(())
}

/// An item's policy.
///
/// # Errors
/// The item has no policy, or the store fails.
pub fn policy(store: &Store, catalog: &Catalog, sku: &Sku) -> Result<PolicyView, Refusal> {
    let none = || {
        let detail = format!("item {sku} has no stock policy: it is tracked, may go below zero, and is not reordered");
        POLICY_UNKNOWN.because(detail)
    };
    let policy = store.get(&POLICIES, sku.as_str())?.ok_or_else(none)?;
    let sold_by = policy.outdated(catalog.sku(sku).map(|item| item.price.per));
    Ok(PolicyView { policy, sold_by })
}

/// The safety stock of an item in a unit, in thousandths; zero if the policy is in another unit.
pub(super) fn safety_stock(policy: Option<Policy>, unit: Unit) -> i64 {
    policy.filter(|policy| policy.unit == unit).map_or(0, |policy| policy.safety_stock)
}

/// Sets an item's policy. It applies from the next basket on; a basket that is being paid is sold under its old policy.
///
/// # Errors
/// The catalog does not have the item, a quantity is in another unit, or a number is out of range.
pub fn set_policy(
    transaction: &mut Transaction<'_>,
    by: &By,
    catalog: &Catalog,
    sku: &Sku,
    request: &PolicyRequest,
) -> Result<PolicySet, Refusal> {
    SET_POLICIES.require(&by.actor)?;
    let PolicyRequest { rule, safety_stock, lead_time_days, cover_days, pack } = *request;
    let unit = unit_of(catalog, sku)?;
    let by_unit = |quantity: Option<Quantity>, otherwise| match quantity {
        Some(quantity) if quantity.unit() != unit => {
            Err(Refusal::from(stock::Refusal::WrongUnit { sku: sku.clone(), kept: unit, asked: quantity.unit() }))
        }
        Some(quantity) => Ok(quantity),
        None => Quantity::new(otherwise, unit).map_err(|error| BAD_REQUEST.because(error.to_string())),
    };
    let (safety_stock, pack) = (by_unit(safety_stock, 0)?, by_unit(pack, 1000)?);
    let policy = Policy::new(sku.clone(), rule, safety_stock, pack, (lead_time_days, cover_days))?;
    let replaced = transaction.get(&POLICIES, policy.sku.as_str())?.is_some();
    put_policy(transaction, &policy)?;
    quota::look_at(transaction, sku, unit)?;
    audit::record(transaction, by, &PolicyWasSet { policy: &policy })?;
    Ok(PolicySet { replaced })
}
