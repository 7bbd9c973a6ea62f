//! Simulated devices: each is at the other end of a real connection (a pseudo-terminal or TCP socket) and speaks its
//! protocol, including faults.
//!
//! The drivers do not know them. They encode and decode independently of the drivers, so that mistakes show.

mod caisse_ap_terminal;
mod card_terminal;
mod display;
mod ecr17_terminal;
mod label_printer;
mod line;
mod nexo_terminal;
mod payment_terminal;
mod pty;
mod receipt_printer;
mod scale;
mod scanner;

pub use caisse_ap_terminal::SimulatedCaisseApTerminal;
pub use card_terminal::{SimulatedCardTerminal, TerminalFault, TerminalProtocol};
pub use display::SimulatedDisplay;
pub use ecr17_terminal::{Ecr17Point, SimulatedEcr17Terminal};
pub use label_printer::{LabelFault, LabelLanguage, PrintedLabel, SimulatedLabelPrinter};
pub use line::{Fault, Place};
pub use nexo_terminal::{NexoBooked, NexoPoint, NexoScript, SimulatedNexoTerminal};
pub use payment_terminal::{Booked, BookedState, Decline, Point, SimulatedTerminal};
pub use pty::Pty;
pub use receipt_printer::{ReceiptLanguage, SimulatedReceiptPrinter};
pub use scale::{ScaleProtocol, SimulatedScale};
pub use scanner::{ScannerProtocol, SimulatedScanner};
