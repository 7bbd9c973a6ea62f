//! The X report of a shift on paper. It is not queued: whoever asks stands beside the printer.

use app::{By, Refusal, cash::ShiftReport, devices::PRINTER_FAILED};
use commerce::{Minor, cash::Kind};
use drivers::receipt_printer::{Align, Block, Document, PrintOutcome};

use super::receipts::lane_printer;
use crate::hub::Hub;

/// What is printed for a tender; one of a newer version as it is called.
pub(super) fn tender(kind: &str) -> &str {
    match kind {
        "cash" => "Cash",
        "card" => "Card",
        "gift_card" => "Gift card",
        "manufacturer_coupon" => "Manufacturer coupon",
        "prepaid" => "Paid online",
        other => other,
    }
}

pub(super) fn movement(kind: Kind) -> &'static str {
    match kind {
        Kind::FloatEntry => "Change from the safe",
        Kind::PaidIn => "Cash in",
        Kind::PaidOut => "Cash out",
        Kind::SafeDrop => "To the safe",
        Kind::Removal => "Taken out",
    }
}

fn document(hub: &Hub, by: &By, report: &ShiftReport) -> Document {
    let shift = &report.shift;
    let money = |amount: Minor| amount.display(shift.currency).to_string();
    let row = |left: &str, right: String, bold| Block::Columns { left: left.to_owned(), right, bold };
    let centred = |text: String| Block::Text { text, align: Align::Centre, bold: false };
    let mut blocks = vec![
        Block::Heading { text: hub.config.store.name.clone() },
        Block::Text { text: "X REPORT".into(), align: Align::Centre, bold: true },
        centred(hub.calendar.local_time(by.at_ms)),
        Block::Rule,
        row("Shift", shift.id.to_string(), false),
        row("Till", shift.till.to_string(), false),
        row("Opened", hub.calendar.local_time(shift.opened_at_ms), false),
    ];
    if let Some(operator) = &by.actor.operator {
        blocks.push(row("Asked by", operator.to_string(), false));
    }
    blocks.extend([
        Block::Rule,
        row("Sales", report.total.sales.to_string(), false),
        row("Discounts", money(report.total.discount), false),
        row("Takings", money(report.total.owed), true),
    ]);
    let tenders = report.total.tenders.iter();
    blocks.extend(tenders.map(|(kind, sum)| row(&format!("  {}", tender(kind)), money(sum.amount), false)));
    blocks.extend([Block::Rule, row("Float", money(shift.float), false)]);
    let moved = Kind::ALL.into_iter().filter_map(|kind| Some((kind, shift.moved.get(&kind)?)));
    let signed = |kind: Kind, amount: Minor| if kind.puts_in() { amount } else { -amount };
    blocks.extend(moved.map(|(kind, sum)| row(movement(kind), money(signed(kind, sum.amount)), false)));
    blocks.extend([
        row("Should be in the till", money(report.expected), true),
        Block::Rule,
        centred("The shift goes on.".into()),
    ]);
    Document { blocks }
}

/// Prints the X report of a shift at the printer of the register that asks.
///
/// # Errors
/// The register has no printer, or the printer fails.
pub(crate) async fn print_x_report(hub: &Hub, by: &By, report: &ShiftReport) -> Result<(), Refusal> {
    let name = lane_printer(hub, by.register()?)?.to_owned();
    let printer = hub.devices.receipt_printer(&name)?;
    let printed = printer.print(&document(hub, by, report)).await;
    match printed.map_err(|error| PRINTER_FAILED.because(format!("printer {name}: {error}")))? {
        PrintOutcome::Confirmed => {}
        PrintOutcome::Unconfirmed { why } => {
            tracing::warn!(printer = %name, %why, "the printer did not confirm an X report");
        }
    }
    Ok(())
}
