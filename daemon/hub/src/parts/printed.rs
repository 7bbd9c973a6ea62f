//! The last receipts printed, for the page.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use commerce::SaleId;
use serde::Serialize;
use utoipa::ToSchema;

/// Receipts that are remembered.
const SHOWN: usize = 3;

/// A receipt that was printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Printed {
    /// By which printer.
    pub(crate) printer: String,
    /// Of which sale.
    pub(crate) sale: SaleId,
    /// Line by line.
    pub(crate) lines: Vec<String>,
}

/// The last receipts printed.
#[derive(Default)]
pub(crate) struct LastPrinted(Mutex<VecDeque<Printed>>);

impl LastPrinted {
    /// Newest first.
    pub(crate) fn all(&self) -> Vec<Printed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(crate) fn add(&self, printed: Printed) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.push_front(printed);
        shown.truncate(SHOWN);
    }
}
