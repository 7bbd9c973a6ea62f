//! Refunds of goods of prepaid orders that came back to a store: tasks for the payment side, as for goods that were not
//! delivered.
//!
//! The store gives a share of the refund back to the web payment, as a tender of its return. HQ finds the order by the
//! sale that handed it over, or by the exchanges since. A refund whose order HQ can't find raises an alarm, because
//! nobody else would pay it.

use std::collections::{BTreeMap, BTreeSet};

use commerce::{OrderId, order::Payment};
use contract::sale;

use super::{
    record::{self, Record},
    settle,
};
use crate::{
    database::{DatabaseError, Row, Transaction, statement::statements, values},
    ledger::alarm::{Alarm, Kind, raise},
    projection::told::Stored,
};

statements! {
    /// The reference of a sale.
    REFERENCE = "returned/reference";
    /// The sales whose goods a sale took back.
    OF_SALE = "returned/of_sale";
}

/// The most sales that are looked at to find an order: the return, and exchanges before it.
const MOST_SALES: usize = 32;

/// A part of a refund that goes to a web payment.
struct Given<'a> {
    stored: &'a Stored,
    /// The return.
    sale: String,
    /// Minor units.
    amount: i64,
    /// The payment's number in the shop.
    reference: String,
    /// The orders whose goods came back.
    orders: Vec<OrderId>,
}

/// Creates the refunds of returns, in the transaction that stores their events.
pub(crate) async fn heard(transaction: &mut Transaction, events: &[Stored], now_ms: i64) -> Result<(), DatabaseError> {
    let mut all = Vec::new();
    for stored in events.iter().filter(|stored| sale::COMPLETED.is(&stored.event)) {
        // Most sales are no returns, and need not be read again.
        if !stored.event.body.get().contains("\"prepaid\"") || !stored.event.body.get().contains("\"returns\"") {
            continue;
        }
        let Ok(body) = sale::COMPLETED.read(&stored.event) else { continue };
        let orders = orders(transaction, (stored.hub.to_string(), body.sale.clone())).await?;
        for tender in body.tenders.iter().filter(|tender| tender.kind == "prepaid" && tender.amount.is_negative()) {
            let (sale, amount) = (body.sale.clone(), -tender.amount.get());
            let (reference, orders) = (tender.reference.clone().unwrap_or_default(), orders.clone());
            all.push(Given { stored, sale, amount, reference, orders });
        }
    }
    // Rows are locked in one order.
    let ids: BTreeMap<String, &OrderId> =
        all.iter().flat_map(|given| &given.orders).map(|id| (id.to_string(), id)).collect();
    let mut records = Vec::new();
    for id in ids.into_values() {
        records.extend(record::lock(transaction, id).await?);
    }
    for given in &all {
        refund(transaction, &mut records, given, now_ms).await?;
    }
    Ok(())
}

async fn refund(
    transaction: &mut Transaction,
    records: &mut [Record],
    given: &Given<'_>,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let Given { stored, sale, amount, reference, orders } = given;
    let is_its = |record: &&mut Record| {
        let terms = &record.order.terms;
        orders.contains(&terms.order)
            && matches!(&terms.payment, Payment::Prepaid { reference: known } if known == reference)
    };
    if let Some(record) = records.iter_mut().find(is_its) {
        let returned = format!("{}/{sale}", stored.hub);
        return settle::refund_return(transaction, record, (*amount, reference, &returned), now_ms).await;
    }
    let subject = format!("refund of return {sale}");
    let what = format!("{amount} minor units go back to web payment `{reference}`, whose order HQ can't find");
    raise(transaction, &Alarm::new(&stored.hub, Kind::RefundUnknown, subject, what, now_ms)).await
}

/// The orders whose goods a return took back.
async fn orders(transaction: &mut Transaction, returned: (String, String)) -> Result<Vec<OrderId>, DatabaseError> {
    let (mut orders, mut seen, mut next) = (Vec::new(), BTreeSet::new(), vec![returned]);
    while let Some((hub, sale)) = next.pop() {
        if seen.len() == MOST_SALES || !seen.insert((hub.clone(), sale.clone())) {
            continue;
        }
        for row in transaction.query(&OF_SALE, values![&hub, &sale]).await? {
            let of: (String, String) = row.read()?;
            let reference = transaction.query(&REFERENCE, values![&of.0, &of.1]).await?.pop();
            let reference = reference.map(Row::read::<(String,)>).transpose()?;
            orders.extend(reference.and_then(|(reference,)| reference.parse().ok()));
            next.push(of);
        }
    }
    Ok(orders)
}
