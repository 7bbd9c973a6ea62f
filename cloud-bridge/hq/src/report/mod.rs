//! What the ledger says, for people and programs. Rows are read in pages: none of these holds a ledger in memory.

pub mod fleet;
pub(crate) mod pages;
pub mod quarantine;
pub mod sales;
pub mod stock;
pub mod totals;

pub use fleet::{Member, StreamState};
pub use quarantine::Quarantined;
pub use sales::SaleRow;
pub use stock::{Positions, Stock};
pub use totals::{DayTotals, Summary, TenderTotals};
