//! The routes of shifts and business days.

use std::sync::Arc;

use app::{
    Refusal,
    cash::{
        self, CLOSE_DAY, CountRequest, DayReport, HANDLE, Moment, MoveCash, Movement, OPEN, OpenShift, READ, REPORT,
        ReadXReport, ShiftReport, ShiftStatus,
    },
    closing::{self, Unsettled},
    reconciliation::{self, DayWithTerminals},
};
use axum::{Json, extract::State, http::StatusCode};
use commerce::{Minor, ShiftId};
use serde::Deserialize;
use store::{Purpose, Transaction};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    hub::Hub,
    printing::{print_day_report, print_x_report},
    web::{Asker, Command, Empty, InPath, InQuery, Page, Problem, Routes, reading},
};

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new("cash", "Shifts of tills, counts, and the business day", &["cash", "closing", "roles", "devices"])
        .command(&OPEN, routes!(open))
        .read(&READ, routes!(list))
        .read(&READ, routes!(read))
        .command(&HANDLE, routes!(x_report))
        .command(&OPEN, routes!(join))
        .command(&HANDLE, routes!(suspend))
        .command(&OPEN, routes!(resume))
        .command(&HANDLE, routes!(move_cash))
        .command(&HANDLE, routes!(end))
        .command(&HANDLE, routes!(count))
        .command(&HANDLE, routes!(close))
        .read(&REPORT, routes!(list_movements))
        .read(&REPORT, routes!(list_days))
        .read(&REPORT, routes!(read_day))
        .command(&CLOSE_DAY, routes!(close_day))
        .command(&REPORT, routes!(print_day))
}

/// Open a shift at the register
///
/// If the register has sold without a shift, this one takes over those sales. A day in which a shift was opened lasts
/// until it is closed.
#[utoipa::path(post, path = "/api/v1/shifts", request_body = OpenShift,
    responses((status = 201, body = ShiftStatus), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn open(
    State(hub): State<Arc<Hub>>,
    command: Command<OpenShift>,
) -> Result<(StatusCode, Json<ShiftStatus>), Problem> {
    let at_ms = command.by.at_ms;
    let date = hub.calendar.business_day(at_ms);
    let moment = Moment { epoch: hub.store.epoch(), at_ms, date, currency: hub.currency() };
    let opened = command.commit(&hub.store, Purpose::Money, move |transaction, by, request| {
        cash::open(transaction, by, &moment, request)
    });
    Ok((StatusCode::CREATED, Json(opened.await?)))
}

/// List shifts, newest first, without amounts
#[utoipa::path(get, path = "/api/v1/shifts", params(Page), responses((status = 200, body = [ShiftStatus])))]
async fn list(State(hub): State<Arc<Hub>>, InQuery(page): InQuery<Page>) -> Result<Json<Vec<ShiftStatus>>, Problem> {
    reading(move || Ok(cash::shifts(&hub.store, page.before, page.limit())?)).await.map(Json)
}

/// Get the X report of a shift, or its Z report once it is closed
///
/// The X report needs the permission `cash.report`: whoever counts must not know what should be in the till.
#[utoipa::path(get, path = "/api/v1/shifts/{id}", params(("id" = ShiftId, Path)),
    responses((status = 200, body = ShiftReport), (status = 404, body = Problem)))]
async fn read(
    Asker(actor): Asker,
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<ShiftId>,
) -> Result<Json<ShiftReport>, Problem> {
    reading(move || cash::report(&hub.store, &actor, id)).await.map(Json)
}

/// Get the X report of a shift at the register, on paper too
///
/// The role of the operator must allow it, or another operator signs for it. With `print` the answer comes when the
/// printer has confirmed the report, or has failed. A repeat prints again.
#[utoipa::path(post, path = "/api/v1/shifts/{id}/x-report", request_body = ReadXReport,
    params(("id" = ShiftId, Path)),
    responses((status = 200, body = ShiftReport), (status = 404, body = Problem), (status = 422, body = Problem),
        (status = 502, body = Problem)))]
async fn x_report(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<ShiftId>,
    command: Command<ReadXReport>,
) -> Result<Json<ShiftReport>, Problem> {
    let (print, by) = (command.body.print, command.by.clone());
    let read =
        command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, _| cash::x_report(transaction, by, id));
    let report: ShiftReport = read.await?;
    if print {
        print_x_report(&hub, &by, &report).await?;
    }
    Ok(Json(report))
}

/// Executes a command about a shift that only needs its id.
async fn change(
    hub: &Hub,
    id: ShiftId,
    command: Command<Empty>,
    work: fn(&mut Transaction<'_>, &app::By, ShiftId) -> Result<ShiftStatus, Refusal>,
) -> Result<Json<ShiftStatus>, Problem> {
    let changed =
        command.commit(&hub.store, Purpose::Money, move |transaction, by, Empty {}| work(transaction, by, id));
    Ok(Json(changed.await?))
}

/// Share the till of a shift
#[utoipa::path(post, path = "/api/v1/shifts/{id}/join", request_body = Empty, params(("id" = ShiftId, Path)),
    responses((status = 200, body = ShiftStatus), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn join(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<ShiftId>,
    command: Command<Empty>,
) -> Result<Json<ShiftStatus>, Problem> {
    change(&hub, id, command, cash::join).await
}

/// Suspend a shift: its registers are free until it is resumed
#[utoipa::path(post, path = "/api/v1/shifts/{id}/suspend", request_body = Empty, params(("id" = ShiftId, Path)),
    responses((status = 200, body = ShiftStatus), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn suspend(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<ShiftId>,
    command: Command<Empty>,
) -> Result<Json<ShiftStatus>, Problem> {
    change(&hub, id, command, cash::suspend).await
}

/// Resume a suspended shift at the register
#[utoipa::path(post, path = "/api/v1/shifts/{id}/resume", request_body = Empty, params(("id" = ShiftId, Path)),
    responses((status = 200, body = ShiftStatus), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn resume(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<ShiftId>,
    command: Command<Empty>,
) -> Result<Json<ShiftStatus>, Problem> {
    change(&hub, id, command, cash::resume).await
}

/// Put cash into a till, or take some out, without a sale
#[utoipa::path(post, path = "/api/v1/shifts/{id}/movements", request_body = MoveCash, params(("id" = ShiftId, Path)),
    responses((status = 200, body = Movement), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn move_cash(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<ShiftId>,
    command: Command<MoveCash>,
) -> Result<Json<Movement>, Problem> {
    let moved = command.commit(&hub.store, Purpose::Money, move |transaction, by, request| {
        cash::move_cash(transaction, by, id, request)
    });
    Ok(Json(moved.await?))
}

/// End a shift: its registers are free, and the till is counted later
///
/// It can't be resumed.
#[utoipa::path(post, path = "/api/v1/shifts/{id}/end", request_body = Empty, params(("id" = ShiftId, Path)),
    responses((status = 200, body = ShiftStatus), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn end(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<ShiftId>,
    command: Command<Empty>,
) -> Result<Json<ShiftStatus>, Problem> {
    change(&hub, id, command, cash::end).await
}

/// Count the till of a shift, by denomination
///
/// The answer does not tell what should be in it. A sale or movement after the count makes another one necessary.
#[utoipa::path(post, path = "/api/v1/shifts/{id}/count", request_body = CountRequest, params(("id" = ShiftId, Path)),
    responses((status = 200, body = ShiftStatus), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn count(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<ShiftId>,
    command: Command<CountRequest>,
) -> Result<Json<ShiftStatus>, Problem> {
    let counted = command
        .commit(&hub.store, Purpose::Money, move |transaction, by, request| cash::count(transaction, by, id, request));
    Ok(Json(counted.await?))
}

/// What is not settled, and the terminals to look at again in the commit.
async fn unsettled(hub: &Arc<Hub>) -> Result<(Unsettled, Vec<String>), Problem> {
    let terminals = hub.devices.terminals().map(|(name, _)| name.clone()).collect();
    let hub = Arc::clone(hub);
    Ok((reading(move || Ok(closing::unsettled(&hub.store)?)).await?, terminals))
}

/// Close a counted shift; the answer is its Z report
///
/// A difference above `cash.difference_limit` of the config needs the permission `cash.approve`. Refused while a
/// payment of its registers has no outcome or one of their baskets is partly paid.
#[utoipa::path(post, path = "/api/v1/shifts/{id}/close", request_body = Empty, params(("id" = ShiftId, Path)),
    responses((status = 200, body = ShiftReport), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn close(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<ShiftId>,
    command: Command<Empty>,
) -> Result<Json<ShiftReport>, Problem> {
    let (unsettled, terminals) = unsettled(&hub).await?;
    let limit = Minor::new(hub.config.cash.difference_limit.into()).unwrap_or_default();
    let closed = command.commit(&hub.store, Purpose::Money, move |transaction, by, Empty {}| {
        closing::close_shift(transaction, by, id, limit, unsettled, &terminals)
    });
    Ok(Json(closed.await?))
}

/// List movements of cash, newest first
#[utoipa::path(get, path = "/api/v1/cash/movements", params(Page), responses((status = 200, body = [Movement])))]
async fn list_movements(
    State(hub): State<Arc<Hub>>,
    InQuery(page): InQuery<Page>,
) -> Result<Json<Vec<Movement>>, Problem> {
    reading(move || Ok(cash::movements(&hub.store, page.before, page.limit())?)).await.map(Json)
}

/// List business days, newest first
#[utoipa::path(get, path = "/api/v1/days", params(Page), responses((status = 200, body = [DayReport])))]
async fn list_days(State(hub): State<Arc<Hub>>, InQuery(page): InQuery<Page>) -> Result<Json<Vec<DayReport>>, Problem> {
    reading(move || Ok(cash::days(&hub.store, page.before, page.limit())?)).await.map(Json)
}

/// Get a business day: the sums of its closed shifts, and the reconciliations of its payment terminals
#[utoipa::path(get, path = "/api/v1/days/{number}", params(("number" = u64, Path)),
    responses((status = 200, body = DayWithTerminals), (status = 404, body = Problem)))]
async fn read_day(State(hub): State<Arc<Hub>>, InPath(number): InPath<u64>) -> Result<Json<DayWithTerminals>, Problem> {
    reading(move || reconciliation::day(&hub.store, number)).await.map(Json)
}

/// Close the business day; the answer is the store's Z report
///
/// The next sale begins another day. Refused while a shift that a person opened is not closed, a payment has no outcome
/// or is to be reversed, or a basket is partly paid; the refusal names them. Then every payment terminal closes its day
/// and is reconciled; the day has the results once the terminals have answered.
#[utoipa::path(post, path = "/api/v1/days/close", request_body = Empty,
    responses((status = 200, body = DayReport), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn close_day(State(hub): State<Arc<Hub>>, command: Command<Empty>) -> Result<Json<DayReport>, Problem> {
    let (unsettled, terminals) = unsettled(&hub).await?;
    let currency = hub.currency();
    let closed = command.commit(&hub.store, Purpose::Money, move |transaction, by, Empty {}| {
        closing::close_day(transaction, by, unsettled, &terminals, currency)
    });
    Ok(Json(closed.await?))
}

/// A request to print the report of a day.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PrintDay {
    /// The name of the receipt printer.
    printer: String,
}

/// Print the report of a business day: its Z report once it is closed, with its payment terminals
///
/// The answer comes when the printer has confirmed it, or has failed. A repeat prints again.
#[utoipa::path(post, path = "/api/v1/days/{number}/print", request_body = PrintDay,
    params(("number" = u64, Path)),
    responses((status = 200, body = DayWithTerminals), (status = 404, body = Problem), (status = 502, body = Problem)))]
async fn print_day(
    State(hub): State<Arc<Hub>>,
    InPath(number): InPath<u64>,
    command: Command<PrintDay>,
) -> Result<Json<DayWithTerminals>, Problem> {
    let reader = Arc::clone(&hub);
    let day = reading(move || reconciliation::day(&reader.store, number)).await?;
    print_day_report(&hub, &command.body.printer, &day, command.by.at_ms).await?;
    Ok(Json(day))
}
