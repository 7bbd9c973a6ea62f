//! Serial numbers: which items have them, and every unit that the store has sold.
//!
//! # What this capability promises
//!
//! - An item with serial numbers is sold unit by unit, each with its number: scanned alone or as part of a GS1 code
//!   (application identifier 21). A unit that a customer has is not sold again, in whatever baskets, because it is
//!   checked and booked in the commit of the sale.
//! - Only the unit of its sale comes back. Anything else is a rule of the return (`serial`), which an operator with the
//!   right can override; the audit trail has it.
//! - The warranty begins with the sale, ends with the return, and goes to HQ with the sale's event.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, before the answer | nothing is sold; a repeat under the same key sells the unit once |
//! | two baskets have the same unit | the second is refused before it is paid |
//! | the policy is set after sales | units that were sold before have no number, and come back without one |
//! | a unit can't be read | its sale is refused as the store's error; other units are sold |

use commerce::{
    Line, Sale, Sku,
    returns::{Disposition, Way},
    serial::{self, Fault, SerialNumber, State, Unit, Warranty},
};
use serde::{Deserialize, Serialize};
use store::{Name, NameName, Order, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use crate::{
    By, Capability, Refusal,
    audit::{self, Act, ActKind},
    lists,
    permission::{Holder, Permission},
    refusal::{BAD_REQUEST, Class, Kind, Member},
};

/// The items with serial numbers.
static POLICIES: Table<Name, SerialPolicy> = Table::new("serial_policy");
/// The units, by item and number.
static UNITS: Table<NameName, Unit> = Table::new("serial_unit");

/// The longest warranty, in months.
const MAX_MONTHS: u16 = 600;

/// See serial numbers.
pub static READ: Permission = Permission::new(
    "serials.read",
    "See which items have serial numbers, and the units",
    &[Holder::Register, Holder::Person, Holder::Service],
);
/// Say which items have serial numbers.
pub static SET: Permission = Permission::new(
    "serials.set",
    "Say which items have serial numbers and warranties",
    &[Holder::Person, Holder::Service],
);

/// A serial number is needed.
pub static SERIAL_NEEDED: Kind = Kind::new(
    "serial-needed",
    Class::Rule,
    "Serial number needed",
    "The item is sold unit by unit, each with its serial number; read the number and send it as `serial`.",
)
.with(&[Member::text("sku", "The item.")]);
/// The unit can't be sold.
pub static SERIAL_REFUSED: Kind = Kind::new(
    "serial-refused",
    Class::Rule,
    "Unit can't be sold",
    "The unit is sold already, is in the basket twice, or came back and is not for sale.",
)
.with(&[Member::text("sku", "The item."), Member::text("serial", "The serial number.")]);
/// The unit is unknown.
pub static UNIT_UNKNOWN: Kind =
    Kind::new("unit-unknown", Class::NotFound, "Unknown unit", "The store has sold no unit with this serial number.");

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["serial_policy", "serial_unit"],
    refusals: &[&SERIAL_NEEDED, &SERIAL_REFUSED, &UNIT_UNKNOWN],
    permissions: &[&READ, &SET],
    acts: &[PolicySet::KIND],
    ..Capability::new("serials")
};

/// An item with serial numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SerialPolicy {
    /// The item.
    pub sku: Sku,
    /// The warranty, in months; 0 for none.
    pub warranty_months: u16,
}

/// A request to give an item serial numbers, or to end that.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SerialRequest {
    /// Whether each unit has a number.
    pub required: bool,
    /// The warranty, in months.
    #[serde(default)]
    #[schema(maximum = 600)]
    pub warranty_months: u16,
}

/// It was said whether an item has serial numbers.
#[derive(Serialize)]
struct PolicySet<'a> {
    sku: &'a Sku,
    required: bool,
    warranty_months: u16,
}

impl Act for PolicySet<'_> {
    const KIND: ActKind = ActKind { name: "serial_policy_set", doc: "It was said whether an item has serial numbers" };
}

/// Says whether an item has serial numbers.
///
/// # Errors
/// The warranty is too long.
pub fn set(transaction: &mut Transaction<'_>, by: &By, sku: &Sku, request: SerialRequest) -> Result<(), Refusal> {
    SET.require(&by.actor)?;
    let SerialRequest { required, warranty_months } = request;
    if warranty_months > MAX_MONTHS {
        return Err(BAD_REQUEST.because(format!("`warranty_months`: expected at most {MAX_MONTHS}")));
    }
    if required {
        let policy = SerialPolicy { sku: sku.clone(), warranty_months };
        transaction.put(&POLICIES, sku.as_str(), &policy)?;
    } else {
        transaction.delete(&POLICIES, sku.as_str());
    }
    Ok(audit::record(transaction, by, &PolicySet { sku, required, warranty_months })?)
}

/// The items with serial numbers.
///
/// # Errors
/// The store fails.
pub fn policies(store: &Store, after: Option<&str>, limit: usize) -> Result<Vec<SerialPolicy>, StoreError> {
    lists::readable_page(store, &POLICIES, after, Order::Ascending, limit)
}

/// A unit.
///
/// # Errors
/// The store has sold no such unit, or fails.
pub fn unit(store: &Store, sku: &Sku, serial: &SerialNumber) -> Result<Unit, Refusal> {
    let unknown = || UNIT_UNKNOWN.because(format!("unit {serial} of item {sku} was not sold by this store"));
    store.get(&UNITS, (sku.as_str(), serial.as_str()))?.ok_or_else(unknown)
}

fn number(line: &Line) -> Option<SerialNumber> {
    line.particulars.serial.as_ref().and_then(|serial| serial.parse().ok())
}

fn refused(fault: Fault) -> Refusal {
    let detail = fault.to_string();
    match fault {
        Fault::Missing { sku } => SERIAL_NEEDED.because(detail).member("sku", sku.as_str()),
        Fault::Sold { sku, serial, .. }
        | Fault::NotForSale { sku, serial, .. }
        | Fault::NotSold { sku, serial }
        | Fault::OtherUnit { sku, brought: serial, .. } => {
            SERIAL_REFUSED.because(detail).member("sku", sku.as_str()).member("serial", serial.as_str())
        }
    }
}

/// Refuses lines that sell units without their numbers, twice, or while a customer has them.
///
/// # Errors
/// A number is missing, or a unit can't be sold.
pub(crate) fn refuse(transaction: &Transaction<'_>, lines: &[Line]) -> Result<(), Refusal> {
    let mut seen = Vec::new();
    for line in lines.iter().filter(|line| !line.voided && line.sells()) {
        let Some(sku) = line.sku() else { continue };
        if transaction.get(&POLICIES, sku.as_str())?.is_none() {
            continue;
        }
        let serial = number(line).ok_or_else(|| refused(Fault::Missing { sku: sku.clone() }))?;
        if line.quantity.milli() != 1_000 || seen.contains(&(sku, serial.clone())) {
            let detail = format!("unit {serial} of item {sku}: one line for each unit, and each unit once");
            let refused = SERIAL_REFUSED.because(detail).member("sku", sku.as_str());
            return Err(refused.member("serial", serial.as_str()));
        }
        let known = transaction.get(&UNITS, (sku.as_str(), serial.as_str()))?;
        serial::may_be_sold(sku, &serial, known.as_ref()).map_err(refused)?;
        seen.push((sku, serial));
    }
    Ok(())
}

/// Why a unit is not accepted as a return; `None` if it is, or the item has no serial numbers. `own` is the sale, if it
/// is of this store.
pub(crate) fn fault_of_return(
    transaction: &Transaction<'_>,
    sold: &Line,
    brought: Option<&SerialNumber>,
    own: Option<commerce::SaleId>,
) -> Result<Option<String>, StoreError> {
    let Some(sku) = sold.sku() else { return Ok(None) };
    let sold_number = number(sold);
    // Sold before the item had serial numbers.
    if transaction.get(&POLICIES, sku.as_str())?.is_none() || sold_number.is_none() {
        return Ok(None);
    }
    let known = match brought {
        Some(serial) => transaction.get(&UNITS, (sku.as_str(), serial.as_str()))?,
        None => None,
    };
    let may = serial::may_come_back(sku, sold_number.as_ref(), brought, known.as_ref(), own);
    Ok(may.err().map(|fault| fault.to_string()))
}

/// Why a unit is not accepted without a receipt; `None` if a customer has it, or the item has no serial numbers.
pub(crate) fn fault_without_receipt(transaction: &Transaction<'_>, line: &Line) -> Result<Option<String>, StoreError> {
    let Some(sku) = line.sku() else { return Ok(None) };
    if transaction.get(&POLICIES, sku.as_str())?.is_none() {
        return Ok(None);
    }
    let Some(serial) = number(line) else { return Ok(Some(Fault::Missing { sku: sku.clone() }.to_string())) };
    let known = transaction.get(&UNITS, (sku.as_str(), serial.as_str()))?;
    let is_sold = known.is_some_and(|unit| matches!(unit.unit, State::Sold { .. }));
    Ok((!is_sold).then(|| Fault::NotSold { sku: sku.clone(), serial }.to_string()))
}

/// Notes the warranties of a sale's lines, before it is stored.
pub(crate) fn begin_warranties(transaction: &Transaction<'_>, sale: &mut Sale) -> Result<(), StoreError> {
    for line in sale.lines.iter_mut().filter(|line| line.sells() && line.particulars.serial.is_some()) {
        let Some(sku) = line.sku() else { continue };
        if let Some(policy) = transaction.get(&POLICIES, sku.as_str())? {
            line.particulars.warranty = Warranty::new(sale.business_day, policy.warranty_months);
        }
    }
    Ok(())
}

/// Books the units of a completed sale: sold, or back.
pub(crate) fn book(transaction: &mut Transaction<'_>, sale: &Sale) -> Result<(), StoreError> {
    for line in &sale.lines {
        let (Some(sku), Some(serial)) = (line.sku(), number(line)) else { continue };
        if transaction.get(&POLICIES, sku.as_str())?.is_none() {
            continue;
        }
        let (unit, warranty) = match &line.returned {
            Some(returned) if returned.way == Way::Recharge => continue,
            Some(returned) if returned.way == Way::Back => (State::Back { disposition: returned.disposition }, None),
            None if sale.voids.is_some() => (State::Back { disposition: Disposition::Sellable }, None),
            _ => (State::Sold { sale: sale.id, line: line.number }, line.particulars.warranty),
        };
        let unit = Unit { sku: sku.clone(), serial: serial.clone(), unit, warranty, at_ms: sale.sold_at_ms };
        transaction.put(&UNITS, (sku.as_str(), serial.as_str()), &unit)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
