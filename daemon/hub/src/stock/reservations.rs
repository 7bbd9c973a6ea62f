//! Stock set aside for somebody: an order to be fetched, a customer on the telephone. All of it or nothing.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use commerce::{
    line::checked_text,
    stock::{self, Kind, Line, Portion, Refusal, Reservation, ReservationState, State as At},
};
use serde::Deserialize;
use store::{Number, Table, Transaction};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Booking, Nothing, Which, book,
    counts::heard_by,
    documents::{Booked, Document, DocumentOpened},
    once, policies, position,
};
use crate::{
    extract::{InPath, InQuery},
    hub::Hub,
    problem::Problem,
    registers::{Caller, Command},
};

pub(super) static RESERVATIONS: Table<Number, Reservation> = Table::new("reservation");

pub(super) fn router() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new().routes(routes!(reserve, list)).routes(routes!(show)).routes(routes!(release))
}

/// Reads a reservation in a commit.
pub(super) fn read(transaction: &Transaction<'_>, id: u64) -> Result<Reservation, Problem> {
    transaction.get(&RESERVATIONS, id)?.ok_or_else(|| Document::Reservation.unknown(id))
}

/// Writes a reservation; one that holds nothing any more is open no longer.
pub(super) fn put(transaction: &mut Transaction<'_>, reservation: &Reservation) -> Result<(), Problem> {
    if !reservation.holds() && !reservation.hold {
        Document::Reservation.close(transaction, reservation.id)?;
    }
    Ok(transaction.put(&RESERVATIONS, reservation.id, reservation)?)
}

/// Stock to set aside.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReserveRequest {
    /// For whom or what.
    pub(super) reference: String,
    /// What.
    pub(super) lines: Vec<Portion>,
}

/// Sets stock aside: every line, or none.
pub(super) fn reserve_now(
    transaction: &mut Transaction<'_>,
    by: super::By,
    request: ReserveRequest,
) -> Result<DocumentOpened, Problem> {
    let reference = checked_text("reference", request.reference)?;
    let sums = stock::sum(request.lines)?;
    for ((sku, unit), milli) in &sums {
        let policy = transaction.get(&policies::POLICIES, sku.as_str())?;
        let safety = policy.filter(|policy| policy.unit == *unit).map_or(0, |policy| policy.safety_stock);
        let available = position(transaction, sku, *unit)?.available_to_sell(safety);
        if available < *milli {
            let refusal = Refusal::Insufficient { sku: sku.clone(), available, asked: *milli, state: None };
            return Err(heard_by(transaction, &by.name, refusal).into());
        }
    }
    let id = Document::Reservation.open(transaction)?;
    let reservation = Reservation {
        id,
        reference,
        by: by.name.clone(),
        reserved_at_ms: by.at_ms,
        hold: false,
        state: ReservationState::Open,
        lines: Reservation::lines(sums.clone()),
    };
    put(transaction, &reservation)?;
    let lines = Line::of(sums, Some(At::OnHand), Some(At::Reserved));
    let booking = Booking {
        kind: Kind::Reservation,
        reference: id.to_string(),
        by: by.name,
        at_ms: by.at_ms,
        lines,
        settled: false,
    };
    book(transaction, booking)?;
    Ok(DocumentOpened { id })
}

/// Releases what was set aside, in a commit.
pub(super) fn release_now(transaction: &mut Transaction<'_>, by: super::By, id: u64) -> Result<Booked, Problem> {
    let mut reservation = read(transaction, id)?;
    reservation.release()?;
    put(transaction, &reservation)?;
    let movement = book(
        transaction,
        Booking {
            kind: Kind::Release,
            reference: id.to_string(),
            by: by.name,
            at_ms: by.at_ms,
            lines: Line::of(reservation.sums(), Some(At::Reserved), Some(At::OnHand)),
            settled: false,
        },
    )?;
    Ok(Booked { movement })
}

/// Set stock aside
///
/// Every line, or none. What is asked for must be available to sell: on_hand less the item's safety stock. Of an item that is being counted a register is not told
/// how much that is.
#[utoipa::path(post, path = "/api/v1/stock/reservations", tag = "stock", request_body = ReserveRequest, params(("Idempotency-Key" = String, Header)),
    responses((status = 201, body = DocumentOpened), (status = 400, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn reserve(
    State(hub): State<Arc<Hub>>,
    command: Command<ReserveRequest>,
) -> Result<(StatusCode, Json<DocumentOpened>), Problem> {
    Ok((StatusCode::CREATED, once(&hub, command, reserve_now).await?))
}

/// Reservations, newest first
#[utoipa::path(get, path = "/api/v1/stock/reservations", tag = "stock", params(Which), responses((status = 200, body = [Reservation])))]
async fn list(
    _: Caller,
    State(hub): State<Arc<Hub>>,
    InQuery(which): InQuery<Which>,
) -> Result<Json<Vec<Reservation>>, Problem> {
    Ok(Json(which.page(&hub, &RESERVATIONS)?))
}

/// A reservation
#[utoipa::path(get, path = "/api/v1/stock/reservations/{id}", tag = "stock", params(("id" = u64, Path)),
    responses((status = 200, body = Reservation), (status = 404, body = Problem)))]
async fn show(_: Caller, State(hub): State<Arc<Hub>>, InPath(id): InPath<u64>) -> Result<Json<Reservation>, Problem> {
    hub.store.get(&RESERVATIONS, id)?.map(Json).ok_or_else(|| Document::Reservation.unknown(id))
}

/// Release what was set aside
#[utoipa::path(post, path = "/api/v1/stock/reservations/{id}/release", tag = "stock", request_body = Nothing,
    params(("id" = u64, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Booked), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn release(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<u64>,
    command: Command<Nothing>,
) -> Result<Json<Booked>, Problem> {
    once(&hub, command, move |transaction, by, _| release_now(transaction, by, id)).await
}
