//! The contents of a sale's receipt, made from stored records only, so that a copy is identical except for its mark.

use app::payments;
use commerce::{Line, Regular, Sale, Tender, Unit};
use drivers::receipt_printer::{Align, Block, Document, layout};
use store::StoreError;

use crate::hub::Hub;

/// Columns of a receipt as text, if no printer determines them.
const COLUMNS: u8 = 42;

/// The document to print; `copy` is the number of a copy.
///
/// # Errors
/// The store fails.
pub(crate) fn document(hub: &Hub, sale: &Sale, copy: Option<u64>) -> Result<Document, StoreError> {
    let money = |amount: commerce::Minor| amount.display(sale.currency).to_string();
    let mut blocks = vec![
        Block::Heading { text: hub.config.store.name.clone() },
        Block::Text { text: hub.calendar.local_time(sale.sold_at_ms), align: Align::Centre, bold: false },
        Block::Columns { left: format!("Receipt {}", sale.receipt), right: sale.register.to_string(), bold: false },
    ];
    if let Some(number) = copy {
        blocks.push(Block::Text { text: format!("COPY {number}"), align: Align::Centre, bold: true });
    }
    blocks.push(Block::Rule);
    for line in &sale.lines {
        blocks.push(Block::Columns { left: line.description.clone(), right: money(line.regular), bold: false });
        if let Some(quantity) = quantity(line, sale) {
            blocks.push(Block::Text { text: quantity, align: Align::Left, bold: false });
        }
        for discount in &line.discounts {
            blocks.push(Block::Columns {
                left: format!("  {}", discount.reason),
                right: format!("-{}", money(discount.amount)),
                bold: false,
            });
        }
    }
    blocks.push(Block::Rule);
    if sale.totals.discount.is_positive() {
        blocks.push(Block::Columns { left: "Before discounts".into(), right: money(sale.totals.regular), bold: false });
        blocks.push(Block::Columns { left: "You saved".into(), right: money(sale.totals.discount), bold: false });
    }
    blocks.push(Block::Columns {
        left: "TOTAL".into(),
        right: format!("{} {}", sale.currency.code(), money(sale.totals.net)),
        bold: true,
    });
    for tender in &sale.tenders {
        let left = match tender {
            Tender::Cash { .. } => "Cash".to_owned(),
            Tender::Card { slip, .. } => slip.scheme.clone().unwrap_or_else(|| "Card".into()),
            Tender::ManufacturerCoupon { .. } => "Manufacturer coupon".to_owned(),
        };
        blocks.push(Block::Columns { left, right: money(tender.amount()), bold: false });
    }
    if sale.totals.change.is_positive() {
        blocks.push(Block::Columns { left: "Change".into(), right: money(sale.totals.change), bold: true });
    }
    for tender in &sale.tenders {
        if let Tender::Card { slip, .. } = tender {
            blocks.push(Block::Rule);
            for text in payments::slip_text(&hub.store, slip.payment, sale.id.sequence)? {
                blocks.push(Block::Text { text, align: Align::Left, bold: false });
            }
        }
    }
    blocks.push(Block::Feed { lines: 1 });
    blocks.push(Block::Text { text: "Thank you!".into(), align: Align::Centre, bold: false });
    blocks.push(Block::Barcode { data: sale.id.to_string() });
    Ok(Document { blocks })
}

/// The receipt as lines of text.
///
/// # Errors
/// The store fails.
pub(crate) fn text(hub: &Hub, sale: &Sale) -> Result<Vec<String>, StoreError> {
    let lane = hub.config.lane(&sale.register);
    let printer = lane.and_then(|lane| lane.receipt_printer.as_ref());
    let printer = printer.and_then(|name| hub.devices.receipt_printer(name).ok());
    Ok(layout(&document(hub, sale, None)?, printer.map_or(COLUMNS, |printer| printer.columns())))
}

/// The second line of a receipt line: the quantity and price; `None` for one piece at the shelf price.
fn quantity(line: &Line, sale: &Sale) -> Option<String> {
    let quantity = line.quantity;
    match &line.basis {
        Regular::Catalog { price } if quantity.unit() == Unit::Each && quantity.milli() == 1000 => {
            debug_assert_eq!(price.minor, line.regular, "one piece costs its price");
            None
        }
        Regular::Catalog { price } => {
            let each = price.minor.display(sale.currency);
            Some(match quantity.unit() {
                Unit::Each => format!("  {quantity} x {each}"),
                unit => format!("  {quantity} x {each}/{}", unit.symbol()),
            })
        }
        Regular::Keyed { .. } if quantity.unit() == Unit::Each && quantity.milli() == 1000 => None,
        Regular::Keyed { .. } => Some(format!("  {quantity}")),
    }
}
