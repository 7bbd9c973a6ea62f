//! The report of a business day on paper, with the reconciliations of its terminals. It is not queued: whoever asks
//! waits for it.

use app::{Refusal, devices::PRINTER_FAILED, reconciliation::DayWithTerminals};
use commerce::{
    Currency, Minor,
    cash::Kind,
    reconciliation::{Comparison, Reconciliation, State},
};
use drivers::receipt_printer::{Align, Block, Document, PrintOutcome};

use super::x_report::{movement, tender};
use crate::hub::Hub;

/// The most bookings that are printed for a terminal.
const MAX_SUSPECTS: usize = 20;

fn row(left: impl Into<String>, right: String) -> Block {
    Block::Columns { left: left.into(), right, bold: false }
}

fn bold_row(left: &str, right: String) -> Block {
    Block::Columns { left: left.to_owned(), right, bold: true }
}

fn line(text: String) -> Block {
    Block::Text { text, align: Align::Left, bold: false }
}

fn comparison(result: &Comparison, currency: Currency) -> Vec<Block> {
    let money = |amount: Minor| amount.display(currency).to_string();
    let mut blocks = Vec::new();
    for sums in &result.schemes {
        blocks.push(row(format!("  {}", sums.scheme.name()), money(sums.terminal.amount)));
        if !sums.difference().is_zero() {
            blocks.push(row("    by the store", money(sums.store.amount)));
        }
    }
    blocks.push(bold_row("Difference", money(result.difference)));
    if result.agrees {
        return blocks;
    }
    blocks.push(line("The totals differ. Check these:".into()));
    for suspect in result.suspects.iter().take(MAX_SUSPECTS) {
        let booking = &suspect.booking;
        let mark = if suspect.explains { "> " } else { "  " };
        let numbers: Vec<_> = booking.reference.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let amount = if booking.amount.is_zero() { booking.requested } else { booking.amount };
        blocks.push(row(format!("{mark}{} {}", booking.payment, booking.register), money(amount)));
        if !numbers.is_empty() {
            blocks.push(line(format!("    {}", numbers.join(", "))));
        }
    }
    let more = (result.suspects.len().saturating_sub(MAX_SUSPECTS) as u64).saturating_add(result.more_suspects);
    if more > 0 {
        blocks.push(line(format!("and {more} more; see the console")));
    }
    blocks
}

fn terminal(reconciliation: &Reconciliation) -> Vec<Block> {
    let mut blocks = vec![Block::Rule, bold_row("Terminal", reconciliation.terminal.clone())];
    match &reconciliation.state {
        State::Due | State::Asked { .. } => blocks.push(line("NOT RECONCILED YET".into())),
        State::NotReconciled { why, .. } => {
            blocks.extend([line("NOT RECONCILED".into()), line(why.clone())]);
        }
        State::Reconciled { result, .. } => blocks.extend(comparison(result, reconciliation.currency)),
    }
    blocks
}

fn document(hub: &Hub, report: &DayWithTerminals, at_ms: i64) -> Document {
    let currency = hub.currency();
    let (day, total) = (&report.report.day, &report.report.total);
    let money = |amount: Minor| amount.display(currency).to_string();
    let title = if day.closing.is_some() { "Z REPORT OF THE DAY" } else { "THE DAY SO FAR" };
    let mut blocks = vec![
        Block::Heading { text: hub.config.store.name.clone() },
        Block::Text { text: title.into(), align: Align::Centre, bold: true },
        Block::Text { text: hub.calendar.local_time(at_ms), align: Align::Centre, bold: false },
        Block::Rule,
        row("Day", format!("{} ({})", day.business_day, day.number)),
        row("Opened", hub.calendar.local_time(day.opened_at_ms)),
    ];
    if let Some(closing) = &day.closing {
        blocks.push(row("Closed", hub.calendar.local_time(closing.at_ms)));
    }
    blocks.extend([
        row("Closed shifts", day.shifts.to_string()),
        row("Without a count", day.uncounted.to_string()),
        Block::Rule,
        row("Sales", total.sales.to_string()),
        row("Discounts", money(total.discount)),
        bold_row("Takings", money(total.owed)),
    ]);
    let tenders = total.tenders.iter();
    blocks.extend(tenders.map(|(kind, sum)| row(format!("  {}", tender(kind)), money(sum.amount))));
    blocks.extend([Block::Rule, row("Floats", money(day.float))]);
    let moved = Kind::ALL.into_iter().filter_map(|kind| Some((kind, day.moved.get(&kind)?)));
    let signed = |kind: Kind, amount: Minor| if kind.puts_in() { amount } else { -amount };
    blocks.extend(moved.map(|(kind, sum)| row(movement(kind), money(signed(kind, sum.amount)))));
    blocks.extend([
        row("Should be in the tills", money(day.expected)),
        row("Counted", money(day.counted)),
        bold_row("Over or short", money(day.difference)),
    ]);
    blocks.extend(report.terminals.iter().flat_map(terminal));
    Document { blocks }
}

/// Prints the report of a business day.
///
/// # Errors
/// The printer is unknown or fails.
pub(crate) async fn print_day_report(
    hub: &Hub,
    printer: &str,
    day: &DayWithTerminals,
    at_ms: i64,
) -> Result<(), Refusal> {
    let device = hub.devices.receipt_printer(printer)?;
    let printed = device.print(&document(hub, day, at_ms)).await;
    match printed.map_err(|error| PRINTER_FAILED.because(format!("printer {printer}: {error}")))? {
        PrintOutcome::Confirmed => {}
        PrintOutcome::Unconfirmed { why } => {
            tracing::warn!(printer, %why, "the printer did not confirm the report of a day");
        }
    }
    Ok(())
}
