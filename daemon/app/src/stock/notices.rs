//! What a supplier or another store announces. [`super::deliveries`] has what comes of it.

use commerce::{
    line::checked_text,
    stock::{self, Notice, Portion, Source, Sums, notice::folded, transfer},
};
use contract::HubId;
use serde::{Deserialize, Serialize};
use store::{NameName, Number, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::{
    MANAGE_NOTICES,
    documents::{Document, DocumentOpened},
    lists,
    policies::require_known,
    refusals::{ORDER_KNOWN, TRANSFER_KNOWN},
};
use crate::{By, Refusal, catalog::Catalog};

pub(crate) static NOTICES: Table<Number, Notice> = Table::new("notice");
/// Notices by the other store, [`folded`], and its transfer: each is entered once, for all time.
pub(crate) static TRANSFERS_IN: Table<NameName, u64> = Table::new("transfer_in");
/// Notices by the supplier and its order, [`folded`]: each is entered once, until its notice is closed. Then the next
/// one takes its place.
pub(crate) static ORDERS: Table<NameName, u64> = Table::new("supplier_order");

/// Goods that are announced.
// Not a `Source` beside lines: serde takes unknown fields wherever one record is flattened into another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "source", rename_all = "snake_case", deny_unknown_fields)]
pub enum NoticeRequest {
    /// By a supplier.
    Supplier {
        /// Its name.
        #[schema(min_length = 1, max_length = 120)]
        supplier: String,
        /// The order's number, or the delivery note's if there was no order. Entered once, until its notice is closed.
        #[schema(min_length = 1, max_length = 120)]
        order: String,
        /// What.
        #[schema(min_items = 1, max_items = 400)]
        lines: Vec<Portion>,
    },
    /// By another store of the retailer.
    Store {
        /// The other hub.
        #[schema(value_type = String)]
        store: HubId,
        /// Its transfer.
        #[schema(value_type = String, pattern = "^[0-9]+-[0-9]+$", example = "1764201600000-4")]
        transfer: transfer::Name,
        /// The hub it goes to: this one, or it is refused.
        #[schema(value_type = String)]
        to: HubId,
        /// What.
        #[schema(min_items = 1, max_items = 400)]
        lines: Vec<Portion>,
    },
}

impl NoticeRequest {
    /// From whom, in proper texts, and what; if it is for this hub.
    fn checked(self, here: &HubId) -> Result<(Source, Vec<Portion>), Refusal> {
        Ok(match self {
            Self::Supplier { supplier, order, lines } => {
                let (supplier, order) = (checked_text("supplier", supplier)?, checked_text("order", order)?);
                (Source::Supplier { supplier, order }, lines)
            }
            Self::Store { to, .. } if to != *here => {
                return Err(stock::Refusal::NotForHere { to: to.into(), here: here.to_string() }.into());
            }
            Self::Store { store, .. } if store == *here => {
                return Err(stock::Refusal::ToItself { here: here.to_string() }.into());
            }
            Self::Store { store, transfer, lines, .. } => {
                (Source::Store { store: store.into(), transfer: transfer.into() }, lines)
            }
        })
    }
}

/// What is announced and has not come, over all open notices. Damaged ones are left out, and logged.
pub(super) fn outstanding(store: &Store) -> Result<Sums, StoreError> {
    let mut sums = Sums::new();
    for id in Document::Notice.all_open(store)? {
        let notice = match store.get(&NOTICES, id) {
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(%error, "notice is damaged; what it announces is left out");
                None
            }
            found => found?,
        };
        for line in notice.into_iter().flat_map(|notice| notice.lines) {
            let outstanding = line.outstanding();
            *sums.entry((line.sku, line.unit)).or_default() += outstanding;
        }
    }
    Ok(sums)
}

pub(super) fn read(transaction: &Transaction<'_>, id: u64) -> Result<Notice, Refusal> {
    transaction.get(&NOTICES, id)?.ok_or_else(|| Document::Notice.unknown(id))
}

/// Whether a notice is open; none if it is forgotten.
fn is_open(transaction: &Transaction<'_>, id: u64) -> Result<Option<bool>, StoreError> {
    Ok(transaction.get(&NOTICES, id)?.map(|notice| notice.closed_at_ms.is_none()))
}

/// Notes which notice an order or a transfer has; refused if it has one already. An order whose notice is closed may
/// come again: that was closed too early, or the supplier begins its numbers anew. A transfer never does.
fn index(transaction: &mut Transaction<'_>, source: &Source, id: u64) -> Result<(), Refusal> {
    match source {
        Source::Supplier { supplier, order } => {
            let (by, number) = (folded(supplier), folded(order));
            if let Some(earlier) = transaction.get(&ORDERS, (&by, &number))?
                && is_open(transaction, earlier)? == Some(true)
            {
                let detail = format!(
                    "order {order} of {supplier} was entered before, as notice {earlier}; receive against that"
                );
                return Err(ORDER_KNOWN.because(detail).member("notice", earlier));
            }
            Ok(transaction.put(&ORDERS, (&by, &number), &id)?)
        }
        Source::Store { store, transfer } => {
            let from = folded(store);
            if let Some(earlier) = transaction.get(&TRANSFERS_IN, (&from, transfer))? {
                let remedy = match is_open(transaction, earlier)? {
                    Some(true) => "receive against that",
                    Some(false) => "that is closed; if more came, reopen it and receive against it",
                    None => {
                        "that was closed and is no longer kept; if goods came that are not in the books, count their items"
                    }
                };
                let detail =
                    format!("transfer {transfer} of {store} was entered before, as notice {earlier}; {remedy}");
                return Err(TRANSFER_KNOWN.because(detail).member("notice", earlier));
            }
            Ok(transaction.put(&TRANSFERS_IN, (&from, transfer), &id)?)
        }
    }
}

/// Enters a notice at the hub `here`. An order of a supplier is entered once: what comes later for it is another
/// delivery. If its notice is closed already, the order is entered again. A transfer is entered once, and nowhere but
/// where it goes to.
///
/// # Errors
/// It was entered before or is not for this store, an item is unknown, or too many notices are open.
pub fn enter(
    transaction: &mut Transaction<'_>,
    by: &By,
    catalog: &Catalog,
    here: &HubId,
    request: NoticeRequest,
) -> Result<DocumentOpened, Refusal> {
    MANAGE_NOTICES.require(&by.actor)?;
    let (source, lines) = request.checked(here)?;
    require_known(transaction, catalog, &lines)?;
    let sums = stock::sum(lines)?;
    let id = Document::Notice.open(transaction)?;
    index(transaction, &source, id)?;
    transaction.put(&NOTICES, id, &Notice::new(id, source, by.at_ms, sums))?;
    Ok(DocumentOpened { id })
}

/// Closes a notice: nothing more will come; what differs stays on record.
///
/// # Errors
/// There is no such notice, or it is closed.
pub fn close_notice(transaction: &mut Transaction<'_>, by: &By, id: u64) -> Result<Notice, Refusal> {
    MANAGE_NOTICES.require(&by.actor)?;
    let mut notice = read(transaction, id)?;
    notice.close(by.at_ms)?;
    Document::Notice.close(transaction, id)?;
    transaction.put(&NOTICES, id, &notice)?;
    Ok(notice)
}

/// Reopens the notice of another store's transfer, which was closed too early. A supplier's order is entered again
/// instead.
///
/// # Errors
/// There is no such notice, it is open or of an order, or too many notices are open.
pub fn reopen_notice(transaction: &mut Transaction<'_>, by: &By, id: u64) -> Result<Notice, Refusal> {
    MANAGE_NOTICES.require(&by.actor)?;
    let mut notice = read(transaction, id)?;
    notice.reopen()?;
    Document::Notice.reopen(transaction, id)?;
    transaction.put(&NOTICES, id, &notice)?;
    Ok(notice)
}

/// A notice: what was announced, and what came.
///
/// # Errors
/// There is none, or the store fails.
pub fn notice(store: &Store, id: u64) -> Result<Notice, Refusal> {
    store.get(&NOTICES, id)?.ok_or_else(|| Document::Notice.unknown(id))
}

/// Notices, newest first, before a number.
///
/// # Errors
/// The store fails.
pub fn notices(store: &Store, before: Option<u64>, limit: usize) -> Result<Vec<Notice>, StoreError> {
    lists::before(store, &NOTICES, before, limit)
}
