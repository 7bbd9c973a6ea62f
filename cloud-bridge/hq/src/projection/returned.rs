//! Goods that came back: their lines, the tickets with the decisions, and the returns of each identity.
//!
//! A void takes all goods of its sale back, so its lines are among them.

use commerce::returns::{Way, who};
use contract::SaleCompleted;

use super::{
    Projection,
    table::{Effect, Table, TableKind},
    told::{Body, Told, Unusable, key},
};
use crate::database::{statement::statements, values};

statements! {
    /// Adds lines.
    INSERT_LINE = "returned/insert_line" + postgres;
    /// Adds tickets.
    INSERT_TICKET = "returned/insert_ticket" + postgres;
    /// Adds returns of identities.
    INSERT_IDENTITY = "returned/insert_identity" + postgres;
    /// Empties the table.
    CLEAR_LINES = "returned/clear_line";
    /// Empties the table.
    CLEAR_TICKETS = "returned/clear_ticket";
    /// Empties the table.
    CLEAR_IDENTITIES = "returned/clear_identity";
}

static LINE: Table =
    Table { name: "return_line", kind: TableKind::Rows { month: None }, store: &INSERT_LINE, clear: &CLEAR_LINES };
static TICKET: Table = Table {
    name: "return_ticket",
    kind: TableKind::Rows { month: None },
    store: &INSERT_TICKET,
    clear: &CLEAR_TICKETS,
};
static IDENTITY: Table = Table {
    name: "return_identity",
    kind: TableKind::Rows { month: None },
    store: &INSERT_IDENTITY,
    clear: &CLEAR_IDENTITIES,
};

/// What came back.
pub(crate) static PROJECTION: Projection = Projection { tables: &[&LINE, &TICKET, &IDENTITY], effects };

/// The maximum number of identities of a ticket that count.
pub(crate) const MAX_IDENTITIES: usize = 8;

fn effects(told: &Told<'_>) -> Result<Vec<Effect>, Unusable> {
    let Body::Sale(sale) = told.body else { return Ok(Vec::new()) };
    if !told.is_first {
        return Ok(Vec::new());
    }
    let hub = told.stored.hub.as_str();
    let mut effects = lines(hub, sale)?;
    for (place, ticket) in (1_i64..).zip(&sale.returns) {
        let of_hub = ticket.sale.as_ref().map(|sold| sold.store.as_deref().unwrap_or(hub));
        let of_sale = ticket.sale.as_ref().map(|sold| sold.sale.to_string());
        let rules: Vec<_> = ticket.decision.fired.iter().map(|fired| fired.rule.name()).collect();
        let name = |value: Result<serde_json::Value, serde_json::Error>| match value {
            Ok(serde_json::Value::String(name)) => name,
            _ => String::new(),
        };
        effects.push(Effect::row(
            &TICKET,
            values![
                sale.sold_at_ms,
                hub,
                &sale.sale,
                place,
                of_hub,
                of_sale,
                sale.currency.code(),
                ticket.refund.get(),
                name(serde_json::to_value(ticket.validated)),
                name(serde_json::to_value(ticket.decision.outcome)),
                rules.join(" "),
                &sale.register,
                sale.operator.as_deref(),
                ticket.approved_by.as_deref(),
            ],
        ));
        for identity in ticket.identities.iter().take(MAX_IDENTITIES) {
            effects.push(Effect::row(
                &IDENTITY,
                values![
                    key("an identity", identity)?,
                    sale.sold_at_ms,
                    hub,
                    &sale.sale,
                    place,
                    ticket.refund.get(),
                    ticket.sale.is_some(),
                    who(&ticket.identities, ticket.card.as_ref()).map(String::as_str),
                    ticket.card.as_deref(),
                ],
            ));
        }
    }
    Ok(effects)
}

fn lines(hub: &str, sale: &SaleCompleted) -> Result<Vec<Effect>, Unusable> {
    let mut effects = Vec::new();
    for line in &sale.lines {
        let returned = line.returned.as_deref();
        if returned.is_some_and(|returned| returned.way != Way::Back) {
            continue;
        }
        let (of_hub, of_sale, of_line, reason, disposition) = match (returned, &sale.voids) {
            (Some(returned), _) => {
                let of_hub = returned.sale.as_ref().map(|sold| sold.store.as_deref().unwrap_or(hub));
                let of_sale = returned.sale.as_ref().map(|sold| sold.sale.to_string());
                (of_hub, of_sale, returned.line, returned.reason.name(), returned.disposition.name())
            }
            (None, Some(voided)) => (Some(hub), Some(voided.clone()), line.number, "void", "sellable"),
            (None, None) => continue,
        };
        effects.push(Effect::row(
            &LINE,
            values![
                hub,
                key("the sale's id", &sale.sale)?,
                line.number,
                of_hub,
                of_sale,
                of_line,
                line.sku.as_deref(),
                line.quantity_milli.saturating_neg(),
                line.net.get().saturating_neg(),
                reason,
                disposition,
            ],
        ));
    }
    Ok(effects)
}
