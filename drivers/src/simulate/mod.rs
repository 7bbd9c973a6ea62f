//! Simulated devices: each stands on the far side of a real wire (a pseudo-terminal, a TCP socket) and speaks its
//! protocol there, faults included.
//!
//! The drivers don't know them. What they send and how they read is written apart from the drivers' own encoders, so
//! that a mistake shows.

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
