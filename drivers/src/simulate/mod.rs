//! Simulated devices: each is at the other end of a real connection (a pseudo-terminal or TCP socket) and speaks its
//! protocol, including faults.
//!
//! The drivers do not know them. They encode and decode independently of the drivers, so that mistakes show.

mod label_printer;
mod payment_terminal;
mod pty;
mod receipt_printer;
mod scale;
mod scanner;

pub use label_printer::{PrintedLabel, SimulatedLabelPrinter};
pub use payment_terminal::{Booked, BookedState, Decline, Point, SimulatedTerminal};
pub use pty::Pty;
pub use receipt_printer::SimulatedReceiptPrinter;
pub use scale::SimulatedScale;
pub use scanner::SimulatedScanner;
