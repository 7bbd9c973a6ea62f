//! A sale as sent to HQ, with its stock movement.

use commerce::{Goods, Regular, Sale, Tender};
use contract::{
    SaleCompleted,
    sale::{self as wire, COMPLETED},
    stock::Moved,
};
use serde_json::value::RawValue;
use store::{Store, StoreError, outbox::Entry};

use super::records::sale_at;
use crate::{outgoing, stock};

/// The body of a sale's event.
pub(super) fn body(store: &Store, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
    let sale = sale_at(store, entry.sequence)?.ok_or_else(|| outgoing::missing("sale", entry))?;
    let moved = match sale.movement {
        Some(number) => stock::moved(store, number)?.ok_or_else(|| outgoing::missing("movement", entry))?.lines,
        None => Vec::new(),
    };
    outgoing::written(&COMPLETED, &completed(&sale, moved), entry)
}

/// The event of a sale.
fn completed(sale: &Sale, moved: Vec<Moved>) -> SaleCompleted {
    let line = |line: &commerce::Line| wire::Line {
        number: line.number,
        sku: line.sku().map(ToString::to_string),
        gtin: match &line.goods {
            Goods::Item { gtin, .. } => gtin.map(|gtin| gtin.to_string()),
            Goods::NotOnFile { .. } => None,
        },
        on_file: matches!(line.goods, Goods::Item { .. }),
        description: line.description.clone(),
        quantity_milli: line.quantity.milli(),
        unit: line.quantity.unit(),
        regular: line.regular,
        keyed_because: match &line.basis {
            Regular::Keyed { reason } => Some(reason.clone()),
            Regular::Catalog { .. } => None,
        },
        discounts: (line.discounts.iter())
            .map(|discount| wire::Discount {
                reason: discount.reason.clone(),
                origin: discount.origin.name().to_owned(),
                amount: discount.amount,
            })
            .collect(),
        net: line.net(),
    };
    let tender = |tender: &Tender| wire::Tender {
        kind: tender.kind().to_owned(),
        amount: tender.amount(),
        card: match tender {
            Tender::Card { slip, .. } => Some(wire::Card {
                payment: slip.payment.to_string(),
                masked_pan: slip.masked_pan.clone(),
                scheme: slip.scheme.clone(),
                reference: slip.reference.clone(),
            }),
            _ => None,
        },
    };
    let totals = sale.totals;
    SaleCompleted {
        sale: sale.id.to_string(),
        reference: sale.reference.clone(),
        register: sale.register.to_string(),
        operator: sale.operator.as_ref().map(ToString::to_string),
        receipt: sale.receipt.0,
        fiscal_year: sale.fiscal_year,
        business_day: sale.business_day.to_string(),
        sold_at_ms: sale.sold_at_ms,
        customer: sale.customer.clone(),
        currency: sale.currency,
        lines: sale.lines.iter().map(line).collect(),
        tenders: sale.tenders.iter().map(tender).collect(),
        totals: wire::Totals {
            regular: totals.regular,
            discount: totals.discount,
            net: totals.net,
            manufacturer_coupon: totals.manufacturer_coupon,
            tendered: totals.tendered,
            change: totals.change,
        },
        movement: sale.movement,
        moved,
    }
}
