//! Cycle counts: opened by a person, counted blind, decided by a person. [`commerce::stock::count`] has the rules.
//!
//! Movements since the moment an item was counted are undone: read back in pages before the commit, and those that came in between by their numbers inside
//! it. Without `counted_at_ms` the moment is the arrival of the request, however long its commit waits then. A repeat arrives later: a
//! register that keeps a command, or repeats one, must say when it was counted.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use commerce::{
    MAX_LINES, Quantity, Sku, Unit,
    stock::{Count, CountLine, Decided, Decision, Kind, Refusal, Sums, Tally},
};
use serde::{Deserialize, Serialize};
use store::{Name, Number, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Booking, Nothing, Which, book,
    documents::{Booked, Document, DocumentOpened},
    history::{Undo, alone},
    once,
    policies::{known, on_file},
    position,
    till::{LOOK, in_open_baskets},
};
use crate::{
    audit::{self, Act},
    extract::{InPath, InQuery},
    hub::Hub,
    problem::Problem,
    registers::{CONSOLE, Caller, Command, Console},
};

pub(super) static COUNTS: Table<Number, Count> = Table::new("stock_count");
/// The open count that has an item.
pub(super) static COUNTING: Table<Name, u64> = Table::new("stock_counting");

pub(super) fn router() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new()
        .routes(routes!(open, list))
        .routes(routes!(show))
        .routes(routes!(tally))
        .routes(routes!(variances))
        .routes(routes!(decide))
        .routes(routes!(close))
}

/// A count to open.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OpenCount {
    /// What is to be counted: items on file, by the unit they are sold in.
    #[serde(default)]
    skus: Vec<Sku>,
    /// What is to be counted by another unit, of which there is a position: that of an item which was sold by it before, or is on file no longer.
    #[serde(default)]
    positions: Vec<PositionToCount>,
}

/// An item to be counted by a unit.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PositionToCount {
    /// Of what.
    sku: Sku,
    /// By which unit.
    unit: Unit,
}

/// A count as whoever counts may see it.
#[derive(Serialize, ToSchema)]
struct BlindCount {
    /// Its number.
    id: u64,
    /// When it was opened: milliseconds since 1970, UTC.
    opened_at_ms: i64,
    /// When it was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at_ms: Option<i64>,
    /// What is to be counted.
    lines: Vec<BlindLine>,
}

/// An item as whoever counts may see it: not what should be there, nor what another counted.
#[derive(Serialize, ToSchema)]
struct BlindLine {
    /// Of what.
    sku: Sku,
    /// By which unit.
    unit: Unit,
    /// Somebody has counted it.
    counted: bool,
    /// It must be counted again.
    again: bool,
}

impl From<Count> for BlindCount {
    fn from(count: Count) -> Self {
        let blind = |line: CountLine| BlindLine {
            counted: line.tally.is_some(),
            again: line.decision == Some(Decision::Rejected),
            sku: line.sku,
            unit: line.unit,
        };
        let Count { id, opened_at_ms, closed_at_ms, lines } = count;
        Self { id, opened_at_ms, closed_at_ms, lines: lines.into_iter().map(blind).collect() }
    }
}

/// What was counted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CountedQuantities {
    /// Each item once; one that was counted before is replaced.
    lines: Vec<CountedLine>,
}

/// An item that was counted.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CountedLine {
    /// Of what.
    pub(super) sku: Sku,
    /// How much was there; may be nothing.
    pub(super) quantity: Quantity,
    /// When, by the hub's clock: milliseconds since 1970, UTC. Without it, when this request arrives: a command that is kept before it is sent, or
    /// repeated, must say it.
    #[serde(default)]
    pub(super) counted_at_ms: Option<i64>,
}

/// An item that was counted, and when.
pub(super) struct Counted {
    sku: Sku,
    quantity: Quantity,
    at_ms: i64,
}

/// How far a count is.
#[derive(Serialize, Deserialize, ToSchema)]
pub(super) struct CountProgress {
    /// Items counted.
    counted: usize,
    /// Items to be counted yet.
    remaining: usize,
}

/// An item as whoever decides sees it.
#[derive(Serialize, ToSchema)]
struct CountedItem {
    /// Of what.
    sku: Sku,
    /// By which unit.
    unit: Unit,
    /// What was counted.
    #[serde(flatten)]
    tally: Tally,
    /// What is there too much, in thousandths; negative for what is missing.
    variance: i64,
    /// What of it lies in open baskets now, in thousandths: scanned and not paid for, so off the shelf and still on_hand.
    in_baskets_now: i64,
    /// What a person made of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<Decision>,
}

/// What a person makes of variances.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Decisions {
    /// Each item once.
    lines: Vec<Decided>,
}

/// Whether an item is being counted.
pub(super) fn not_being_counted(store: &Store, sku: &Sku) -> Result<(), Problem> {
    match store.get(&COUNTING, sku.as_str())? {
        None => Ok(()),
        Some(count) => Err(being_counted(sku, count)),
    }
}

/// A refusal as whoever asked may hear it: a register, at which somebody may be counting, does not hear how much there is of an item that is being counted. An
/// index entry that can't be read says that it is.
pub(super) fn heard_by(transaction: &Transaction<'_>, by: &str, refusal: Refusal) -> Refusal {
    let counted = |sku: &Sku| !matches!(transaction.get(&COUNTING, sku.as_str()), Ok(None));
    if by != CONSOLE && refusal.tells_of().is_some_and(counted) { refusal.blind() } else { refusal }
}

fn being_counted(sku: &Sku, count: u64) -> Problem {
    Problem::conflict("stock-being-counted", format!("item {sku} is being counted in count {count}; wait for its end"))
}

fn read(transaction: &Transaction<'_>, id: u64) -> Result<Count, Problem> {
    transaction.get(&COUNTS, id)?.ok_or_else(|| Document::Count.unknown(id))
}

/// Writes a count; one that is closed lets its items go.
fn put(transaction: &mut Transaction<'_>, count: &Count) -> Result<(), Problem> {
    if count.closed_at_ms.is_some() {
        Document::Count.close(transaction, count.id)?;
        for line in &count.lines {
            transaction.delete(&COUNTING, line.sku.as_str());
        }
    }
    Ok(transaction.put(&COUNTS, count.id, count)?)
}

/// Open a count of some items
///
/// An item is in one open count only, by one unit. What is left of a unit by which it is sold no longer is counted out: name it in `positions`.
#[utoipa::path(post, path = "/api/v1/stock/counts", tag = "stock", request_body = OpenCount, params(("Idempotency-Key" = String, Header)),
    responses((status = 201, body = DocumentOpened), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn open(
    State(hub): State<Arc<Hub>>,
    command: Command<OpenCount>,
) -> Result<(StatusCode, Json<DocumentOpened>), Problem> {
    command.by_person()?;
    let OpenCount { skus, positions } = &command.body;
    if skus.len() + positions.len() > MAX_LINES {
        return Err(Refusal::TooManyLines.into());
    }
    known(&hub, positions.iter().map(|position| (&position.sku, position.unit)))?;
    let items = skus.iter().map(|sku| Ok((sku.clone(), on_file(&hub, sku)?)));
    let items = items.chain(positions.iter().map(|position| Ok((position.sku.clone(), position.unit))));
    let items = items.collect::<Result<Vec<_>, Problem>>()?;
    let opened = once(&hub, command, move |transaction, by, _| open_now(transaction, by.at_ms, items));
    Ok((StatusCode::CREATED, opened.await?))
}

pub(super) fn open_now(
    transaction: &mut Transaction<'_>,
    at_ms: i64,
    items: Vec<(Sku, Unit)>,
) -> Result<DocumentOpened, Problem> {
    let id = Document::Count.open(transaction)?;
    let count = Count::open(id, at_ms, items)?;
    for CountLine { sku, .. } in &count.lines {
        if let Some(other) = transaction.get(&COUNTING, sku.as_str())? {
            return Err(being_counted(sku, other));
        }
        transaction.put(&COUNTING, sku.as_str(), &id)?;
    }
    put(transaction, &count)?;
    Ok(DocumentOpened { id })
}

/// Counts, newest first
#[utoipa::path(get, path = "/api/v1/stock/counts", tag = "stock", params(Which), responses((status = 200, body = [BlindCount])))]
async fn list(
    _: Caller,
    State(hub): State<Arc<Hub>>,
    InQuery(which): InQuery<Which>,
) -> Result<Json<Vec<BlindCount>>, Problem> {
    Ok(Json(which.page(&hub, &COUNTS)?.into_iter().map(BlindCount::from).collect()))
}

/// A count, blind: what is to be counted
#[utoipa::path(get, path = "/api/v1/stock/counts/{id}", tag = "stock", params(("id" = u64, Path)),
    responses((status = 200, body = BlindCount), (status = 404, body = Problem)))]
async fn show(_: Caller, State(hub): State<Arc<Hub>>, InPath(id): InPath<u64>) -> Result<Json<BlindCount>, Problem> {
    let count = hub.store.get(&COUNTS, id)?.ok_or_else(|| Document::Count.unknown(id))?;
    Ok(Json(count.into()))
}

/// When each item of a command that arrived now was counted.
///
/// # Errors
/// There are none, too many, or one twice; or a moment lies before the count's opening or in the future. Refused before anything is read back.
pub(super) fn counted(count: &Count, lines: &[CountedLine], now_ms: i64) -> Result<Vec<Counted>, Refusal> {
    if lines.is_empty() || lines.len() > MAX_LINES {
        return Err(if lines.is_empty() { Refusal::NoLines } else { Refusal::TooManyLines });
    }
    // The clock may have been set back since the opening.
    let now_ms = now_ms.max(count.opened_at_ms);
    let counted = |(index, line): (usize, &CountedLine)| {
        let sku = line.sku.clone();
        if lines.iter().skip(index + 1).any(|other| other.sku == sku) {
            return Err(Refusal::Twice { sku });
        }
        let at_ms = line.counted_at_ms.unwrap_or(now_ms);
        if at_ms < count.opened_at_ms || at_ms > now_ms {
            return Err(Refusal::NotDuringTheCount { sku });
        }
        Ok(Counted { sku, quantity: line.quantity, at_ms })
    };
    lines.iter().enumerate().map(counted).collect()
}

/// What has to be undone of what was counted.
pub(super) async fn look_back(store: &Arc<Store>, counted: &[Counted]) -> Result<Undo, Problem> {
    Undo::look_back(store, counted.iter().map(|one| ((one.sku.clone(), one.quantity.unit()), one.at_ms))).await
}

/// Notes what was counted, in a commit.
pub(super) fn tally_now(
    transaction: &mut Transaction<'_>,
    by: &super::By,
    id: u64,
    counted: Vec<Counted>,
    mut undo: Undo,
    baskets: &Sums,
) -> Result<CountProgress, Problem> {
    let mut count = read(transaction, id)?;
    undo.catch_up(transaction)?;
    let now_ms = by.at_ms.max(count.opened_at_ms);
    for Counted { sku, quantity, at_ms } in counted {
        let on_hand = position(transaction, &sku, quantity.unit())?.on_hand;
        let tally = Tally {
            counted: quantity.milli(),
            expected: on_hand.saturating_sub(undo.of(&sku, quantity.unit())),
            counted_at_ms: at_ms,
            by: by.name.clone(),
            in_baskets_when_counted: Some(lying_in(baskets, &sku, quantity.unit())),
        };
        count.tally(&sku, quantity, tally, now_ms)?;
    }
    put(transaction, &count)?;
    let counted = count.lines.iter().filter(|line| line.tally.is_some()).count();
    Ok(CountProgress { counted, remaining: count.lines.len() - counted })
}

fn lying_in(baskets: &Sums, sku: &Sku, unit: Unit) -> i64 {
    baskets.get(&(sku.clone(), unit)).copied().unwrap_or(0)
}

/// Note what was counted
///
/// Selling goes on meanwhile: each quantity is compared with what was on hand at its moment. That is the arrival of this request unless `counted_at_ms` says
/// otherwise: a command that is kept before it is sent, or repeated after a 503 or no answer, must carry it. An item counted again replaces what was counted
/// before, until it is approved.
#[utoipa::path(post, path = "/api/v1/stock/counts/{id}/quantities", tag = "stock", request_body = CountedQuantities,
    params(("id" = u64, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = CountProgress), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn tally(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<u64>,
    command: Command<CountedQuantities>,
) -> Result<Json<CountProgress>, Problem> {
    // A repeat needs its answer alone: whatever the clock says by now, and whatever can't be read of what was.
    let seen = if hub.store.is_answered(&command.key)? { None } else { Some(look(&hub, id, &command).await?) };
    once(&hub, command, move |transaction, by, _| {
        // Forgotten this very moment: the register asks again.
        let Seen { counted, undo, baskets } = seen.ok_or(StoreError::Busy)?;
        tally_now(transaction, &by, id, counted, undo, &baskets)
    })
    .await
}

/// What is looked at before a tally is noted.
struct Seen {
    counted: Vec<Counted>,
    undo: Undo,
    baskets: Sums,
}

async fn look(hub: &Arc<Hub>, id: u64, command: &Command<CountedQuantities>) -> Result<Seen, Problem> {
    let count = hub.store.get(&COUNTS, id)?.ok_or_else(|| Document::Count.unknown(id))?;
    let counted = counted(&count, &command.body.lines, command.key.at_ms)?;
    // First, as near to the moment as can be.
    let baskets = alone(&LOOK, &hub.store, in_open_baskets).await?;
    let undo = look_back(&hub.store, &counted).await?;
    Ok(Seen { counted, undo, baskets })
}

/// A count's variances, for whoever decides
///
/// What is missing may have lain in customers' baskets when it was counted (`in_baskets_when_counted`), and be sold since: no variance then, but goods that
/// were not on the shelf and still in the books. What lies in baskets now (`in_baskets_now`) is off the shelf for who counts again. Neither knows of
/// baskets that a register keeps to itself until it sells, nor of what customers carry that is not scanned yet.
#[utoipa::path(get, path = "/api/v1/stock/counts/{id}/variances", tag = "stock", params(("id" = u64, Path)),
    responses((status = 200, body = [CountedItem]), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn variances(
    _: Console,
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<u64>,
) -> Result<Json<Vec<CountedItem>>, Problem> {
    let count = hub.store.get(&COUNTS, id)?.ok_or_else(|| Document::Count.unknown(id))?;
    let baskets = alone(&LOOK, &hub.store, in_open_baskets).await?;
    let variance = |line: CountLine| {
        let CountLine { sku, unit, tally, decision } = line;
        let in_baskets_now = lying_in(&baskets, &sku, unit);
        tally.map(|tally| CountedItem { sku, unit, variance: tally.variance(), in_baskets_now, tally, decision })
    };
    Ok(Json(count.lines.into_iter().filter_map(variance).collect()))
}

/// Decides variances, in a commit.
pub(super) fn decide_now(
    transaction: &mut Transaction<'_>,
    by: super::By,
    id: u64,
    decided: Vec<Decided>,
) -> Result<Booked, Problem> {
    if decided.is_empty() {
        return Err(Refusal::NoLines.into());
    }
    let mut count = read(transaction, id)?;
    let mut lines = Vec::new();
    for decided in &decided {
        lines.extend(count.decide(decided, by.at_ms)?);
    }
    put(transaction, &count)?;
    audit::record(transaction, &by.name, Act::CountDecided { count: id, lines: decided })?;
    let booking =
        Booking { kind: Kind::Count, reference: id.to_string(), by: by.name, at_ms: by.at_ms, lines, settled: false };
    Ok(Booked { movement: book(transaction, booking)? })
}

/// Approve or reject variances
///
/// Each line names the variance that was read; of an item that was counted again since, with another, nothing is decided, nor of the others: read again.
/// What is approved moves as a delta. With its last approval the count is closed. The audit trail has every decision. A correction that would take an
/// item below zero that may not go there is refused: more was sold since than was counted, so count it again.
#[utoipa::path(post, path = "/api/v1/stock/counts/{id}/decisions", tag = "stock", request_body = Decisions,
    params(("id" = u64, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Booked), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn decide(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<u64>,
    command: Command<Decisions>,
) -> Result<Json<Booked>, Problem> {
    command.by_person()?;
    once(&hub, command, move |transaction, by, decisions| decide_now(transaction, by, id, decisions.lines)).await
}

/// Close a count; what is not decided is left as it is
#[utoipa::path(post, path = "/api/v1/stock/counts/{id}/close", tag = "stock", request_body = Nothing,
    params(("id" = u64, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = DocumentOpened), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn close(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<u64>,
    command: Command<Nothing>,
) -> Result<Json<DocumentOpened>, Problem> {
    command.by_person()?;
    once(&hub, command, move |transaction, by, _| {
        let mut count = read(transaction, id)?;
        count.close(by.at_ms)?;
        put(transaction, &count)?;
        Ok(DocumentOpened { id })
    })
    .await
}
