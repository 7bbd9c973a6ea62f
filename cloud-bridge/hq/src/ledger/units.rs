//! Units with serial numbers over all stores: where each is, its warranty, and who registered it.
//!
//! A store only knows its own units. HQ finds a number that two customers have, whichever event comes first, and raises
//! an alarm of the store whose event it is.

use commerce::Sku;
use contract::sale;
use serde::Serialize;
use utoipa::ToSchema;

use super::alarm::{Alarm, Kind, raise};
use crate::{
    database::{Database, DatabaseError, Row, Transaction, statement::statements, values},
    projection::told::Stored,
};

statements! {
    /// The latest events of a unit.
    EVENTS = "unit/events";
    /// Registers a warranty, once.
    REGISTER = "unit/register";
    /// The registration of a warranty.
    REGISTRATION = "unit/registration";
}

/// The maximum number of events to check.
const LATEST: i64 = 50;

/// A unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SerialUnit)]
pub(crate) struct Unit {
    /// The item.
    #[schema(value_type = String)]
    pub(crate) sku: Sku,
    /// The serial number.
    pub(crate) serial: String,
    /// Whether a customer has it; otherwise it came back.
    pub(crate) is_sold: bool,
    /// The store of the latest sale or return.
    pub(crate) store: String,
    /// The latest sale, or the return.
    pub(crate) sale: String,
    /// When: milliseconds since 1970, UTC.
    pub(crate) at_ms: i64,
    /// The customer, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customer: Option<String>,
    /// The warranty; none after a return.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) warranty: Option<UnitWarranty>,
    /// Who registered the warranty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) registration: Option<Registration>,
}

/// A warranty. Days such as `2026-11-24`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct UnitWarranty {
    /// The first day.
    #[schema(format = Date)]
    pub(crate) start: String,
    /// How many months.
    pub(crate) months: i64,
    /// The last day.
    #[schema(format = Date)]
    pub(crate) ends: String,
}

/// The registration of a warranty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Registration {
    /// The customer.
    pub(crate) customer: String,
    /// When: milliseconds since 1970, UTC.
    pub(crate) at_ms: i64,
}

type Columns = (i64, String, String, i64, Option<String>, Option<String>, Option<i64>, Option<String>);

/// Raises an alarm for units of fresh sales that somebody else has.
pub(super) async fn heard(transaction: &mut Transaction, events: &[Stored], now_ms: i64) -> Result<(), DatabaseError> {
    for stored in events.iter().filter(|stored| stored.event.body.get().contains("\"serial\"")) {
        let Ok(body) = sale::COMPLETED.read(&stored.event) else { continue };
        for line in &body.lines {
            let (Some(sku), Some(serial)) = (&line.sku, &line.serial) else { continue };
            let rows = transaction.query(&EVENTS, values![sku, serial, LATEST]).await?;
            let sold: Vec<(bool, String)> = rows
                .into_iter()
                .map(|row| {
                    let (_, hub, sale, is_sold, ..): Columns = row.read()?;
                    Ok((is_sold != 0, format!("{hub}/{sale}")))
                })
                .collect::<Result<_, DatabaseError>>()?;
            let twice = sold.windows(2).find(|pair| pair[0].0 && pair[1].0 && pair[0].1 != pair[1].1);
            if let Some([(_, later), (_, earlier)]) = twice {
                let what = format!("sold by {earlier} and again by {later} without coming back");
                let subject = format!("unit {serial} of item {sku}");
                raise(transaction, &Alarm::new(&stored.hub, Kind::UnitTwice, subject, what, now_ms)).await?;
            }
        }
    }
    Ok(())
}

/// A unit, if a store has sold it.
pub(crate) async fn unit(database: &Database, sku: &Sku, serial: &str) -> Result<Option<Unit>, DatabaseError> {
    let row = database.read(&EVENTS, values![sku.as_str(), serial, 1_i64]).await?.pop();
    let Some((at_ms, store, sale, is_sold, customer, start, months, ends)) =
        row.map(Row::read::<Columns>).transpose()?
    else {
        return Ok(None);
    };
    let warranty = start.zip(months).zip(ends).map(|((start, months), ends)| UnitWarranty { start, months, ends });
    let row = database.read(&REGISTRATION, values![sku.as_str(), serial]).await?.pop();
    let registration = row.map(Row::read::<(String, i64)>).transpose()?;
    let registration = registration.map(|(customer, at_ms)| Registration { customer, at_ms });
    let (sku, serial, is_sold) = (sku.clone(), serial.to_owned(), is_sold != 0);
    Ok(Some(Unit { sku, serial, is_sold, store, sale, at_ms, customer, warranty, registration }))
}

/// Registers the warranty of a unit for a customer; the first registration stays.
pub(crate) async fn register(
    transaction: &mut Transaction,
    (sku, serial): (&Sku, &str),
    customer: &str,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    transaction.execute(&REGISTER, values![sku.as_str(), serial, customer, now_ms]).await.map(drop)
}
