//! A sale as sent to HQ, with its stock movement.

use commerce::{
    BasketId, CardSlip, Goods, Origin, Particulars, Quantity, ReceiptNumber, Regular, Sale, Tender, Totals,
    basket::{Buyer, StoreCoupon},
    gift_card::CardKind,
    pricing::{Adjustment, basket::Granted},
    returns::ReturnTicket,
};
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
pub(super) fn completed(sale: &Sale, moved: Vec<Moved>) -> SaleCompleted {
    let discount = |discount: &commerce::Discount| wire::Discount {
        reason: discount.reason.clone(),
        origin: discount.origin.name().to_owned(),
        amount: discount.amount,
        offer: None,
        offer_version: None,
    };
    let coupon = |coupon: &StoreCoupon| wire::Coupon {
        class: coupon.class.clone(),
        code: coupon.code.clone(),
        uses: coupon.uses,
        per_customer: coupon.per_customer,
    };
    let adjustment = |adjustment: &Adjustment| {
        let (offer, offer_version) = match &adjustment.granted {
            Granted::Offer { offer, version, .. } => (Some(offer.clone()), Some(*version)),
            Granted::MultiPrice | Granted::Person => (None, None),
        };
        wire::Discount {
            reason: adjustment.name.clone(),
            origin: Origin::Promotion.name().to_owned(),
            amount: adjustment.amount,
            offer,
            offer_version,
        }
    };
    let line = |line: &commerce::Line| wire::Line {
        number: line.number,
        sku: line.sku().map(ToString::to_string),
        gtin: line.gtin().map(|gtin| gtin.to_string()),
        on_file: matches!(line.goods, Goods::Item { .. }),
        description: line.description.clone(),
        quantity_milli: if sale.voids.is_some() || line.takes_back() {
            -line.quantity.milli()
        } else {
            line.quantity.milli()
        },
        unit: line.quantity.unit(),
        regular: line.regular,
        keyed_because: match &line.basis {
            Regular::Keyed { reason } => Some(reason.clone()),
            Regular::Catalog { .. } | Regular::Book { .. } => None,
        },
        price_entry: match &line.basis {
            Regular::Book { entry, .. } => Some(entry.clone()),
            Regular::Catalog { .. } | Regular::Keyed { .. } => None,
        },
        discounts: line.adjustments.iter().map(adjustment).chain(line.discounts.iter().map(discount)).collect(),
        net: line.net(),
        charges: line.charges.clone(),
        taxes: line.taxes.clone(),
        returned: line.returned.clone(),
        serial: line.particulars.serial.clone(),
        warranty: line.particulars.warranty,
    };
    let tender = |tender: &Tender| wire::Tender {
        kind: tender.kind().to_owned(),
        amount: tender.amount(),
        reference: match tender {
            Tender::Prepaid { reference, .. } => Some(reference.clone()),
            _ => None,
        },
        card: match tender {
            Tender::Card { slip, .. } => Some(wire::Card {
                payment: slip.payment.to_string(),
                masked_pan: slip.masked_pan.clone(),
                scheme: slip.scheme.clone(),
                identity: slip.identity.clone(),
                reference: slip.reference.clone(),
            }),
            _ => None,
        },
    };
    let totals = sale.totals;
    SaleCompleted {
        sale: sale.id.to_string(),
        returns: sale.returns.iter().map(returned).collect(),
        voids: sale.voids.map(|voided| voided.to_string()),
        reference: sale.reference.clone(),
        register: sale.register.to_string(),
        operator: sale.operator.as_ref().map(ToString::to_string),
        receipt: sale.receipt.0,
        receipt_prefix: sale.receipt_prefix,
        fiscal_year: sale.fiscal_year,
        business_day: sale.business_day.to_string(),
        shift: sale.shift,
        sold_at_ms: sale.sold_at_ms,
        customer: sale.customer.clone(),
        customer_groups: sale.buyer.groups.clone(),
        exemption: sale.buyer.exemption.clone(),
        coupons: sale.buyer.coupons.iter().filter(|coupon| coupon.spent).map(coupon).collect(),
        currency: sale.currency,
        price_book: sale.price_book.clone(),
        lines: sale.lines.iter().map(line).collect(),
        tenders: sale.tenders.iter().map(tender).collect(),
        points: sale.points.clone(),
        totals: wire::Totals {
            regular: totals.regular,
            discount: totals.discount,
            net: totals.net,
            charges: totals.charges,
            added_tax: totals.added_tax,
            cash_rounding: totals.cash_rounding,
            manufacturer_coupon: totals.manufacturer_coupon,
            tendered: totals.tendered,
            change: totals.change,
        },
        movement: sale.movement,
        moved,
    }
}

fn returned(ticket: &ReturnTicket) -> wire::Return {
    wire::Return {
        sale: ticket.sale.clone(),
        lines: ticket.lines.clone(),
        validated: ticket.validated,
        identities: ticket.identities.clone(),
        card: ticket.card.clone(),
        keyed: ticket.keyed,
        refund: ticket.refund,
        decision: ticket.decision.clone(),
        approved_by: ticket.approved_by.as_ref().map(ToString::to_string),
        limits: ticket.limits,
        points: ticket.points.clone(),
    }
}

fn ticket_of(told: &wire::Return) -> ReturnTicket {
    ReturnTicket {
        sale: told.sale.clone(),
        lines: told.lines.clone(),
        validated: told.validated,
        identities: told.identities.clone(),
        card: told.card.clone(),
        keyed: told.keyed,
        refund: told.refund,
        decision: told.decision.clone(),
        approved_by: told.approved_by.as_ref().and_then(|operator| operator.parse().ok()),
        limits: told.limits,
        points: told.points.clone(),
        // Only its own store gives back to the tenders of a sale.
        left: Vec::new(),
    }
}

/// A sale as HQ gets it, without its movement.
#[cfg(test)]
pub(crate) fn told(sale: &Sale) -> SaleCompleted {
    completed(sale, Vec::new())
}

/// A sale of another store, as HQ has it; `None` if this store can't read it.
pub fn sale_of(told: &SaleCompleted) -> Option<Sale> {
    let lines: Option<Vec<_>> = told.lines.iter().map(line_of).collect();
    let tenders: Option<Vec<_>> = told.tenders.iter().map(tender_of).collect();
    let totals = told.totals;
    Some(Sale {
        id: told.sale.parse().ok()?,
        basket: BasketId(0),
        voids: told.voids.as_ref().and_then(|voided| voided.parse().ok()),
        reference: told.reference.clone(),
        register: told.register.parse().ok()?,
        operator: told.operator.as_ref().and_then(|operator| operator.parse().ok()),
        receipt: ReceiptNumber(told.receipt),
        receipt_prefix: told.receipt_prefix,
        fiscal_year: told.fiscal_year,
        business_day: told.business_day.parse().ok()?,
        shift: told.shift,
        sold_at_ms: told.sold_at_ms,
        customer: told.customer.clone(),
        buyer: Buyer { groups: told.customer_groups.clone(), exemption: told.exemption.clone(), ..Buyer::default() },
        currency: told.currency,
        price_book: told.price_book.clone(),
        returns: told.returns.iter().map(ticket_of).collect(),
        lines: lines?,
        loads: Vec::new(),
        points: told.points.clone(),
        tenders: tenders?,
        totals: Totals {
            regular: totals.regular,
            discount: totals.discount,
            net: totals.net,
            charges: totals.charges,
            added_tax: totals.added_tax,
            cash_rounding: totals.cash_rounding,
            manufacturer_coupon: totals.manufacturer_coupon,
            tendered: totals.tendered,
            change: totals.change,
        },
        movement: told.movement,
    })
}

fn line_of(told: &wire::Line) -> Option<commerce::Line> {
    let gtin = told.gtin.as_ref().and_then(|gtin| gtin.parse().ok());
    let sku = told.sku.as_ref().map(|sku| sku.parse()).transpose().ok()?;
    let goods = match (sku, told.on_file) {
        (Some(sku), true) => Goods::Item { sku, gtin },
        (sku, _) => Goods::NotOnFile { sku, gtin },
    };
    let discount = |discount: &wire::Discount| commerce::Discount {
        reason: discount.reason.clone(),
        origin: Origin::Promotion,
        amount: discount.amount,
    };
    Some(commerce::Line {
        number: told.number,
        goods,
        description: told.description.clone(),
        quantity: Quantity::new(told.quantity_milli.saturating_abs(), told.unit).ok()?,
        basis: Regular::Keyed { reason: told.keyed_because.clone().unwrap_or_else(|| "sold in another store".into()) },
        regular: told.regular,
        adjustments: Vec::new(),
        discounts: told.discounts.iter().map(discount).collect(),
        particulars: Particulars { serial: told.serial.clone(), ..Particulars::default() },
        charges: told.charges.clone(),
        taxes: told.taxes.clone(),
        minimum_age: None,
        sold_within: None,
        returned: told.returned.clone(),
        voided: false,
    })
}

fn tender_of(told: &wire::Tender) -> Option<Tender> {
    let amount = told.amount;
    Some(match (&*told.kind, &told.card) {
        ("cash", _) => Tender::Cash { amount },
        ("card", Some(card)) => {
            let mut slip = CardSlip::bare(card.payment.parse().ok()?);
            (slip.masked_pan, slip.scheme) = (card.masked_pan.clone(), card.scheme.clone());
            slip.identity.clone_from(&card.identity);
            Tender::Card { amount, slip }
        }
        ("manufacturer_coupon", _) => Tender::ManufacturerCoupon { amount, code: None },
        ("prepaid", _) => Tender::Prepaid { amount, reference: told.reference.clone().unwrap_or_default() },
        (kind, _) => {
            let all = [CardKind::GiftCard, CardKind::LoyaltyPoints];
            let kind = all.into_iter().find(|known| known.name() == kind).unwrap_or(CardKind::StoreCredit);
            Tender::GiftCard { amount, kind, card: String::new(), movement: 0 }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sale_of_another_store_is_read_as_it_was_sold() {
        let sale: Sale = serde_json::from_str(include_str!("../fixtures/sale.json")).unwrap();
        let told = completed(&sale, Vec::new());
        let read = sale_of(&told).unwrap();
        assert_eq!((read.id, read.totals, read.tenders.len()), (sale.id, sale.totals, sale.tenders.len()));
        for (read, sold) in read.lines.iter().zip(&sale.lines) {
            assert_eq!((read.net(), read.quantity, read.sku()), (sold.net(), sold.quantity, sold.sku()));
        }
        // What it is told again is the same, as far as returns are concerned.
        assert_eq!(completed(&read, Vec::new()).totals, told.totals);
        assert!(sale_of(&SaleCompleted { sale: "not a sale".into(), ..told }).is_none());
    }
}
