//! What goes to another store: dispatched here, announced there, arrived when a person says so.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use commerce::{
    Quantity,
    stock::{
        self, Kind, Line, Portion, Refusal, State as At, Sums, Transfer,
        transfer::{Name, reference},
    },
};
use contract::HubId;
use serde::Deserialize;
use store::{Number, Table, Transaction};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Booking, By, Which, book,
    documents::{Document, DocumentOpened},
    notices::NoticeRequest,
    once,
    policies::known,
};
use crate::{
    extract::{InPath, InQuery},
    hub::Hub,
    problem::Problem,
    registers::{Caller, Command},
};

pub(super) static TRANSFERS: Table<Number, Transfer> = Table::new("transfer");

pub(super) fn router() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new()
        .routes(routes!(dispatch, list))
        .routes(routes!(show))
        .routes(routes!(notice))
        .routes(routes!(arrive))
}

/// Goods that leave for another store.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Dispatch {
    /// The other hub.
    #[schema(value_type = String)]
    pub(super) to: HubId,
    /// What leaves.
    pub(super) lines: Vec<Portion>,
}

/// What the other store has.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arrival {
    /// What arrived there; what is not named did not.
    pub(super) lines: Vec<Portion>,
}

/// Dispatches a transfer, in a commit of the hub `here`.
pub(super) fn dispatch_now(
    transaction: &mut Transaction<'_>,
    by: By,
    (here, epoch): (HubId, u64),
    request: Dispatch,
) -> Result<DocumentOpened, Problem> {
    if request.to == here {
        return Err(Refusal::ToItself { here: here.into() }.into());
    }
    let sums = stock::sum(request.lines)?;
    let id = Document::Transfer.open(transaction)?;
    let transfer = Transfer::new(Name { epoch, id }, request.to.into(), by.at_ms, sums.clone());
    transaction.put(&TRANSFERS, id, &transfer)?;
    book(
        transaction,
        Booking {
            kind: Kind::TransferOut,
            reference: reference(here.as_str(), &transfer.transfer),
            by: by.name,
            at_ms: by.at_ms,
            lines: Line::of(sums, Some(At::OnHand), Some(At::InTransit)),
            settled: false,
        },
    )?;
    Ok(DocumentOpened { id })
}

/// Confirms what of a transfer arrived, in a commit of the hub `here`.
pub(super) fn arrive_now(
    transaction: &mut Transaction<'_>,
    by: &By,
    here: &HubId,
    id: u64,
    arrival: Arrival,
) -> Result<Transfer, Problem> {
    let mut transfer = transaction.get(&TRANSFERS, id)?.ok_or_else(|| Document::Transfer.unknown(id))?;
    // Nothing may have arrived at all.
    let arrived = if arrival.lines.is_empty() { Sums::new() } else { stock::sum(arrival.lines)? };
    let (there, short) = transfer.arrive(by.at_ms, arrived)?;
    Document::Transfer.close(transaction, id)?;
    transaction.put(&TRANSFERS, id, &transfer)?;
    let reference = reference(here.as_str(), &transfer.transfer);
    for (kind, lines) in [(Kind::Arrival, there), (Kind::Shortfall, short)] {
        let (reference, by, at_ms) = (reference.clone(), by.name.clone(), by.at_ms);
        book(transaction, Booking { kind, reference, by, at_ms, lines, settled: false })?;
    }
    Ok(transfer)
}

/// Dispatch a transfer: its goods are in transit from now on
#[utoipa::path(post, path = "/api/v1/stock/transfers", tag = "stock", request_body = Dispatch, params(("Idempotency-Key" = String, Header)),
    responses((status = 201, body = DocumentOpened), (status = 400, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn dispatch(
    State(hub): State<Arc<Hub>>,
    command: Command<Dispatch>,
) -> Result<(StatusCode, Json<DocumentOpened>), Problem> {
    command.by_person()?;
    known(&hub, command.body.lines.iter().map(|line| (&line.sku, line.quantity.unit())))?;
    let (epoch, here) = (hub.store.epoch(), hub.config.store.hub.clone());
    let dispatch =
        move |transaction: &mut Transaction<'_>, by, request| dispatch_now(transaction, by, (here, epoch), request);
    let opened = once(&hub, command, dispatch);
    Ok((StatusCode::CREATED, opened.await?))
}

/// Transfers, newest first
#[utoipa::path(get, path = "/api/v1/stock/transfers", tag = "stock", params(Which), responses((status = 200, body = [Transfer])))]
async fn list(
    _: Caller,
    State(hub): State<Arc<Hub>>,
    InQuery(which): InQuery<Which>,
) -> Result<Json<Vec<Transfer>>, Problem> {
    Ok(Json(which.page(&hub, &TRANSFERS)?))
}

/// A transfer: what was sent, and what arrived
#[utoipa::path(get, path = "/api/v1/stock/transfers/{id}", tag = "stock", params(("id" = u64, Path)),
    responses((status = 200, body = Transfer), (status = 404, body = Problem)))]
async fn show(_: Caller, State(hub): State<Arc<Hub>>, InPath(id): InPath<u64>) -> Result<Json<Transfer>, Problem> {
    hub.store.get(&TRANSFERS, id)?.map(Json).ok_or_else(|| Document::Transfer.unknown(id))
}

/// A transfer as the other store enters it: the body of its `POST /api/v1/stock/notices`
#[utoipa::path(get, path = "/api/v1/stock/transfers/{id}/notice", tag = "stock", params(("id" = u64, Path)),
    responses((status = 200, body = NoticeRequest), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn notice(
    caller: Caller,
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<u64>,
) -> Result<Json<NoticeRequest>, Problem> {
    let Json(transfer) = show(caller, State(Arc::clone(&hub)), InPath(id)).await?;
    // A hub of before took any text.
    let named = (transfer.to.parse(), transfer.transfer.parse());
    let (Ok(to), Ok(name)) = named else {
        let to = transfer.to.escape_debug();
        return Err(Problem::conflict(
            "transfer-to-no-hub",
            format!("transfer {id} goes to `{to}`, which is no hub's name; enter it there by hand"),
        ));
    };
    let (store, lines) = (hub.config.store.hub.clone(), portions(transfer.sent())?);
    Ok(Json(NoticeRequest::Store { store, transfer: name, to, lines }))
}

/// Sums as portions; several of an item, where it is more than one takes.
fn portions(sums: Sums) -> Result<Vec<Portion>, Problem> {
    let mut portions = Vec::with_capacity(sums.len());
    for ((sku, unit), mut milli) in sums {
        while milli > 0 {
            let part = milli.min(Quantity::MAX_MILLI);
            let quantity = Quantity::new(part, unit).map_err(|error| Problem::internal(error.to_string()))?;
            portions.push(Portion { sku: sku.clone(), quantity });
            milli -= part;
        }
    }
    Ok(portions)
}

/// Confirm what of a transfer arrived: it is in transit no longer, and what is missing is a shortfall
#[utoipa::path(post, path = "/api/v1/stock/transfers/{id}/arrival", tag = "stock", request_body = Arrival,
    params(("id" = u64, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Transfer), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn arrive(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<u64>,
    command: Command<Arrival>,
) -> Result<Json<Transfer>, Problem> {
    command.by_person()?;
    let here = hub.config.store.hub.clone();
    once(&hub, command, move |transaction, by, arrival| arrive_now(transaction, &by, &here, id, arrival)).await
}
