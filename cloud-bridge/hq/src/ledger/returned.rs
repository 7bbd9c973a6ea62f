//! Returns over all stores: what hubs ask before they take goods back, and the audit of what they took.
//!
//! A hub that can't ask HQ decides by what it knows. When its events arrive, HQ decides again by everything that it has
//! heard, with the same function ([`commerce::returns::decide`]) and the amounts of the store's policy. What should not
//! have been accepted raises an alarm of the store: goods that came back more often than they were sold, and rules that
//! fire by the history of all stores. Neither order nor delay of the stores' events matters: a sale is compared with
//! its returns whichever comes first.

use std::collections::BTreeMap;

use commerce::{
    Minor,
    loyalty::PointsBack,
    returns::{
        Past, Policies, Rule, SoughtBy, Ticket, TicketLine,
        decide::{SKEW_MS, decide},
        who,
    },
};
use contract::{
    SaleCompleted,
    ask::{CameBack, FoundSale, MAX_BACK, MAX_FOUND, MAX_PAST, ReturnAsked, ReturnKnown},
    sale,
};
use serde::Deserialize;

use super::{
    Ledger,
    alarm::{Alarm, Kind, raise},
};
use crate::{
    customers,
    database::{DatabaseError, Row, Transaction, statement::statements, values},
    gift_cards::{self, Moving},
    projection::{returned::MAX_IDENTITIES, told::Stored},
};

statements! {
    /// The lines of a sale of which more came back than was sold.
    OVER = "returned/over";
    /// The sales among these of which something came back.
    KNOWN = "returned/known" + postgres;
    /// What came back of a sale, by store and line.
    BACK = "returned/back";
    /// The returns of an identity after a moment, newest first.
    HISTORY = "returned/history";
    /// The sales with a reference, newest first.
    BY_REFERENCE = "returned/by_reference";
    /// The sales of a card, newest first.
    BY_CARD = "returned/by_card";
    /// The sales of units with a serial number, newest first.
    BY_SERIAL = "returned/by_serial";
    /// The event of a sale.
    EVENT = "returned/event";
}

/// How far back the history goes: longer than the longest window of a rule.
const HISTORY_MS: i64 = 60 * 24 * 3600 * 1000;

fn bound(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

fn past(row: Row) -> Result<Past, DatabaseError> {
    let (at_ms, hub, sale, refund, receipted, who, card): (i64, String, String, i64, i64, _, _) = row.read()?;
    let refund = Minor::new(refund).unwrap_or_default();
    Ok(Past { at_ms, key: format!("{hub}/{sale}"), refund, receipted: receipted != 0, who, card })
}

/// The part of a sale that is read of every one.
#[derive(Deserialize)]
struct Named {
    sale: String,
}

/// Compares fresh events with everything that HQ has heard, in the transaction that stores them.
pub(super) async fn heard(transaction: &mut Transaction, events: &[Stored], now_ms: i64) -> Result<(), DatabaseError> {
    let mut named = BTreeMap::new();
    let mut wanted = Vec::new();
    for stored in events.iter().filter(|stored| sale::COMPLETED.is(&stored.event)) {
        let text = stored.event.body.get();
        let Ok(Named { sale }) = serde_json::from_str(text) else { continue };
        wanted.push(values![stored.hub.as_str(), &sale]);
        named.insert((stored.hub.to_string(), sale), stored);
        // Most sales are neither returns nor voids, and need not be read again.
        if !text.contains("\"returns\"") && !text.contains("\"voids\"") {
            continue;
        }
        let Ok(body) = sale::COMPLETED.read(&stored.event) else { continue };
        let hub = stored.hub.as_str();
        if let Some(voided) = &body.voids {
            over(transaction, stored, hub, voided, now_ms).await?;
        }
        for ticket in &body.returns {
            if let Some(sold) = &ticket.sale {
                let store = sold.store.as_deref().unwrap_or(hub);
                over(transaction, stored, store, &sold.sale.to_string(), now_ms).await?;
            }
            audit(transaction, stored, &body, ticket, now_ms).await?;
            if let Some(points) = ticket.points.as_ref().filter(|points| points.short().is_positive()) {
                take_points(transaction, stored, &body, points, now_ms).await?;
            }
        }
    }
    // Sales that arrive after their returns.
    for row in transaction.query_many(&KNOWN, wanted).await? {
        let (store, sale): (String, String) = row.read()?;
        if let Some(stored) = named.get(&(store.clone(), sale.clone())) {
            over(transaction, stored, &store, &sale, now_ms).await?;
        }
    }
    Ok(())
}

/// Raises an alarm of the store whose event it is, if more came back of a sale than was sold.
async fn over(
    transaction: &mut Transaction,
    stored: &Stored,
    store: &str,
    sale: &str,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    for row in transaction.query(&OVER, values![store, sale]).await? {
        let (line, back, sold): (i64, i64, i64) = row.read()?;
        let what = format!("{back} thousandths came back of {sold} that were sold");
        let subject = format!("line {line} of sale {store}/{sale}");
        raise(transaction, &Alarm::new(&stored.hub, Kind::OverReturned, subject, what, now_ms)).await?;
    }
    Ok(())
}

/// Takes the points back that the store did not hold, and raises an alarm for those that are spent, or that another
/// store holds.
async fn take_points(
    transaction: &mut Transaction,
    stored: &Stored,
    sale: &SaleCompleted,
    points: &PointsBack,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let Ok(customer) = points.customer.parse() else { return Ok(()) };
    // Of an erased customer nothing is left to take.
    let Some(profile) = customers::stored(transaction, &customer).await? else { return Ok(()) };
    let short = points.short().get();
    let taken = match &profile.points {
        Some(account) => {
            let moving = Moving { amount: short, reference: sale.sale.clone(), by: stored.hub.to_string() };
            gift_cards::take_back(transaction, account, moving, now_ms).await?
        }
        None => 0,
    };
    if taken < short {
        let subject = format!("points of return {}", sale.sale);
        let what = format!(
            "{} minor units of points of customer {customer} could not be taken back: they are spent, or another store \
             holds them",
            short - taken
        );
        raise(transaction, &Alarm::new(&stored.hub, Kind::PointsShort, subject, what, now_ms)).await?;
    }
    Ok(())
}

/// Decides on a ticket again by the history of all stores, and raises an alarm for rules that the store did not know
/// of.
async fn audit(
    transaction: &mut Transaction,
    stored: &Stored,
    sale: &SaleCompleted,
    ticket: &sale::Return,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let own = format!("{}/{}", stored.hub, sale.sale);
    let mut history = Vec::new();
    for identity in ticket.identities.iter().take(MAX_IDENTITIES) {
        let since_ms = sale.sold_at_ms.saturating_sub(HISTORY_MS);
        let rows = transaction.query(&HISTORY, values![identity, since_ms, bound(MAX_PAST)]).await?;
        history.extend(rows.into_iter().map(past).collect::<Result<Vec<_>, _>>()?);
    }
    // What happened after it says nothing of it, except within what clocks may differ.
    history.retain(|past| past.key != own && past.at_ms <= sale.sold_at_ms.saturating_add(SKEW_MS));
    let Ok(today) = sale.business_day.parse() else { return Ok(()) };
    let asked = Ticket {
        at_ms: sale.sold_at_ms,
        today,
        sold: None,
        validated: ticket.validated,
        other_store: ticket.sale.as_ref().is_some_and(|sold| sold.store.is_some()),
        paid_by_card: false,
        groups: sale.customer_groups.clone(),
        who: who(&ticket.identities, ticket.card.as_ref()).cloned(),
        card: ticket.card.clone(),
        refused_before: 0,
        lines: vec![TicketLine { department: String::new(), refund: ticket.refund, serial_fault: None }],
    };
    let velocity = [Rule::BlindCount, Rule::BlindValue, Rule::HighValue, Rule::SharedCard];
    let known: Vec<Rule> = ticket.decision.fired.iter().map(|fired| fired.rule).collect();
    let policies = ticket.limits.map_or_else(Policies::default, Policies::with_limits);
    for fired in decide(&policies, &asked, &history).fired {
        if velocity.contains(&fired.rule) && !known.contains(&fired.rule) {
            let subject = format!("{} of return {}", fired.rule.name(), sale.sale);
            raise(transaction, &Alarm::new(&stored.hub, Kind::ReturnRule, subject, fired.why, now_ms)).await?;
        }
    }
    Ok(())
}

impl Ledger {
    /// The sales that are looked for without a receipt, newest first.
    ///
    /// # Errors
    /// The database fails.
    pub(super) async fn find_sales(&self, sought: &SoughtBy) -> Result<Vec<FoundSale>, DatabaseError> {
        let (statement, value) = match sought {
            SoughtBy::Order(order) => (&BY_REFERENCE, order),
            SoughtBy::Card(card) => (&BY_CARD, card),
            SoughtBy::Serial(serial) => (&BY_SERIAL, serial),
            SoughtBy::Customer(customer) => {
                let Ok(customer) = customer.parse() else { return Ok(Vec::new()) };
                let sales = customers::sales_of(self.database(), &customer, MAX_FOUND).await?;
                return Ok(sales.iter().filter_map(|(hub, sale)| FoundSale::of(&hub.parse().ok()?, sale)).collect());
            }
        };
        let rows = self.database().read(statement, values![value, bound(MAX_FOUND)]).await?;
        let mut found = Vec::new();
        for row in rows {
            let (hub, body): (String, String) = row.read()?;
            if let (Ok(hub), Ok(sale)) = (hub.parse(), serde_json::from_str::<SaleCompleted>(&body)) {
                // A sale without a reference is stored under its id.
                let is_named = !matches!(sought, SoughtBy::Order(_)) || sale.reference.as_ref() == Some(value);
                found.extend(FoundSale::of(&hub, &sale).filter(|_| is_named));
            }
        }
        Ok(found)
    }

    /// What HQ knows about goods that come back.
    ///
    /// # Errors
    /// The database fails.
    pub(super) async fn known_of_return(&self, asked: &ReturnAsked, now_ms: i64) -> Result<ReturnKnown, DatabaseError> {
        let mut known = ReturnKnown::default();
        if let Some(of) = &asked.sale {
            let rows = self.database().read(&EVENT, values![of.store.as_str(), &of.sale]).await?;
            let bodies = rows.into_iter().map(|row| row.read().map(|(body,): (String,)| body));
            known.sale = bodies.collect::<Result<Vec<_>, _>>()?.pop().and_then(|body| serde_json::from_str(&body).ok());
            let rows = self.database().read(&BACK, values![of.store.as_str(), &of.sale, bound(MAX_BACK)]).await?;
            for row in rows {
                let (store, line, milli): (String, u64, i64) = row.read()?;
                if let (Ok(store), Ok(line)) = (store.parse(), u32::try_from(line)) {
                    known.back.push(CameBack { store, line, milli });
                }
            }
        }
        for identity in &asked.identities {
            let parameters = values![identity, now_ms - HISTORY_MS, bound(MAX_PAST)];
            let rows = self.database().read(&HISTORY, parameters).await?;
            known.history.extend(rows.into_iter().map(past).collect::<Result<Vec<_>, _>>()?);
        }
        known.history.sort_by(|one, other| other.cmp(one));
        known.history.dedup_by(|one, other| one.key == other.key);
        known.history.truncate(MAX_PAST);
        Ok(known)
    }
}

#[cfg(test)]
pub(super) mod tests;
