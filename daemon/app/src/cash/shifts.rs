//! The commands of shifts.

use commerce::{
    Actor, BusinessDay, Minor, RegisterName, ShiftId, Station, TillName,
    cash::{Count, Kind, Pieces, Refusal as Rule, Shift, ShiftState, Takings},
    operator::Right,
};
use contract::cash::{MOVED, SHIFT_OPENED};
use serde::{Deserialize, Serialize};
use store::{Store, StoreError, Transaction};
use utoipa::ToSchema;

use super::{
    APPROVE, HANDLE, OPEN, REPORT,
    book::{Moment, begin, day_of, finish, is_turned},
    records::{
        AT_REGISTER, DAYS, MOVEMENT, MOVEMENTS, Movement, OF_TILL, SHIFTS, current, free, known, put, undamaged,
        unknown,
    },
    refusals::{REGISTER_HAS_SHIFT, TILL_IN_USE},
};
use crate::{
    By, Refusal,
    audit::{self, Act, ActKind},
    lists,
    operators::{allow, has_operators, require_other},
};

/// A person opened a shift.
#[derive(Serialize)]
pub(super) struct ShiftOpened {
    /// The shift.
    shift: ShiftId,
    /// The till.
    till: TillName,
    /// The cash in it, in minor units.
    float: Minor,
}

impl Act for ShiftOpened {
    const KIND: ActKind = ActKind { name: "shift_opened", doc: "A shift was opened with a float" };
}

/// A shift was joined, suspended, resumed or ended.
#[derive(Serialize)]
pub(super) struct ShiftChanged {
    /// The shift.
    shift: ShiftId,
    /// What was done.
    change: &'static str,
}

impl Act for ShiftChanged {
    const KIND: ActKind =
        ActKind { name: "shift_changed", doc: "A shift was joined, suspended, resumed, or ended without a count" };
}

/// Cash was moved without a sale.
#[derive(Serialize)]
pub(super) struct CashMoved {
    /// The shift.
    shift: ShiftId,
    /// The movement.
    movement: u64,
    /// Its kind.
    kind: Kind,
    /// The amount, in minor units.
    amount: Minor,
}

impl Act for CashMoved {
    const KIND: ActKind =
        ActKind { name: "cash_moved", doc: "Cash was put into a till or taken out of it without a sale" };
}

/// A till was counted.
#[derive(Serialize)]
pub(super) struct ShiftCounted {
    /// The shift.
    shift: ShiftId,
    /// The count, in minor units.
    counted: Minor,
}

impl Act for ShiftCounted {
    const KIND: ActKind = ActKind { name: "shift_counted", doc: "A till was counted" };
}

/// Somebody looked at what an open shift has taken.
#[derive(Serialize)]
pub(super) struct XReportRead {
    /// The shift.
    shift: ShiftId,
}

impl Act for XReportRead {
    const KIND: ActKind = ActKind { name: "x_report_read", doc: "The X report of a shift was read at a register" };
}

/// A shift was closed.
#[derive(Serialize)]
pub(super) struct ShiftClosed {
    /// The shift.
    shift: ShiftId,
    /// What the count exceeds the expected amount by, in minor units; negative if it is short.
    difference: Minor,
    /// Whether the actor approved a difference above the limit.
    approved: bool,
}

impl Act for ShiftClosed {
    const KIND: ActKind = ActKind { name: "shift_closed", doc: "A shift was closed after a count" };
}

/// A request to open a shift.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenShift {
    /// The till; by default the one that is called like the register.
    #[serde(default)]
    pub till: Option<TillName>,
    /// The cash in it, in minor units.
    pub float: Minor,
}

/// A request to move cash.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveCash {
    /// The kind.
    pub kind: Kind,
    /// The amount, in minor units.
    pub amount: Minor,
    /// The reason; `paid_in` and `paid_out` need one.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    pub reason: Option<String>,
}

/// A count of a till.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CountRequest {
    /// The notes and coins, each denomination once; none if the till is empty.
    #[schema(max_items = 40)]
    pub pieces: Vec<Pieces>,
}

/// A request to read an X report.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadXReport {
    /// Whether the receipt printer of the register prints it as well.
    #[serde(default)]
    pub print: bool,
}

/// A shift without amounts, as whoever counts may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShiftStatus {
    /// Its id.
    pub id: ShiftId,
    /// Its number, for lists.
    pub number: u64,
    /// The till.
    pub till: TillName,
    /// The business day.
    pub business_day: BusinessDay,
    /// The state.
    pub state: ShiftState,
    /// When it was opened: milliseconds since 1970, UTC.
    pub opened_at_ms: i64,
    /// Whether a person opened it.
    pub attended: bool,
    /// The registers that use it now.
    pub registers: Vec<RegisterName>,
    /// Whether it is counted, and nothing happened since.
    pub counted: bool,
}

impl From<&Shift> for ShiftStatus {
    fn from(shift: &Shift) -> Self {
        Self {
            id: shift.id,
            number: shift.id.number,
            till: shift.till.clone(),
            business_day: shift.business_day,
            state: shift.state,
            opened_at_ms: shift.opened_at_ms,
            attended: shift.is_attended(),
            registers: shift.registers.iter().cloned().collect(),
            counted: shift.count.is_some(),
        }
    }
}

/// A shift with its sums: an X report while it is not closed, its Z report afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShiftReport {
    /// The shift.
    #[serde(flatten)]
    pub shift: Shift,
    /// The takings of all its registers.
    pub total: Takings,
    /// What should be in the till, in minor units.
    pub expected: Minor,
}

impl From<Shift> for ShiftReport {
    fn from(shift: Shift) -> Self {
        Self { total: shift.total(), expected: shift.expected(), shift }
    }
}

/// Opens a shift at a register, or takes over the one that it sold in without opening it.
///
/// # Errors
/// The register or the till has a shift, or the float is out of range.
pub fn open(
    transaction: &mut Transaction<'_>,
    by: &By,
    moment: &Moment,
    request: OpenShift,
) -> Result<ShiftStatus, Refusal> {
    OPEN.require(&by.actor)?;
    let register = by.register()?.clone();
    let own = current(transaction, &register)?;
    if let Some(shift) = own.as_ref().filter(|shift| shift.is_attended()) {
        return Err(has_shift(&register, shift));
    }
    let own = match own {
        Some(shift) if !is_turned(transaction, &shift, moment.date)? => Some(shift),
        _ => None,
    };
    let mut day = day_of(transaction, moment)?;
    let shift = match own {
        Some(shift) => shift,
        None => begin(transaction, &mut day, &register, moment)?,
    };
    let till = request.till.unwrap_or_else(|| shift.till.clone());
    if let Some(other) = undamaged(transaction.get(&OF_TILL, till.as_str()))? {
        let detail = format!("till {till} has shift {other}, which is not closed; join, resume or close that one");
        return Err(TILL_IN_USE.because(detail).member("shift", other.to_string()));
    }
    let shift = shift.open(till, request.float, by.actor.clone())?;
    day.enter(&shift);
    transaction.put(&OF_TILL, shift.till.as_str(), &shift.id)?;
    transaction.put(&DAYS, day.number, &day)?;
    put(transaction, &shift)?;
    let (stream, kind) = (SHIFT_OPENED.stream().as_str(), SHIFT_OPENED.name());
    transaction.append_to_outbox(stream, kind, by.at_ms, &shift.id.number.to_string())?;
    let act = ShiftOpened { shift: shift.id, till: shift.till.clone(), float: shift.float };
    audit::record(transaction, by, &act)?;
    Ok((&shift).into())
}

fn has_shift(register: &RegisterName, shift: &Shift) -> Refusal {
    let detail =
        format!("register {register} uses shift {} of till {}; suspend, end or close it first", shift.id, shift.till);
    REGISTER_HAS_SHIFT.because(detail).member("shift", shift.id.to_string())
}

/// Frees a register from a shift that nobody opened, so that it can use another one.
fn leave_own(transaction: &mut Transaction<'_>, register: &RegisterName, at_ms: i64) -> Result<(), Refusal> {
    let Some(mut own) = current(transaction, register)? else { return Ok(()) };
    if own.is_attended() {
        return Err(has_shift(register, &own));
    }
    let registers = own.close_unattended(at_ms, Station::Hub.into())?;
    free(transaction, registers);
    Ok(finish(transaction, &own, at_ms)?)
}

/// A register begins to use a shift.
fn enter(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: ShiftId,
    change: &'static str,
    step: impl FnOnce(&mut Shift, RegisterName) -> Result<(), Rule>,
) -> Result<ShiftStatus, Refusal> {
    OPEN.require(&by.actor)?;
    let register = by.register()?.clone();
    let mut shift = known(transaction, id)?;
    if !shift.registers.contains(&register) {
        leave_own(transaction, &register, by.at_ms)?;
    }
    step(&mut shift, register.clone())?;
    transaction.put(&AT_REGISTER, register.as_str(), &id)?;
    put(transaction, &shift)?;
    audit::record(transaction, by, &ShiftChanged { shift: id, change })?;
    Ok((&shift).into())
}

/// A register shares the till of a shift.
///
/// # Errors
/// The register has a shift, or the other one is not open.
pub fn join(transaction: &mut Transaction<'_>, by: &By, id: ShiftId) -> Result<ShiftStatus, Refusal> {
    enter(transaction, by, id, "joined", Shift::join)
}

/// A suspended shift goes on at a register.
///
/// # Errors
/// The register has a shift, or the other one is not suspended.
pub fn resume(transaction: &mut Transaction<'_>, by: &By, id: ShiftId) -> Result<ShiftStatus, Refusal> {
    enter(transaction, by, id, "resumed", Shift::resume)
}

/// A shift that the actor may handle: a person any, a register its own, and any that no register uses.
fn handled(transaction: &Transaction<'_>, by: &By, id: ShiftId) -> Result<Shift, Refusal> {
    HANDLE.require(&by.actor)?;
    let shift = known(transaction, id)?;
    match by.actor.register_name() {
        Some(register) if !shift.registers.is_empty() && !shift.registers.contains(register) => {
            Err(Rule::OtherRegister { shift: id, register: register.clone() }.into())
        }
        _ => Ok(shift),
    }
}

/// Suspends a shift: its registers are free until it is resumed.
///
/// # Errors
/// It is not open, or another register's.
pub fn suspend(transaction: &mut Transaction<'_>, by: &By, id: ShiftId) -> Result<ShiftStatus, Refusal> {
    let mut shift = handled(transaction, by, id)?;
    let registers = shift.suspend()?;
    leave(transaction, by, &shift, registers, "suspended")
}

/// Ends a shift: its registers are free, and its till is counted later.
///
/// # Errors
/// It has ended, or is another register's.
pub fn end(transaction: &mut Transaction<'_>, by: &By, id: ShiftId) -> Result<ShiftStatus, Refusal> {
    let mut shift = handled(transaction, by, id)?;
    let registers = shift.end()?;
    leave(transaction, by, &shift, registers, "ended")
}

fn leave(
    transaction: &mut Transaction<'_>,
    by: &By,
    shift: &Shift,
    registers: impl IntoIterator<Item = RegisterName>,
    change: &'static str,
) -> Result<ShiftStatus, Refusal> {
    free(transaction, registers);
    put(transaction, shift)?;
    audit::record(transaction, by, &ShiftChanged { shift: shift.id, change })?;
    Ok(shift.into())
}

/// Moves cash into a till or out of it.
///
/// # Errors
/// The rules of the shift refuse it.
pub fn move_cash(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: ShiftId,
    request: MoveCash,
) -> Result<Movement, Refusal> {
    let mut shift = handled(transaction, by, id)?;
    allow(transaction, by, Right::MoveCash, 0)?;
    let MoveCash { kind, amount, reason } = request;
    let reason = shift.move_cash(kind, amount, reason)?;
    put(transaction, &shift)?;
    let number = transaction.next_number(MOVEMENT)?;
    let (till, by_whom, at_ms) = (shift.till, by.actor.clone(), by.at_ms);
    let movement = Movement { number, shift: id, till, kind, amount, reason, by: by_whom, at_ms };
    transaction.put(&MOVEMENTS, number, &movement)?;
    transaction.append_to_outbox(MOVED.stream().as_str(), MOVED.name(), at_ms, &number.to_string())?;
    audit::record(transaction, by, &CashMoved { shift: id, movement: number, kind, amount })?;
    Ok(movement)
}

/// Takes a count of a till. The answer does not say what should be in it.
///
/// # Errors
/// The shift is closed, or the count is impossible.
pub fn count(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: ShiftId,
    request: CountRequest,
) -> Result<ShiftStatus, Refusal> {
    let mut shift = handled(transaction, by, id)?;
    let count = Count::of(shift.currency, request.pieces, by.actor.clone(), by.at_ms)?;
    let counted = count.total;
    shift.count(count)?;
    put(transaction, &shift)?;
    audit::record(transaction, by, &ShiftCounted { shift: id, counted })?;
    Ok((&shift).into())
}

/// Closes a counted shift; the answer is its Z report. A difference above `limit` needs `cash.approve`.
///
/// # Errors
/// It is not counted, or the difference needs an approval.
pub fn close(transaction: &mut Transaction<'_>, by: &By, id: ShiftId, limit: Minor) -> Result<ShiftReport, Refusal> {
    let mut shift = handled(transaction, by, id)?;
    let mut approves = APPROVE.is_held_by(&by.actor);
    if !approves && has_operators(transaction)? {
        let off = shift.difference().map_or(0, |difference| difference.get().unsigned_abs());
        if off > limit.get().unsigned_abs() {
            let counted_by = shift.count.as_ref().and_then(|count| count.by.operator.clone());
            require_other(transaction, by, Right::ApproveCount, off, counted_by.as_ref())?;
            approves = true;
        }
    }
    let registers = shift.close(by.at_ms, by.actor.clone(), limit, approves)?;
    free(transaction, registers);
    finish(transaction, &shift, by.at_ms)?;
    let closing = shift.closing.as_ref();
    let act = ShiftClosed {
        shift: id,
        difference: closing.map_or(Minor::ZERO, |closing| closing.difference),
        approved: closing.is_some_and(|closing| closing.approved),
    };
    audit::record(transaction, by, &act)?;
    Ok(shift.into())
}

/// A shift, read in the commit of a command about it.
///
/// # Errors
/// It does not exist, or the store fails.
pub fn shift_at(transaction: &Transaction<'_>, id: ShiftId) -> Result<Shift, Refusal> {
    known(transaction, id)
}

/// The X report of a shift at a register: for an operator whose role allows it, or another operator signs. A register
/// of a store without operators does not know who stands before it, so there only the console tells.
///
/// # Errors
/// It does not exist, it is another register's, or the operator may not see it.
pub fn x_report(transaction: &mut Transaction<'_>, by: &By, id: ShiftId) -> Result<ShiftReport, Refusal> {
    let shift = handled(transaction, by, id)?;
    if !has_operators(transaction)? {
        REPORT.require(&by.actor)?;
    }
    allow(transaction, by, Right::ReadShift, 0)?;
    audit::record(transaction, by, &XReportRead { shift: id })?;
    Ok(shift.into())
}

/// The X or Z report of a shift. Before it is closed, only for whoever may see what should be in the till.
///
/// # Errors
/// It does not exist, or it is not closed and the actor lacks the permission.
pub fn report(store: &Store, actor: &Actor, id: ShiftId) -> Result<ShiftReport, Refusal> {
    let shift = store.get(&SHIFTS, id.number)?.filter(|shift| shift.id == id).ok_or_else(|| unknown(id))?;
    if shift.state != ShiftState::Closed {
        REPORT.require(actor)?;
    }
    Ok(shift.into())
}

/// Shifts, newest first, before a number.
///
/// # Errors
/// The store fails.
pub fn shifts(store: &Store, before: Option<u64>, limit: usize) -> Result<Vec<ShiftStatus>, StoreError> {
    Ok(lists::before(store, &SHIFTS, before, limit)?.iter().map(ShiftStatus::from).collect())
}
