//! What follows from a completed return, in its commit.

use std::collections::BTreeMap;

use commerce::{
    Actor, Minor, Sale, Station,
    returns::{Past, RefundStep, RefundTo, ReturnTicket, StepState, decide::shift_alerts, who},
};
use serde::Serialize;
use store::{StoreError, Transaction};

use super::records::{count, of_sale_in, put_of_sale, remember};
use crate::{
    By,
    audit::{self, Act, ActKind},
};

/// Goods were taken back.
#[derive(Serialize)]
pub(super) struct GoodsReturned<'a> {
    /// The sale with the opposite amounts.
    sale: String,
    /// The sale of the goods, such as `1-7` or `store-2/1-7`; absent without a receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<String>,
    /// The amount.
    refund: Minor,
    /// The rules that fired.
    rules: Vec<&'static str>,
    /// Where the money went: the tender and the amount.
    given: BTreeMap<String, Minor>,
    /// The steps that failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed: Vec<&'a RefundStep>,
}

impl Act for GoodsReturned<'_> {
    const KIND: ActKind = ActKind { name: "goods_returned", doc: "Goods were taken back" };
}

/// A shift has unusual returns.
#[derive(Serialize)]
pub(super) struct ReturnAlert {
    /// What is unusual.
    alert: &'static str,
    /// The shift.
    shift: String,
    /// The number of its returns.
    returns: u64,
    /// How many of their receipts were keyed.
    keyed: u64,
}

impl Act for ReturnAlert {
    const KIND: ActKind =
        ActKind { name: "return_alert", doc: "An operator's shift has unusually many returns or keyed receipts" };
}

/// Records the returns of a completed sale: what was given back, the history of the customers, the operator's shift.
/// `steps` are those of its refund.
pub(crate) fn taken(transaction: &mut Transaction<'_>, sale: &Sale, steps: &[RefundStep]) -> Result<(), StoreError> {
    let station = Station::Register(sale.register.clone());
    let by = By { actor: Actor { station, operator: sale.operator.clone() }, at_ms: sale.sold_at_ms };
    for ticket in &sale.returns {
        let given = given(ticket, steps);
        if let Some(sold) = &ticket.sale {
            let key = sold.key();
            let mut of = of_sale_in(transaction, &key)?;
            for (to, amount) in &given {
                let sum = of.given.entry(to.clone()).or_default();
                *sum = *sum + *amount;
            }
            of.sales.push(sale.id);
            of.at_ms = sale.sold_at_ms;
            put_of_sale(transaction, &key, &of)?;
        }
        let past = Past {
            at_ms: sale.sold_at_ms,
            key: sale.id.to_string(),
            refund: ticket.refund,
            receipted: ticket.sale.is_some(),
            who: who(&ticket.identities, ticket.card.as_ref()).cloned(),
            card: ticket.card.clone(),
        };
        remember(transaction, &ticket.identities, &past)?;
        let act = GoodsReturned {
            sale: sale.id.to_string(),
            of: ticket.sale.as_ref().map(commerce::returns::SoldIn::key),
            refund: ticket.refund,
            rules: ticket.decision.fired.iter().map(|fired| fired.rule.name()).collect(),
            given,
            failed: steps.iter().filter(|step| matches!(step.status, StepState::Failed { .. })).collect(),
        };
        audit::record(transaction, &by, &act)?;
        if let Some(shift) = sale.shift {
            let operator = sale.operator.as_ref().map_or_else(|| sale.register.as_str(), |operator| operator.as_str());
            let (own, others) = count(transaction, (shift, operator), ticket.keyed, sale.sold_at_ms)?;
            // Once, when the limit is reached.
            if let Some(alert) = shift_alerts(own, others).first().filter(|_| own.count == 5 || own.keyed == 4) {
                let (alert, shift) = (alert.name(), shift.to_string());
                let act = ReturnAlert { alert, shift, returns: own.count, keyed: own.keyed };
                audit::record(transaction, &by, &act)?;
            }
        }
    }
    Ok(())
}

/// What a ticket gave back to each tender: the steps that are done, as far as they are of its sale's tenders.
fn given(ticket: &ReturnTicket, steps: &[RefundStep]) -> BTreeMap<String, Minor> {
    let mut rest = ticket.refund;
    let mut given = BTreeMap::new();
    let is_own = |to: &RefundTo| {
        matches!(to, RefundTo::Cash | RefundTo::StoreCredit) || ticket.left.iter().any(|left| left.to == *to)
    };
    for step in steps.iter().filter(|step| step.status == StepState::Done && is_own(&step.refund)) {
        let amount = step.amount.min(rest).max(Minor::ZERO);
        rest = rest - amount;
        if amount.is_positive() {
            let sum: &mut Minor = given.entry(step.refund.key()).or_default();
            *sum = *sum + amount;
        }
    }
    given
}
