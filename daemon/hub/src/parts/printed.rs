//! The latest printed receipts, for the page.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use commerce::SaleId;
use serde::Serialize;
use utoipa::ToSchema;

/// The number of receipts kept.
const SHOWN: usize = 3;

/// A printed receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Printed {
    /// The printer.
    pub(crate) printer: String,
    /// The sale.
    pub(crate) sale: SaleId,
    /// The lines.
    pub(crate) lines: Vec<String>,
}

/// The latest printed receipts.
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
