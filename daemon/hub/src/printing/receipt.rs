//! The contents of a sale's receipt. Everything about the sale comes from stored records, so a copy says the same as
//! the receipt except for its mark. The store's name, its logo, the time zone and the paper's width are those of the
//! current config.

use app::{payments, training::TrainingSale};
use commerce::{Line, Minor, Sale, Tender, Unit, pricing::tax::LineTax};
use drivers::{
    receipt_printer::{Align, Block, Document, layout, sheet},
    sheet::Sheet,
};
use store::StoreError;

use crate::hub::Hub;

/// Columns of a receipt as text, if no printer determines them.
const COLUMNS: u8 = 42;

/// The document to print; `copy` is the number of a copy.
///
/// # Errors
/// The store fails.
pub(crate) fn document(hub: &Hub, sale: &Sale, copy: Option<u64>) -> Result<Document, StoreError> {
    write(hub, sale, &sale.receipt_text(), &Mark::Sale { copy })
}

/// The document of a training sale, which says at its head and at its foot that it is no receipt. It has no barcode by
/// which goods could come back.
///
/// # Errors
/// The store fails.
pub(crate) fn of_training(hub: &Hub, sold: &TrainingSale) -> Result<Document, StoreError> {
    write(hub, &sold.sale, &sold.number.to_string(), &Mark::Training)
}

/// What a document is.
enum Mark {
    /// A receipt, or a copy of it with its number.
    Sale { copy: Option<u64> },
    /// Nothing that counts.
    Training,
}

/// What a document of training says at its head and at its foot.
fn training_mark() -> [Block; 2] {
    ["*** TRAINING ***", "NOT A RECEIPT, NOTHING WAS SOLD"].map(|text| Block::Text {
        text: text.into(),
        align: Align::Centre,
        bold: true,
    })
}

fn write(hub: &Hub, sale: &Sale, number: &str, mark: &Mark) -> Result<Document, StoreError> {
    let money = |amount: Minor| amount.display(sale.currency).to_string();
    let logo = hub.logo.iter().map(|logo| Block::Picture { picture: logo.clone() });
    let mut blocks: Vec<Block> = logo.collect();
    blocks.extend([
        Block::Heading { text: hub.config.store.name.clone() },
        Block::Text { text: hub.calendar.local_time(sale.sold_at_ms), align: Align::Centre, bold: false },
        Block::Columns { left: format!("Receipt {number}"), right: sale.register.to_string(), bold: false },
    ]);
    if let Mark::Training = mark {
        blocks.extend(training_mark());
    }
    if let Some(voided) = sale.voids {
        blocks.push(Block::Text { text: format!("VOID OF SALE {voided}"), align: Align::Centre, bold: true });
    }
    for ticket in &sale.returns {
        let text = match &ticket.sale {
            Some(sold) => format!("RETURN OF SALE {}", sold.key()),
            None => "RETURN WITHOUT RECEIPT".to_owned(),
        };
        blocks.push(Block::Text { text, align: Align::Centre, bold: true });
    }
    if let Mark::Sale { copy: Some(number) } = mark {
        blocks.push(Block::Text { text: format!("COPY {number}"), align: Align::Centre, bold: true });
    }
    blocks.push(Block::Rule);
    for line in &sale.lines {
        blocks.push(Block::Columns { left: line.description.clone(), right: money(line.regular), bold: false });
        if let Some(quantity) = quantity(line, sale) {
            blocks.push(Block::Text { text: quantity, align: Align::Left, bold: false });
        }
        let adjusted = line.adjustments.iter().map(|one| (one.short(), one.amount));
        let keyed = line.discounts.iter().map(|discount| (discount.reason.clone(), discount.amount));
        for (reason, amount) in adjusted.chain(keyed) {
            let (left, right) = (format!("  {reason}"), money(-amount));
            blocks.push(Block::Columns { left, right, bold: false });
        }
        for charge in &line.charges {
            let (left, right) = (format!("  {}", charge.name), money(charge.amount));
            blocks.push(Block::Columns { left, right, bold: false });
        }
    }
    blocks.push(Block::Rule);
    if !sale.totals.added_tax.is_zero() {
        blocks.push(Block::Columns { left: "Tax".into(), right: money(sale.totals.added_tax), bold: false });
    }
    if sale.totals.discount.is_positive() {
        blocks.push(Block::Columns { left: "Before discounts".into(), right: money(sale.totals.regular), bold: false });
        blocks.push(Block::Columns { left: "You saved".into(), right: money(sale.totals.discount), bold: false });
    }
    if !sale.totals.cash_rounding.is_zero() {
        let rounding = money(sale.totals.cash_rounding);
        blocks.push(Block::Columns { left: "Rounding".into(), right: rounding, bold: false });
    }
    blocks.push(Block::Columns {
        left: "TOTAL".into(),
        right: format!("{} {}", sale.currency.code(), money(sale.totals.owed())),
        bold: true,
    });
    for tax in taxes(sale) {
        let (left, right) = (format!("  {} on {}", tax.name(), money(tax.base)), money(tax.amount));
        blocks.push(Block::Columns { left, right, bold: false });
    }
    for tender in &sale.tenders {
        let left = match tender {
            Tender::Cash { .. } => "Cash".to_owned(),
            Tender::Card { slip, .. } => slip.scheme.clone().unwrap_or_else(|| "Card".into()),
            Tender::ManufacturerCoupon { .. } => "Manufacturer coupon".to_owned(),
            Tender::Prepaid { .. } => "Paid online".to_owned(),
            Tender::GiftCard { kind, card, .. } => format!("{} {card}", kind.title()),
        };
        blocks.push(Block::Columns { left, right: money(tender.amount()), bold: false });
    }
    if sale.totals.change.is_positive() {
        blocks.push(Block::Columns { left: "Change".into(), right: money(sale.totals.change), bold: true });
    }
    if let Some(earned) = &sale.points {
        let right = format!("+{}", earned.points);
        blocks.push(Block::Columns { left: "Points earned".into(), right, bold: false });
    }
    for back in sale.returns.iter().filter_map(|ticket| ticket.points.as_ref()) {
        let right = format!("-{}", back.points);
        blocks.push(Block::Columns { left: "Points taken back".into(), right, bold: false });
    }
    // The texts of the terminal are those of the payment, not of its reversal.
    for tender in sale.tenders.iter().filter(|_| sale.voids.is_none()) {
        if let Tender::Card { slip, .. } = tender {
            blocks.push(Block::Rule);
            for text in payments::slip_text(&hub.store, slip.payment, sale.id.sequence)? {
                blocks.push(Block::Text { text, align: Align::Left, bold: false });
            }
        }
    }
    blocks.push(Block::Feed { lines: 1 });
    blocks.push(Block::Text { text: "Thank you!".into(), align: Align::Centre, bold: false });
    match mark {
        Mark::Sale { .. } => blocks.push(Block::Barcode { data: sale.id.to_string() }),
        Mark::Training => blocks.extend(training_mark()),
    }
    Ok(Document { blocks })
}

/// The receipt as lines of text.
///
/// # Errors
/// The store fails.
pub(crate) fn text(hub: &Hub, sale: &Sale) -> Result<Vec<String>, StoreError> {
    Ok(layout(&document(hub, sale, None)?, columns(hub, sale)))
}

/// The receipt as it looks on paper.
///
/// # Errors
/// The store fails.
pub(crate) fn picture(hub: &Hub, sale: &Sale) -> Result<Sheet, StoreError> {
    Ok(sheet(&document(hub, sale, None)?, columns(hub, sale)))
}

/// The receipt of a training sale as lines of text.
///
/// # Errors
/// The store fails.
pub(crate) fn training_text(hub: &Hub, sold: &TrainingSale) -> Result<Vec<String>, StoreError> {
    Ok(layout(&of_training(hub, sold)?, columns(hub, &sold.sale)))
}

/// The receipt of a training sale as it looks on paper.
///
/// # Errors
/// The store fails.
pub(crate) fn training_picture(hub: &Hub, sold: &TrainingSale) -> Result<Sheet, StoreError> {
    Ok(sheet(&of_training(hub, sold)?, columns(hub, &sold.sale)))
}

/// The columns of the printer of the register that sold it.
fn columns(hub: &Hub, sale: &Sale) -> u8 {
    let lane = hub.config.lane(&sale.register);
    let printer = lane.and_then(|lane| lane.receipt_printer.as_ref());
    let printer = printer.and_then(|name| hub.devices.receipt_printer(name).ok());
    printer.map_or(COLUMNS, |printer| printer.columns())
}

/// The second line of a receipt line: the quantity and price; `None` for one piece at the shelf price.
fn quantity(line: &Line, sale: &Sale) -> Option<String> {
    let quantity = line.quantity;
    let one = quantity.unit() == Unit::Each && quantity.milli() == 1000;
    match line.unit_price() {
        _ if one => None,
        Some(price) => {
            let each = price.minor.display(sale.currency);
            Some(match quantity.unit() {
                Unit::Each => format!("  {quantity} x {each}"),
                unit => format!("  {quantity} x {each}/{}", unit.symbol()),
            })
        }
        None => Some(format!("  {quantity}")),
    }
}

/// The sum of a tax over the lines of a sale.
struct TaxSum<'s> {
    tax: &'s LineTax,
    base: Minor,
    amount: Minor,
}

impl TaxSum<'_> {
    /// The name with its rate, such as `vat 19%`.
    fn name(&self) -> String {
        match self.tax.rate_ppm {
            Some(ppm) => {
                let (whole, part) = (ppm / 10_000, ppm % 10_000);
                let part = format!("{part:04}");
                let part = part.trim_end_matches('0');
                let point = if part.is_empty() { "" } else { "." };
                format!("{} {whole}{point}{part}%", self.tax.tax)
            }
            None => self.tax.tax.clone(),
        }
    }
}

/// The taxes of a sale, in the order in which they first occur.
fn taxes(sale: &Sale) -> Vec<TaxSum<'_>> {
    let mut sums: Vec<TaxSum<'_>> = Vec::new();
    for tax in sale.lines.iter().flat_map(|line| &line.taxes) {
        match sums.iter_mut().find(|sum| sum.tax.tax == tax.tax && sum.tax.rate_ppm == tax.rate_ppm) {
            Some(sum) => (sum.base, sum.amount) = (sum.base + tax.base, sum.amount + tax.amount),
            None => sums.push(TaxSum { tax, base: tax.base, amount: tax.amount }),
        }
    }
    sums
}
