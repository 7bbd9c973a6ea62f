//! Receiving: what a supplier or another store announces, and the deliveries that come of it.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State, http::StatusCode};
use commerce::{
    MAX_LINES, Quantity, Sku, Unit,
    line::checked_text,
    stock::{self, Condition, Notice, Portion, Refusal, Source, Sums, notice::folded, transfer},
};
use contract::HubId;
use serde::{Deserialize, Serialize};
use store::{Name, NameName, Number, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Booking, By, MOVEMENTS, Nothing, Which, book,
    documents::{Document, DocumentOpened, OPEN},
    history::aside,
    once,
    policies::known,
};
use crate::{
    extract::{InPath, InQuery},
    hub::Hub,
    problem::Problem,
    registers::{Caller, Command},
};

pub(super) static NOTICES: Table<Number, Notice> = Table::new("notice");
/// Notices by the other store, [`folded`], and its transfer: each is entered once, for all time. Hubs of before wrote the store as it was entered.
pub(super) static TRANSFERS_IN: Table<NameName, u64> = Table::new("transfer_in");
/// Notices by the supplier and its order, [`folded`]: each is entered once, until its notice is closed. Then the next one takes its place.
pub(super) static ORDERS: Table<NameName, u64> = Table::new("supplier_order");
/// The first notice whose order is in [`ORDERS`], if it is a supplier's, and whose lines tell what was not tracked; hubs of before kept neither. Orders that
/// were open then are in [`ORDERS`] too.
pub(super) static KNOWN_FROM: Table<Name, u64> = Table::new("notice_known_from");

/// The one key of [`KNOWN_FROM`].
pub(super) const NOTICE: &str = "notice";

pub(super) fn router() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new()
        .routes(routes!(enter, list))
        .routes(routes!(show))
        .routes(routes!(receive))
        .routes(routes!(close))
        .routes(routes!(reopen))
}

/// Goods that are announced. Not a [`Source`] beside lines: serde takes unknown fields wherever one record is flattened into another.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "source", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum NoticeRequest {
    /// By a supplier.
    Supplier {
        /// Its name.
        supplier: String,
        /// The order's number, or the delivery note's if there was no order. Entered once, until its notice is closed.
        order: String,
        /// What.
        lines: Vec<Portion>,
    },
    /// By another store of the retailer.
    Store {
        /// The other hub.
        #[schema(value_type = String)]
        store: HubId,
        /// Its transfer.
        #[schema(value_type = String)]
        transfer: transfer::Name,
        /// The hub it goes to: this one, or it is refused.
        #[schema(value_type = String)]
        to: HubId,
        /// What.
        lines: Vec<Portion>,
    },
}

impl NoticeRequest {
    fn lines(&self) -> &[Portion] {
        let (Self::Supplier { lines, .. } | Self::Store { lines, .. }) = self;
        lines
    }

    /// From whom, in proper texts, and what; if it is for this hub.
    fn checked(self, here: HubId) -> Result<(Source, Vec<Portion>), Problem> {
        Ok(match self {
            Self::Supplier { supplier, order, lines } => {
                let (supplier, order) = (checked_text("supplier", supplier)?, checked_text("order", order)?);
                (Source::Supplier { supplier, order }, lines)
            }
            Self::Store { to, .. } if to != here => {
                return Err(Refusal::NotForHere { to: to.into(), here: here.into() }.into());
            }
            Self::Store { store, .. } if store == here => return Err(Refusal::ToItself { here: here.into() }.into()),
            Self::Store { store, transfer, lines, .. } => {
                (Source::Store { store: store.into(), transfer: transfer.into() }, lines)
            }
        })
    }
}

/// A delivery.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Delivery {
    /// The number of its delivery note, if it has one: a delivery note of a notice is booked once.
    #[serde(default)]
    pub(super) delivery_note: Option<String>,
    /// What came; more or less than announced, or things that nobody announced.
    pub(super) lines: Vec<DeliveredLine>,
}

/// A line of a delivery.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeliveredLine {
    /// Of what.
    pub(super) sku: Sku,
    /// How much.
    pub(super) quantity: Quantity,
    /// How it came.
    #[serde(default)]
    pub(super) condition: Condition,
}

/// A delivery that was booked.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct Received {
    /// Its movement's number; none if nothing of it is tracked.
    movement: Option<u64>,
    /// What of it is more than was announced.
    #[serde(default)]
    beyond: Vec<Beyond>,
}

/// So much more of an item than was announced.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
struct Beyond {
    /// Of what.
    sku: Sku,
    /// Thousandths of the unit.
    milli: i64,
    /// The unit.
    unit: Unit,
}

/// What is announced and has not come, over all open notices.
pub(super) fn outstanding(store: &Store) -> Result<Sums, StoreError> {
    let mut sums = Sums::new();
    for id in Document::Notice.all_open(store)? {
        let Some(notice) = store.get(&NOTICES, id)? else { continue };
        for line in notice.lines {
            let outstanding = line.outstanding();
            *sums.entry((line.sku, line.unit)).or_default() += outstanding;
        }
    }
    Ok(sums)
}

fn read(transaction: &Transaction<'_>, id: u64) -> Result<Notice, Problem> {
    transaction.get(&NOTICES, id)?.ok_or_else(|| Document::Notice.unknown(id))
}

/// The notice of a transfer; also under the store's name as hubs of before wrote it.
fn entered(transaction: &Transaction<'_>, store: &str, transfer: &str) -> Result<Option<u64>, StoreError> {
    match transaction.get(&TRANSFERS_IN, (&folded(store), transfer))? {
        None => transaction.get(&TRANSFERS_IN, (store, transfer)),
        found => Ok(found),
    }
}

/// Whether a notice is open; none if it is forgotten.
fn is_open(transaction: &Transaction<'_>, id: u64) -> Result<Option<bool>, StoreError> {
    Ok(transaction.get(&NOTICES, id)?.map(|notice| notice.closed_at_ms.is_none()))
}

/// Notes whose notice it is; refused if there is one already. An order whose notice is closed may come again: that was closed too early, or the supplier
/// begins its numbers anew. A transfer never does.
fn index(transaction: &mut Transaction<'_>, source: &Source, id: u64) -> Result<(), Problem> {
    let known = |kind: &str, what: String, earlier: u64, then: String| {
        Err(Problem::conflict(kind, format!("{what} was entered before, as notice {earlier}{then}")))
    };
    let receive = || "; receive against that".to_owned();
    match source {
        Source::Supplier { supplier, order } => {
            let (by, number) = (folded(supplier), folded(order));
            if let Some(earlier) = transaction.get(&ORDERS, (&by, &number))?
                && is_open(transaction, earlier)? == Some(true)
            {
                return known("order-known", format!("order {order} of {supplier}"), earlier, receive());
            }
            Ok(transaction.put(&ORDERS, (&by, &number), &id)?)
        }
        Source::Store { store, transfer } => {
            if let Some(earlier) = entered(transaction, store, transfer)? {
                let then = match is_open(transaction, earlier)? {
                    Some(true) => receive(),
                    Some(false) => format!(
                        ", which is closed; if more came, reopen that (`POST /api/v1/stock/notices/{earlier}/reopen`) and receive against it"
                    ),
                    None => ", which was received and closed long ago; if goods came that are not in the books, count their items".to_owned(),
                };
                return known("transfer-known", format!("transfer {transfer} of {store}"), earlier, then);
            }
            Ok(transaction.put(&TRANSFERS_IN, (&folded(store), transfer), &id)?)
        }
    }
}

/// Whether a record is there. One that can't be read is: the check tells of it.
fn is_there<T>(found: Result<Option<T>, StoreError>) -> Result<bool, StoreError> {
    match found {
        Err(StoreError::Corrupt { .. }) => Ok(true),
        found => Ok(found?.is_some()),
    }
}

/// Notices that are open and were entered by a hub of before, oldest first; none once there is a first one of [`KNOWN_FROM`].
pub(super) fn of_before(store: &Store) -> Result<Vec<(u64, Source)>, StoreError> {
    if is_there(store.get(&KNOWN_FROM, NOTICE))? {
        return Ok(Vec::new());
    }
    let mut open = Vec::new();
    // What is damaged keeps nobody from entering others.
    store.each(&OPEN, |entry| open.extend(entry.ok().filter(|entry| entry.document == Document::Notice.name())))?;
    let mut notices = Vec::new();
    for entry in open {
        match store.get(&NOTICES, entry.id) {
            Err(StoreError::Corrupt { .. }) => {}
            found => notices.extend(found?.map(|notice| (notice.id, notice.source))),
        }
    }
    Ok(notices)
}

/// Notes the orders of notices [`of_before`], in the commit that enters the first one of [`KNOWN_FROM`]. Of two of an order the first keeps it.
pub(super) fn index_before(transaction: &mut Transaction<'_>, before: Vec<(u64, Source)>) -> Result<(), StoreError> {
    if is_there(transaction.get(&KNOWN_FROM, NOTICE))? {
        return Ok(());
    }
    for (id, source) in before {
        let Source::Supplier { supplier, order } = source else { continue };
        let (by, number) = (folded(&supplier), folded(&order));
        if !is_there(transaction.get(&ORDERS, (&by, &number)))? {
            transaction.put(&ORDERS, (&by, &number), &id)?;
        }
    }
    Ok(())
}

/// Enters a notice, in a commit of the hub `here`.
pub(super) fn enter_now(
    transaction: &mut Transaction<'_>,
    by: &By,
    here: HubId,
    request: NoticeRequest,
) -> Result<DocumentOpened, Problem> {
    let (source, lines) = request.checked(here)?;
    let sums = stock::sum(lines)?;
    let id = Document::Notice.open(transaction)?;
    index(transaction, &source, id)?;
    if !is_there(transaction.get(&KNOWN_FROM, NOTICE))? {
        transaction.put(&KNOWN_FROM, NOTICE, &id)?;
    }
    transaction.put(&NOTICES, id, &Notice::new(id, source, by.at_ms, sums))?;
    Ok(DocumentOpened { id })
}

/// Receives a delivery, in a commit.
pub(super) fn receive_now(
    transaction: &mut Transaction<'_>,
    by: By,
    id: u64,
    delivery: Delivery,
) -> Result<Received, Problem> {
    if delivery.lines.len() > MAX_LINES {
        return Err(Refusal::TooManyLines.into());
    }
    let note = delivery.delivery_note.map(|note| checked_text("delivery_note", note)).transpose()?;
    let mut goods: BTreeMap<Condition, Vec<Portion>> = BTreeMap::new();
    for DeliveredLine { sku, quantity, condition } in delivery.lines {
        if quantity.milli() > 0 {
            goods.entry(condition).or_default().push(Portion { sku, quantity });
        }
    }
    if goods.is_empty() {
        return Err(Refusal::NoLines.into());
    }
    let mut notice = read(transaction, id)?;
    let goods = goods.into_iter().map(|(condition, portions)| Ok((condition, stock::sum(portions)?)));
    let stock::Delivered { lines, beyond } = notice.receive(goods.collect::<Result<_, Refusal>>()?, note.as_deref())?;
    let (kind, reference) = (notice.source.kind(), notice.reference());
    let booking = Booking { kind, reference, by: by.name, at_ms: by.at_ms, lines: lines.clone(), settled: false };
    let movement = book(transaction, booking)?;
    let moved = match movement {
        Some(number) => transaction.get(&MOVEMENTS, number)?.map(|movement| movement.lines).unwrap_or_default(),
        None => Vec::new(),
    };
    notice.not_tracked(lines.iter().filter(|line| !moved.contains(line)));
    if let Some(note) = note {
        notice.take_note(note, movement);
    }
    transaction.put(&NOTICES, id, &notice)?;
    let beyond = beyond.into_iter().map(|((sku, unit), milli)| Beyond { sku, milli, unit }).collect();
    Ok(Received { movement, beyond })
}

/// Closes a notice, in a commit.
pub(super) fn close_now(transaction: &mut Transaction<'_>, by: &By, id: u64) -> Result<Notice, Problem> {
    let mut notice = read(transaction, id)?;
    notice.close(by.at_ms)?;
    Document::Notice.close(transaction, id)?;
    transaction.put(&NOTICES, id, &notice)?;
    Ok(notice)
}

/// Opens the notice of a transfer again, in a commit.
pub(super) fn reopen_now(transaction: &mut Transaction<'_>, id: u64) -> Result<Notice, Problem> {
    let mut notice = read(transaction, id)?;
    notice.reopen()?;
    Document::Notice.reopen(transaction, id)?;
    transaction.put(&NOTICES, id, &notice)?;
    Ok(notice)
}

/// Enter a notice: what a supplier or another store announces
///
/// An order of a supplier is entered once: what comes later for it is another delivery. If its notice is closed already, the order is entered again.
/// What another store sends is entered as that store's `GET /api/v1/stock/transfers/{id}/notice` tells it, once, and nowhere but where it goes to.
#[utoipa::path(post, path = "/api/v1/stock/notices", tag = "stock", request_body = NoticeRequest, params(("Idempotency-Key" = String, Header)),
    responses((status = 201, body = DocumentOpened), (status = 400, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn enter(
    State(hub): State<Arc<Hub>>,
    command: Command<NoticeRequest>,
) -> Result<(StatusCode, Json<DocumentOpened>), Problem> {
    command.by_person()?;
    known(&hub, command.body.lines().iter().map(|line| (&line.sku, line.quantity.unit())))?;
    let here = hub.config.store.hub.clone();
    let before = aside(&hub.store, of_before).await?;
    let opened = once(&hub, command, move |transaction, by, request| {
        index_before(transaction, before)?;
        enter_now(transaction, &by, here, request)
    });
    Ok((StatusCode::CREATED, opened.await?))
}

/// Notices, newest first
#[utoipa::path(get, path = "/api/v1/stock/notices", tag = "stock", params(Which), responses((status = 200, body = [Notice])))]
async fn list(
    _: Caller,
    State(hub): State<Arc<Hub>>,
    InQuery(which): InQuery<Which>,
) -> Result<Json<Vec<Notice>>, Problem> {
    Ok(Json(which.page(&hub, &NOTICES)?))
}

/// A notice: what was announced, and what came
#[utoipa::path(get, path = "/api/v1/stock/notices/{id}", tag = "stock", params(("id" = u64, Path)),
    responses((status = 200, body = Notice), (status = 404, body = Problem)))]
async fn show(_: Caller, State(hub): State<Arc<Hub>>, InPath(id): InPath<u64>) -> Result<Json<Notice>, Problem> {
    hub.store.get(&NOTICES, id)?.map(Json).ok_or_else(|| Document::Notice.unknown(id))
}

/// Receive a delivery against a notice; there may be several
///
/// One that was booked before, by its `delivery_note`, is refused and nothing moves.
#[utoipa::path(post, path = "/api/v1/stock/notices/{id}/deliveries", tag = "stock", request_body = Delivery,
    params(("id" = u64, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Received), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn receive(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<u64>,
    command: Command<Delivery>,
) -> Result<Json<Received>, Problem> {
    known(&hub, command.body.lines.iter().map(|line| (&line.sku, line.quantity.unit())))?;
    once(&hub, command, move |transaction, by, delivery| receive_now(transaction, by, id, delivery)).await
}

/// Close a notice: nothing more will come; what differs stays on record
///
/// What comes all the same: the notice of a transfer is reopened, an order is entered again.
#[utoipa::path(post, path = "/api/v1/stock/notices/{id}/close", tag = "stock", request_body = Nothing,
    params(("id" = u64, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Notice), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn close(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<u64>,
    command: Command<Nothing>,
) -> Result<Json<Notice>, Problem> {
    command.by_person()?;
    once(&hub, command, move |transaction, by, _| close_now(transaction, &by, id)).await
}

/// Reopen the notice of another store's transfer: it was closed too early
///
/// A supplier's order is entered again instead.
#[utoipa::path(post, path = "/api/v1/stock/notices/{id}/reopen", tag = "stock", request_body = Nothing,
    params(("id" = u64, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Notice), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn reopen(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<u64>,
    command: Command<Nothing>,
) -> Result<Json<Notice>, Problem> {
    command.by_person()?;
    once(&hub, command, move |transaction, _, _| reopen_now(transaction, id)).await
}

#[cfg(test)]
mod tests {
    use store::{Checked, Depth, EngineKind};

    use super::*;
    use crate::stock::check;

    fn by() -> By {
        By { name: "(console)".into(), at_ms: 1 }
    }

    /// Enters a supplier's order.
    fn order(transaction: &mut Transaction<'_>, order: &str) -> Result<u64, Problem> {
        let lines = vec![Portion { sku: "818981".parse().unwrap(), quantity: Quantity::pieces(2).unwrap() }];
        let notice = NoticeRequest::Supplier { supplier: "Dairy".into(), order: order.into(), lines };
        Ok(enter_now(transaction, &by(), "store-1".parse().unwrap(), notice)?.id)
    }

    /// The same, as a hub of before did.
    fn order_before(transaction: &mut Transaction<'_>, number: &str) -> Result<u64, Problem> {
        let id = order(transaction, number)?;
        transaction.delete(&ORDERS, ("dairy", &folded(number)));
        transaction.delete(&KNOWN_FROM, NOTICE);
        Ok(id)
    }

    fn faults(store: &Store) -> Vec<String> {
        let mut checked = Checked::default();
        check(store, Depth::Whole, &mut checked).unwrap();
        checked.faults
    }

    /// Enters a transfer.
    fn transfer(transaction: &mut Transaction<'_>, store: &str, transfer: &str) -> Result<u64, Problem> {
        let lines = vec![Portion { sku: "818981".parse().unwrap(), quantity: Quantity::pieces(2).unwrap() }];
        let (store, transfer) = (store.parse().unwrap(), transfer.parse().unwrap());
        let notice = NoticeRequest::Store { store, transfer, to: "store-1".parse().unwrap(), lines };
        Ok(enter_now(transaction, &by(), "store-1".parse().unwrap(), notice)?.id)
    }

    #[test]
    fn a_transfer_is_entered_once_whatever_capitals_its_store_has() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), EngineKind::Sqlite, &crate::LINKED, 1).unwrap();
        let enter = |from: &'static str, name: &'static str| {
            store
                .commit_blocking(move |transaction| transfer(transaction, from, name))
                .map_err(|problem| problem.detail)
        };
        assert_eq!(enter("Store-2", "7-1"), Ok(1));
        for from in ["Store-2", "store-2", "STORE-2"] {
            let known = format!("transfer 7-1 of {from} was entered before, as notice 1; receive against that");
            assert_eq!(enter(from, "7-1"), Err(known));
        }
        assert_eq!((enter("store-2", "7-2"), enter("store-3", "7-1")), (Ok(2), Ok(3)));
        // As a hub of before wrote it: twice, if it was entered twice.
        let before = store.commit_blocking(|transaction| {
            assert_eq!(transfer(transaction, "store-2", "7-3")?, 4);
            transaction.delete(&TRANSFERS_IN, ("store-2", "7-3"));
            assert_eq!(transfer(transaction, "Store-2", "7-3")?, 5);
            transaction.delete(&TRANSFERS_IN, ("store-2", "7-3"));
            transaction.put(&TRANSFERS_IN, ("store-2", "7-3"), &4)?;
            transaction.put(&TRANSFERS_IN, ("Store-2", "7-3"), &5)?;
            assert_eq!(transfer(transaction, "Store-2", "7-4")?, 6);
            transaction.delete(&TRANSFERS_IN, ("store-2", "7-4"));
            transaction.put(&TRANSFERS_IN, ("Store-2", "7-4"), &6)?;
            Ok::<_, Problem>(())
        });
        before.unwrap();
        assert!(enter("Store-2", "7-3").unwrap_err().contains("as notice 4;"));
        assert!(enter("Store-2", "7-4").unwrap_err().contains("as notice 6;"));
        assert_eq!(faults(&store), Vec::<String>::new());
        store
            .commit_blocking(|transaction| {
                transaction.delete(&TRANSFERS_IN, ("store-2", "7-2"));
                Ok::<_, StoreError>(())
            })
            .unwrap();
        assert_eq!(faults(&store), ["notice 2 is of transfer `7-2`, whose index does not say so"]);
    }

    #[test]
    fn orders_that_were_open_at_the_upgrade_are_entered_once_whatever_is_damaged() {
        static DAMAGED: Table<Number, String> = Table::new("notice");
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), EngineKind::Sqlite, &crate::LINKED, 1).unwrap();
        let before = store.commit_blocking(|transaction| {
            for number in ["PO 7", "PO 7", "PO 8", "PO 9"] {
                order_before(transaction, number)?;
            }
            close_now(transaction, &by(), 3)?;
            transaction.put(&DAMAGED, 4, &"none".to_owned())?;
            Ok::<_, Problem>(())
        });
        before.unwrap();
        let enter = |number: &'static str| {
            let before = of_before(&store).unwrap();
            store.commit_blocking(move |transaction| {
                index_before(transaction, before)?;
                order(transaction, number)
            })
        };
        for _ in 0..2 {
            let known = enter("po 7").unwrap_err();
            assert_eq!(known.detail, "order po 7 of Dairy was entered before, as notice 1; receive against that");
        }
        assert_eq!(enter("PO 8").unwrap(), 5, "it was closed");
        assert_eq!(
            (enter("PO 7").unwrap_err().kind, of_before(&store).unwrap()),
            ("/problems/order-known".into(), vec![])
        );
        let told = faults(&store);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told.iter().all(|fault| fault.contains("notice") && fault.contains('4')), "{told:?}");
        store.commit_blocking(|transaction| close_now(transaction, &by(), 1)).unwrap();
        assert_eq!(enter("PO 7").unwrap(), 6);
        assert_eq!(faults(&store), told);
    }
}
