//! Notices of suppliers and other stores. Their deliveries are in [`super::deliveries`].

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
    policies::require_known,
    refusals::{ORDER_KNOWN, TRANSFER_KNOWN},
};
use crate::{By, Refusal, catalog::Catalog, lists};

pub(crate) static NOTICES: Table<Number, Notice> = Table::new("notice");
/// Notices by the sending store, [`folded`], and its transfer. Each transfer is entered once, for all time.
pub(crate) static TRANSFERS_IN: Table<NameName, u64> = Table::new("transfer_in");
/// Notices by supplier and order, [`folded`]. Each order has one entry; if its notice is closed, the order may be
/// entered again and the new notice replaces the old one.
pub(crate) static ORDERS: Table<NameName, u64> = Table::new("supplier_order");

/// Announced goods.
// Not a `Source` beside lines, because serde does not reject unknown fields of a flattened record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "source", rename_all = "snake_case", deny_unknown_fields)]
pub enum NoticeRequest {
    /// Announced by a supplier.
    Supplier {
        /// The supplier's name.
        #[schema(min_length = 1, max_length = 120)]
        supplier: String,
        /// The number of the order, or of the delivery note if there was no order. Entered once, until its notice is
        /// closed.
        #[schema(min_length = 1, max_length = 120)]
        order: String,
        /// The announced quantities.
        #[schema(min_items = 1, max_items = 400)]
        lines: Vec<Portion>,
    },
    /// Announced by another store of the same retailer.
    Store {
        /// The sending hub.
        #[schema(value_type = String)]
        store: HubId,
        /// The sender's transfer.
        #[schema(value_type = String, pattern = "^[0-9]+-[0-9]+$", example = "1764201600000-4")]
        transfer: transfer::Name,
        /// The receiving hub; a notice for another hub is refused.
        #[schema(value_type = String)]
        to: HubId,
        /// The announced quantities.
        #[schema(min_items = 1, max_items = 400)]
        lines: Vec<Portion>,
    },
}

impl NoticeRequest {
    /// Checks the texts and the destination; returns the source and the portions.
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

/// The announced quantities that have not arrived, over all open notices. Damaged notices are skipped and logged.
pub(super) fn outstanding(store: &Store) -> Result<Sums, StoreError> {
    let mut sums = Sums::new();
    for id in Document::Notice.all_open(store)? {
        let notice = match store.get(&NOTICES, id) {
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(%error, "notice is damaged; ignoring the quantities it announces");
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

/// Whether a notice is open; `None` if it was deleted.
fn is_open(transaction: &Transaction<'_>, id: u64) -> Result<Option<bool>, StoreError> {
    Ok(transaction.get(&NOTICES, id)?.map(|notice| notice.closed_at_ms.is_none()))
}

/// Refuses an order or transfer that has a notice already. An order whose notice is closed may be
/// entered again: the notice was closed too early, or the supplier has restarted its numbers. A transfer may not.
fn require_new(transaction: &Transaction<'_>, source: &Source) -> Result<(), Refusal> {
    match source {
        Source::Supplier { supplier, order } => {
            let (by, number) = (folded(supplier), folded(order));
            if let Some(earlier) = transaction.get(&ORDERS, (&by, &number))?
                && is_open(transaction, earlier)? == Some(true)
            {
                let detail = format!(
                    "order {order} of {supplier} was already entered, as notice {earlier}; receive against that notice"
                );
                return Err(ORDER_KNOWN.because(detail).member("notice", earlier));
            }
        }
        Source::Store { store, transfer } => {
            let from = folded(store);
            if let Some(earlier) = transaction.get(&TRANSFERS_IN, (&from, transfer))? {
                let remedy = match is_open(transaction, earlier)? {
                    Some(true) => "receive against that notice",
                    Some(false) => "that notice is closed; if more goods came, reopen it and receive against it",
                    None => {
                        "that notice was closed and has been deleted; if goods came that are not in the books, count \
                         their items"
                    }
                };
                let detail =
                    format!("transfer {transfer} of {store} was already entered, as notice {earlier}; {remedy}");
                return Err(TRANSFER_KNOWN.because(detail).member("notice", earlier));
            }
        }
    }
    Ok(())
}

/// Records the notice of an order or transfer.
fn index(transaction: &mut Transaction<'_>, source: &Source, id: u64) -> Result<(), StoreError> {
    match source {
        Source::Supplier { supplier, order } => transaction.put(&ORDERS, (&folded(supplier), &folded(order)), &id),
        Source::Store { store, transfer } => transaction.put(&TRANSFERS_IN, (&folded(store), transfer), &id),
    }
}

/// Enters a notice at the hub `here`. A supplier's order is entered once; later goods are further deliveries. Once its
/// notice is closed, the order may be entered again. A transfer is entered once, and only at its destination.
///
/// # Errors
/// It was already entered or is not for this store, an item is unknown, or too many notices are open.
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
    announce(transaction, by, source, stock::sum(lines)?)
}

/// Stores a notice. It changes nothing if it is refused.
///
/// # Errors
/// It was already entered, or too many notices are open.
pub(super) fn announce(
    transaction: &mut Transaction<'_>,
    by: &By,
    source: Source,
    sums: Sums,
) -> Result<DocumentOpened, Refusal> {
    require_new(transaction, &source)?;
    let id = Document::Notice.open(transaction)?;
    index(transaction, &source, id)?;
    transaction.put(&NOTICES, id, &Notice::new(id, source, by.at_ms, sums))?;
    Ok(DocumentOpened { id })
}

/// Closes a notice: nothing more will come. Differences stay on record.
///
/// # Errors
/// The notice does not exist or is already closed.
pub fn close_notice(transaction: &mut Transaction<'_>, by: &By, id: u64) -> Result<Notice, Refusal> {
    MANAGE_NOTICES.require(&by.actor)?;
    let mut notice = read(transaction, id)?;
    notice.close(by.at_ms)?;
    Document::Notice.close(transaction, id)?;
    transaction.put(&NOTICES, id, &notice)?;
    Ok(notice)
}

/// Reopens the notice of another store's transfer that was closed too early. For a supplier's order, enter the order
/// again instead.
///
/// # Errors
/// The notice does not exist, is open or of an order, or too many notices are open.
pub fn reopen_notice(transaction: &mut Transaction<'_>, by: &By, id: u64) -> Result<Notice, Refusal> {
    MANAGE_NOTICES.require(&by.actor)?;
    let mut notice = read(transaction, id)?;
    notice.reopen()?;
    Document::Notice.reopen(transaction, id)?;
    transaction.put(&NOTICES, id, &notice)?;
    Ok(notice)
}

/// A notice with its announced and received quantities.
///
/// # Errors
/// The notice does not exist, or the store fails.
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
