//! The kinds of devices.

use drivers::{
    customer_display, label_printer, payment_terminal, receipt_printer,
    registry::{Setup, SetupError, prepare},
    scale, scanner,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::Register;

/// A kind of device, named as its tables in the config and as the field in a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// Scales.
    Scale,
    /// Scanners.
    Scanner,
    /// Label printers.
    LabelPrinter,
    /// Receipt printers.
    ReceiptPrinter,
    /// Payment terminals.
    PaymentTerminal,
    /// Customer displays.
    CustomerDisplay,
}

impl DeviceKind {
    /// All variants.
    pub const ALL: [Self; 6] = [
        Self::Scale,
        Self::Scanner,
        Self::LabelPrinter,
        Self::ReceiptPrinter,
        Self::PaymentTerminal,
        Self::CustomerDisplay,
    ];

    /// The name in the config, the API and the page.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scale => "scale",
            Self::Scanner => "scanner",
            Self::LabelPrinter => "label_printer",
            Self::ReceiptPrinter => "receipt_printer",
            Self::PaymentTerminal => "payment_terminal",
            Self::CustomerDisplay => "customer_display",
        }
    }

    /// The device of this kind in a register's lane. Label printers belong to no lane.
    pub fn of_lane(self, lane: &Register) -> Option<&str> {
        match self {
            Self::Scale => lane.scale.as_deref(),
            Self::Scanner => lane.scanner.as_deref(),
            Self::LabelPrinter => None,
            Self::ReceiptPrinter => lane.receipt_printer.as_deref(),
            Self::PaymentTerminal => lane.payment_terminal.as_deref(),
            Self::CustomerDisplay => lane.customer_display.as_deref(),
        }
    }

    /// Checks a device's protocol and settings.
    pub(super) fn check(self, setup: Setup) -> Result<(), SetupError> {
        match self {
            Self::Scale => prepare(scale::PROTOCOLS, setup).map(drop),
            Self::Scanner => prepare(scanner::PROTOCOLS, setup).map(drop),
            Self::LabelPrinter => prepare(label_printer::PROTOCOLS, setup).map(drop),
            Self::ReceiptPrinter => prepare(receipt_printer::PROTOCOLS, setup).map(drop),
            Self::PaymentTerminal => prepare(payment_terminal::PROTOCOLS, setup).map(drop),
            Self::CustomerDisplay => prepare(customer_display::PROTOCOLS, setup).map(drop),
        }
    }
}
