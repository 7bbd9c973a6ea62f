//! Reports for people and programs. Rows are read in pages, so none holds the whole ledger in memory.

pub mod audit;
pub mod cash;
pub mod fleet;
pub(crate) mod pages;
pub mod quarantine;
pub mod returns;
pub mod sales;
pub mod stock;
pub mod totals;

pub use audit::AuditRow;
pub use cash::DayCash;
pub use fleet::{Member, StreamState};
pub use quarantine::Quarantined;
pub use returns::ReturnRow;
pub use sales::SaleRow;
pub use stock::{Positions, Stock};
pub use totals::{DayTotals, Summary, TenderTotals};
