//! Opens a return: checks what is left, decides, and makes the lines of the basket.

use commerce::{
    Basket, BusinessDay, Line, Minor, Quantity, Sale, Tender,
    line::checked_text,
    loyalty::{PointsBack, points_back},
    operator::Right,
    returns::{
        Back, Decision, Disposition, NotReturnable, Outcome, Past, Policies, ReturnTicket, SoldIn, Ticket, TicketLine,
        Validated, Way,
        decide::decide,
        keep::{self, BrokenOffer},
        plan::left_of,
        share::{self, Brought},
    },
    serial::SerialNumber,
};
use serde::{Deserialize, Serialize};
use store::Transaction;
use utoipa::ToSchema;

use super::{
    NOT_RETURNABLE, RETURN_REFUSED, TAKE_BACK,
    records::{OfSale, history, of_sale_in, put_of_sale, refused_before},
};
use crate::{
    By, Refusal,
    audit::{self, Act, ActKind},
    catalog::Catalog,
    operators::allow,
    pricing::Pricing,
    refusal::BAD_REQUEST,
    serials,
};

/// The maximum number of lines of a ticket.
const MAX_TICKET_LINES: usize = 200;

/// Goods of a line that come back.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnLine {
    /// The line of the sale.
    pub line: u32,
    /// How much of it; default all that is left.
    #[serde(default)]
    pub quantity: Option<Quantity>,
    /// Why.
    pub reason: commerce::returns::Reason,
    /// Where the goods go; default sellable. The policy of their department may say otherwise.
    #[serde(default)]
    pub disposition: Option<Disposition>,
    /// The serial number on the goods, if they have one.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 20)]
    pub serial: Option<SerialNumber>,
}

/// A return to open, with its identities hashed.
#[derive(Clone, Debug)]
pub struct ReturnRequest {
    /// The lines.
    pub lines: Vec<ReturnLine>,
    /// The hashes of what identifies the customer.
    pub identities: Vec<String>,
    /// The hash of the card that paid.
    pub card: Option<String>,
    /// Whether the receipt's number was keyed.
    pub keyed: bool,
    /// Why a rule is overridden.
    pub override_reason: Option<String>,
}

/// What HQ knows of other stores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// What other stores took back: the line and thousandths.
    pub back: Vec<(u32, i64)>,
    /// The past returns of the customer.
    pub history: Vec<Past>,
}

/// What a return needs besides the request.
#[derive(Clone, Copy)]
pub struct Returning<'a> {
    /// The policies.
    pub policies: &'a Policies,
    /// The catalog, for the departments.
    pub catalog: &'a Catalog,
    /// The date by the store's calendar.
    pub today: BusinessDay,
    /// How the receipt was verified.
    pub validated: Validated,
    /// What HQ knows.
    pub elsewhere: &'a Elsewhere,
    /// The prices at the moment of the sale, to price what is kept.
    pub pricing: Option<&'a Pricing>,
    /// The store of the sale, if it is another one.
    pub store: Option<&'a str>,
}

/// A rule was overridden.
#[derive(Serialize)]
pub(super) struct ReturnOverridden<'a> {
    /// The sale of the goods.
    #[serde(skip_serializing_if = "Option::is_none")]
    sale: Option<&'a SoldIn>,
    /// The rules.
    rules: Vec<&'static str>,
    /// The amount.
    amount: Minor,
    /// The reason.
    reason: &'a str,
}

impl Act for ReturnOverridden<'_> {
    const KIND: ActKind =
        ActKind { name: "return_overridden", doc: "Goods were taken back although a rule was against it" };
}

impl From<NotReturnable> for Refusal {
    fn from(why: NotReturnable) -> Self {
        NOT_RETURNABLE.because(why.to_string())
    }
}

/// Takes goods of a sale back: adds their lines and the ticket to the basket.
///
/// # Errors
/// Less is left, a rule refuses it, or the operator's role does not allow it.
pub(crate) fn open(
    transaction: &mut Transaction<'_>,
    by: &By,
    basket: &mut Basket,
    sale: &Sale,
    context: Returning<'_>,
    request: &ReturnRequest,
) -> Result<(), Refusal> {
    TAKE_BACK.require(&by.actor)?;
    if request.lines.is_empty() || request.lines.len() > MAX_TICKET_LINES {
        return Err(BAD_REQUEST.because(format!("`lines`: expected 1 to {MAX_TICKET_LINES} lines")));
    }
    if sale.currency != basket.currency {
        let (sold, here) = (sale.currency.code(), basket.currency.code());
        return Err(NOT_RETURNABLE.because(format!("sale {} is in {sold}, and this store sells in {here}", sale.id)));
    }
    let sold = SoldIn { store: context.store.map(str::to_owned), sale: sale.id };
    let key = sold.key();
    let mut of = of_sale_in(transaction, &key)?;
    let (mut lines, mut ticket_lines, mut points) = (Vec::new(), Vec::new(), 0_u32);
    for asked in &request.lines {
        let back = back_of(&of, context.elsewhere, asked.line);
        let line = share::returnable(sale, asked.line)?;
        let quantity = match asked.quantity {
            Some(quantity) => quantity,
            // Of a line that came back as a whole, all of it is refused below as too much.
            None => match line.quantity.milli() - back.milli {
                left @ 1.. => {
                    Quantity::new(left, line.quantity.unit()).map_err(|error| BAD_REQUEST.because(error.to_string()))?
                }
                _ => line.quantity,
            },
        };
        let department = department(context.catalog, line);
        let disposition = context.policies.disposition(&department, asked.disposition.unwrap_or(Disposition::Sellable));
        let brought = Brought { line: asked.line, quantity, reason: asked.reason, disposition };
        let number = basket.next_line() + count(&lines);
        let mut taken = share::take_back(sale, context.store, brought, back, number)?;
        let mut refund = -share::paid(&taken);
        if let Some(serial) = &asked.serial {
            taken.particulars.serial = Some(serial.clone().into());
        }
        lines.push(taken);
        points = points.saturating_add(points_back(sale, asked.line, back.milli, quantity.milli()));
        let charged = share::recharge_back(back, line.quantity.milli(), quantity.milli());
        let entry = of.lines.entry(asked.line).or_default();
        entry.milli += quantity.milli();
        if charged.is_positive() {
            entry.recharge_back = entry.recharge_back + charged;
            lines.extend(keep::give_charge_back(sale, asked.line, charged, number + 1));
            refund = refund + charged;
        }
        let own = context.store.is_none().then_some(sale.id);
        let serial_fault = serials::fault_of_return(transaction, line, asked.serial.as_ref(), own)?;
        ticket_lines.push(TicketLine { department, refund, serial_fault });
    }
    lines.extend(kept(sale, context, &mut of, basket.next_line() + count(&lines)));
    let refund = -lines.iter().map(share::paid).sum::<Minor>();
    let given = |to: &commerce::returns::RefundTo| of.given.get(&to.key()).copied().unwrap_or_default();
    let left = left_of(sale, context.store.is_none(), given);
    let asked = Ticket {
        at_ms: by.at_ms,
        today: context.today,
        sold: Some((sale.business_day, sale.sold_at_ms)),
        validated: context.validated,
        other_store: context.store.is_some(),
        paid_by_card: sale.tenders.iter().any(|tender| matches!(tender, Tender::Card { .. }))
            && !sale.tenders.iter().any(|tender| matches!(tender, Tender::Cash { .. })),
        groups: sale.buyer.groups.clone(),
        who: request.identities.first().cloned(),
        card: request.card.clone(),
        refused_before: refused_before(transaction, basket.id, Some(&sold), &identities(request), by.at_ms)?,
        lines: ticket_lines,
    };
    of.at_ms = by.at_ms;
    put_of_sale(transaction, &key, &of)?;
    let ticket = ReturnTicket {
        sale: Some(sold),
        lines: lines.iter().map(|line| line.number).collect(),
        validated: context.validated,
        identities: identities(request),
        card: request.card.clone(),
        keyed: request.keyed,
        refund,
        decision: decided(transaction, context, &asked, request)?,
        approved_by: None,
        limits: Some(context.policies.limits()),
        points: points_of(sale, points),
        left,
    };
    admit(transaction, by, basket, lines, ticket, request.override_reason.as_deref())
}

/// Takes goods back without a receipt, at the price at which they are sold now.
///
/// # Errors
/// A rule refuses it, or the operator's role does not allow it.
pub fn without_receipt(
    transaction: &mut Transaction<'_>,
    by: &By,
    basket: &mut Basket,
    (now, brought): (&Line, Brought),
    context: Returning<'_>,
    request: &ReturnRequest,
) -> Result<(), Refusal> {
    TAKE_BACK.require(&by.actor)?;
    let department = department(context.catalog, now);
    let disposition = context.policies.disposition(&department, brought.disposition);
    let line = share::take_back_blind(now, Brought { disposition, ..brought }, basket.next_line());
    let refund = -share::paid(&line);
    let serial_fault = serials::fault_without_receipt(transaction, now)?;
    let asked = Ticket {
        at_ms: by.at_ms,
        today: context.today,
        sold: None,
        validated: Validated::NoReceipt,
        other_store: false,
        paid_by_card: false,
        groups: Vec::new(),
        who: request.identities.first().cloned(),
        card: None,
        refused_before: refused_before(transaction, basket.id, None, &identities(request), by.at_ms)?,
        lines: vec![TicketLine { department, refund, serial_fault }],
    };
    let ticket = ReturnTicket {
        sale: None,
        lines: vec![line.number],
        validated: Validated::NoReceipt,
        identities: identities(request),
        card: None,
        keyed: false,
        refund,
        decision: decided(transaction, context, &asked, request)?,
        approved_by: None,
        limits: Some(context.policies.limits()),
        points: None,
        left: Vec::new(),
    };
    admit(transaction, by, basket, vec![line], ticket, request.override_reason.as_deref())
}

/// The points that a ticket takes back.
fn points_of(sale: &Sale, points: u32) -> Option<PointsBack> {
    let (earned, customer) = (sale.points.as_ref()?, sale.customer.clone()?);
    let each = earned.amount.get() / i64::from(earned.points.max(1));
    let amount = Minor::new(each.saturating_mul(i64::from(points)))?;
    (points > 0).then_some(PointsBack { customer, points, amount, taken: Minor::ZERO })
}

fn count(lines: &[Line]) -> u32 {
    u32::try_from(lines.len()).unwrap_or(u32::MAX)
}

/// What came back of a line, here and elsewhere.
pub(crate) fn back_of(of: &OfSale, elsewhere: &Elsewhere, line: u32) -> Back {
    let mut back = of.lines.get(&line).copied().unwrap_or_default();
    let others = elsewhere.back.iter().filter(|(of, _)| *of == line).map(|(_, milli)| (*milli).max(0));
    back.milli = others.fold(back.milli, i64::saturating_add);
    back
}

/// The lines that charge for what is kept, if the policy prices it again and the book is still the sale's.
fn kept(sale: &Sale, context: Returning<'_>, of: &mut OfSale, number: u32) -> Vec<Line> {
    let Some(pricing) = context.pricing.filter(|_| context.policies.broken_offer == BrokenOffer::RepriceKept) else {
        return Vec::new();
    };
    if sale.price_book.as_deref() != Some(pricing.book.version()) || context.store.is_some() {
        return Vec::new();
    }
    let after = |line: u32| back_of(of, context.elsewhere, line);
    let lines = keep::recharge(sale, &pricing.book, pricing.moment, after, number);
    for line in &lines {
        if let Some(returned) = &line.returned {
            let back = of.lines.entry(returned.line).or_default();
            back.recharged = back.recharged + line.net();
        }
    }
    lines
}

fn department(catalog: &Catalog, line: &Line) -> String {
    line.sku().and_then(|sku| catalog.sku(sku)).map(|item| item.department.to_string()).unwrap_or_default()
}

fn identities(request: &ReturnRequest) -> Vec<String> {
    request.identities.iter().chain(&request.card).cloned().collect()
}

fn decided(
    transaction: &Transaction<'_>,
    context: Returning<'_>,
    asked: &Ticket,
    request: &ReturnRequest,
) -> Result<Decision, Refusal> {
    let mut past = history(transaction, &identities(request))?;
    past.extend(context.elsewhere.history.iter().cloned());
    Ok(decide(context.policies, asked, &past))
}

/// Requires the agreement that the decision and the operator's role ask for, and adds the return to the basket.
fn admit(
    transaction: &mut Transaction<'_>,
    by: &By,
    basket: &mut Basket,
    lines: Vec<Line>,
    mut ticket: ReturnTicket,
    override_reason: Option<&str>,
) -> Result<(), Refusal> {
    let amount = ticket.refund.get().max(0).unsigned_abs();
    let Decision { outcome, fired, .. } = &ticket.decision;
    let rules: Vec<&str> = fired.iter().map(|fired| fired.rule.name()).collect();
    match (outcome, override_reason) {
        (Outcome::Authorize, _) => {
            ticket.approved_by = allow(transaction, by, Right::Return, amount)?;
        }
        (Outcome::AuthorizeWithOverride | Outcome::DenyOverrideable, Some(reason)) => {
            let reason = checked_text("override_reason", reason.to_owned())?;
            let signer = allow(transaction, by, Right::OverrideReturn, amount)?;
            ticket.approved_by = signer.or_else(|| by.actor.operator.clone());
            let rules = fired.iter().map(|fired| fired.rule.name()).collect();
            let act = ReturnOverridden { sale: ticket.sale.as_ref(), rules, amount: ticket.refund, reason: &reason };
            audit::record(transaction, by, &act)?;
        }
        (outcome, _) => {
            let whys: Vec<&str> = fired.iter().map(|fired| fired.why.as_str()).collect();
            let what = if *outcome == Outcome::Deny { "" } else { "; send `override_reason` to override it" };
            let outcome = serde_json::to_value(outcome).unwrap_or_default();
            let refused = RETURN_REFUSED.because(format!("{}{what}", whys.join("; ")));
            return Err(refused.member("outcome", outcome).member("rules", rules).member("refund", amount));
        }
    }
    Ok(basket.add_returns(lines, ticket)?)
}

/// Releases the goods of a return whose lines are voided, or whose basket is abandoned.
pub(crate) fn release(transaction: &mut Transaction<'_>, ticket: &ReturnTicket, lines: &[Line]) -> Result<(), Refusal> {
    let Some(sold) = &ticket.sale else { return Ok(()) };
    let key = sold.key();
    let mut of = of_sale_in(transaction, &key)?;
    for line in lines.iter().filter(|line| ticket.lines.contains(&line.number)) {
        let Some(returned) = &line.returned else { continue };
        let back = of.lines.entry(returned.line).or_default();
        match (returned.way, line.net().is_negative()) {
            (Way::Exchange, _) => {}
            (Way::Back, _) => back.milli = (back.milli - line.quantity.milli()).max(0),
            (Way::Recharge, true) => back.recharge_back = back.recharge_back + line.net(),
            (Way::Recharge, false) => back.recharged = back.recharged - line.net(),
        }
    }
    Ok(put_of_sale(transaction, &key, &of)?)
}
