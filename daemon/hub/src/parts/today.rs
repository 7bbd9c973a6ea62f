//! The day's totals, counted from the stored sales.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use app::selling;
use commerce::{BusinessDay, RegisterName, Sale, Tender};
use contract::Stream;
use serde::Serialize;
use store::{Store, StoreError};
use utoipa::ToSchema;

/// Sales per read.
const PAGE: usize = 500;

/// The totals of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TodayFigures {
    /// The business day.
    pub(crate) business_day: BusinessDay,
    /// The number of sales.
    pub(crate) sales: u64,
    /// The number of lines.
    pub(crate) lines: u64,
    /// The net total, in minor units.
    pub(crate) net: i64,
    /// The discounts.
    pub(crate) discount: i64,
    /// Cash less change.
    pub(crate) cash: i64,
    /// Card payments.
    pub(crate) card: i64,
    /// Manufacturer coupons.
    pub(crate) manufacturer_coupon: i64,
}

impl TodayFigures {
    fn none(business_day: BusinessDay) -> Self {
        Self { business_day, sales: 0, lines: 0, net: 0, discount: 0, cash: 0, card: 0, manufacturer_coupon: 0 }
    }
}

/// The number of sales and their net total, by register.
pub(crate) type ByRegister = BTreeMap<RegisterName, (u64, i64)>;

/// The day's totals so far.
pub(crate) struct Today(Mutex<Counted>);

#[derive(Clone)]
struct Counted {
    figures: TodayFigures,
    registers: ByRegister,
    /// The sequence number of the first sale that is not counted yet.
    next: u64,
}

impl Today {
    /// Counts a day's sales in the store. Stops at a sale that can't be read and passes the error to `fault`.
    ///
    /// # Errors
    /// The engine fails.
    pub(crate) fn read(
        store: &Store,
        business_day: BusinessDay,
        mut fault: impl FnMut(StoreError),
    ) -> Result<Self, StoreError> {
        let next = match store.outbox_span(Stream::sales().as_str()) {
            Ok(span) => span.last + 1,
            // No further sale can be stored until it is repaired, so nothing is missed.
            Err(error @ StoreError::Corrupt { .. }) => {
                fault(error);
                u64::MAX
            }
            Err(error) => return Err(error),
        };
        let mut counted = Counted { figures: TodayFigures::none(business_day), registers: ByRegister::new(), next };
        let mut before = Some(next);
        loop {
            let sales = match selling::last_sales(store, before, PAGE) {
                Ok(sales) => sales,
                Err(error @ StoreError::Corrupt { .. }) => {
                    fault(error);
                    break;
                }
                Err(error) => return Err(error),
            };
            let of_today = sales.iter().take_while(|sale| sale.business_day == business_day);
            let count = of_today.map(|sale| counted.count(sale)).count();
            match sales.last() {
                Some(last) if count == sales.len() => before = Some(last.id.sequence),
                _ => break,
            }
        }
        Ok(Self(Mutex::new(counted)))
    }

    /// The totals of a day; zeros if there are no sales.
    pub(crate) fn figures(&self, business_day: BusinessDay) -> (TodayFigures, ByRegister) {
        let counted = self.lock();
        if counted.figures.business_day == business_day {
            (counted.figures.clone(), counted.registers.clone())
        } else {
            (TodayFigures::none(business_day), ByRegister::new())
        }
    }

    /// The sequence number of the first sale that is not counted yet.
    pub(crate) fn next(&self) -> u64 {
        self.lock().next
    }

    /// Counts sales, and continues after a sequence number.
    pub(crate) fn count<'s>(&self, sales: impl IntoIterator<Item = &'s Sale>, up_to: u64) {
        let mut counted = self.lock();
        for sale in sales {
            counted.count(sale);
        }
        counted.next = up_to + 1;
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn count(&mut self, sale: &Sale) {
        if self.figures.business_day != sale.business_day {
            if sale.business_day < self.figures.business_day {
                return;
            }
            self.figures = TodayFigures::none(sale.business_day);
            self.registers.clear();
        }
        let figures = &mut self.figures;
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
        let register = self.registers.entry(sale.register.clone()).or_default();
        register.0 += 1;
        register.1 += sale.totals.net.get();
    }
}
