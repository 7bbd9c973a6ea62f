//! What a customer bought here, and what is stored about them.

use commerce::{
    Sale,
    customer::{CustomerId, Profile},
};
use serde::{Deserialize, Serialize};
use store::{NameNumber, Order, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::{CUSTOMER_UNKNOWN, ERASE, records::read};
use crate::{
    By, Refusal, Retention, Tidied,
    audit::{self, Act, ActKind},
};

/// Sales by customer and sequence number.
static SALES: Table<NameNumber, Noted> = Table::new("customer_sale");

/// A sale of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Noted {
    customer: CustomerId,
    sequence: u64,
    at_ms: i64,
}

/// What was stored about a customer was exported.
#[derive(Serialize)]
pub(super) struct CustomerExported<'a> {
    customer: &'a CustomerId,
}

impl Act for CustomerExported<'_> {
    const KIND: ActKind = ActKind { name: "customer_exported", doc: "What is stored about a customer was exported" };
}

/// Notes a sale as a customer's.
pub(crate) fn note_sale(transaction: &mut Transaction<'_>, id: &CustomerId, sale: &Sale) -> Result<(), StoreError> {
    let sequence = sale.id.sequence;
    let noted = Noted { customer: id.clone(), sequence, at_ms: sale.sold_at_ms };
    transaction.put(&SALES, (id.as_str(), sequence), &noted)
}

/// The sequence numbers of a customer's last sales here, newest first. Blocks.
///
/// # Errors
/// The engine fails.
pub fn last_sales(store: &Store, id: &CustomerId, most: usize) -> Result<Vec<u64>, StoreError> {
    let from = Some((id.as_str(), u64::MAX));
    let page = store.readable_page(&SALES, from, Order::Descending, most, |_| {})?;
    Ok(page.into_iter().take_while(|noted| noted.customer == *id).map(|noted| noted.sequence).collect())
}

/// What a store has about a customer (GDPR, article 15). HQ's export has the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CustomerExported)]
pub struct Exported {
    /// The profile.
    pub profile: Profile,
}

/// Exports what is stored about a customer, and notes that in the audit trail.
///
/// # Errors
/// The customer is unknown, or the actor lacks the permission.
pub fn export(transaction: &mut Transaction<'_>, by: &By, id: &CustomerId) -> Result<Exported, Refusal> {
    ERASE.require(&by.actor)?;
    let unknown = || CUSTOMER_UNKNOWN.because(format!("unknown customer {id}"));
    let profile = read(transaction, id)?.ok_or_else(unknown)?;
    audit::record(transaction, by, &CustomerExported { customer: &profile.id })?;
    Ok(Exported { profile })
}

/// Forgets the sales of customers after the retention period.
pub(super) fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let keep_from_ms = retention.keep_from_ms();
    Ok(vec![("sales of customers", store.forget(&SALES, move |noted| noted.at_ms < keep_from_ms)?)])
}
