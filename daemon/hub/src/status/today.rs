//! The day's figures: counted as sales are stored, and counted again from the store at a start.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use commerce::{Sale, Tender};
use serde::Serialize;
use store::{Store, StoreError};
use utoipa::ToSchema;

use crate::selling::last_sales;

/// Sales read at once when the day is counted again.
const PAGE: usize = 500;

/// The figures of a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct TodayFigures {
    /// Which day.
    pub business_day: String,
    /// Sales.
    pub sales: u64,
    /// Lines.
    pub lines: u64,
    /// What they came to, in minor units.
    pub net: i64,
    /// What the store took off.
    pub discount: i64,
    /// In the drawers: cash less change.
    pub cash: i64,
    /// By cards.
    pub card: i64,
    /// Makers' coupons.
    pub manufacturer_coupon: i64,
}

/// Sales and their sum, by register.
pub type ByRegister = BTreeMap<String, (u64, i64)>;

/// Counts the day.
#[derive(Default)]
pub struct Today(Mutex<(TodayFigures, ByRegister)>);

impl Today {
    /// Counts the sales of a day from the store. Where one can't be read the count ends, and `fault` hears of it.
    ///
    /// # Errors
    /// The engine fails.
    pub fn read(store: &Store, business_day: &str, mut fault: impl FnMut(StoreError)) -> Result<Self, StoreError> {
        let today = Self::default();
        today.lock().0.business_day = business_day.to_owned();
        let mut before = None;
        loop {
            let sales = match last_sales(store, before, PAGE) {
                Ok(sales) => sales,
                Err(error @ StoreError::Corrupt { .. }) => {
                    fault(error);
                    return Ok(today);
                }
                Err(error) => return Err(error),
            };
            for sale in &sales {
                if sale.business_day != business_day {
                    return Ok(today);
                }
                today.count(sale);
            }
            match sales.last() {
                Some(last) => before = Some(last.sequence),
                None => return Ok(today),
            }
        }
    }

    /// Counts a sale that is stored.
    pub fn count(&self, sale: &Sale) {
        let mut locked = self.lock();
        let (figures, registers) = &mut *locked;
        if figures.business_day != sale.business_day {
            if sale.business_day < figures.business_day {
                return;
            }
            *figures = TodayFigures { business_day: sale.business_day.clone(), ..TodayFigures::default() };
            registers.clear();
        }
        figures.sales += 1;
        figures.lines += sale.lines.len() as u64;
        figures.net += sale.totals.net.get();
        figures.discount += sale.totals.discount.get();
        figures.cash -= sale.totals.change.get();
        for tender in &sale.tenders {
            let amount = tender.amount().get();
            match tender {
                Tender::Cash { .. } => figures.cash += amount,
                Tender::Card { .. } => figures.card += amount,
                Tender::ManufacturerCoupon { .. } => figures.manufacturer_coupon += amount,
            }
        }
        let register = registers.entry(sale.register.clone()).or_default();
        register.0 += 1;
        register.1 += sale.totals.net.get();
    }

    /// The figures of a day; zeros if nothing was sold on it yet.
    pub fn figures(&self, business_day: &str) -> (TodayFigures, ByRegister) {
        let locked = self.lock();
        if locked.0.business_day == business_day {
            locked.clone()
        } else {
            (TodayFigures { business_day: business_day.to_owned(), ..TodayFigures::default() }, ByRegister::new())
        }
    }

    fn lock(&self) -> MutexGuard<'_, (TodayFigures, ByRegister)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
