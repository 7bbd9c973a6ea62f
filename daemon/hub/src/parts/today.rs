//! The day's totals, counted from the stored sales.
//!
//! While the clock is wrong, sales belong to another day. So the totals of the last [`DAYS`] days with a sale are kept,
//! and a restart skips the sales of other days.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use app::selling;
use commerce::{BusinessDay, RegisterName, Sale, Tender};
use contract::Stream;
use serde::Serialize;
use store::{Store, StoreError};
use utoipa::ToSchema;

use super::day::{HourFigures, ItemFigures, SoldOnDay};
use crate::clock::Calendar;

/// Sales per read.
const PAGE: usize = 500;

/// Days whose totals are kept.
const DAYS: usize = 3;

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
    /// Paid in the web shop.
    pub(crate) prepaid: i64,
    /// Gift cards and store credit.
    pub(crate) gift_card: i64,
}

impl TodayFigures {
    fn none(business_day: BusinessDay) -> Self {
        Self {
            business_day,
            sales: 0,
            lines: 0,
            net: 0,
            discount: 0,
            cash: 0,
            card: 0,
            manufacturer_coupon: 0,
            prepaid: 0,
            gift_card: 0,
        }
    }
}

/// The number of sales and their net total, by register.
pub(crate) type ByRegister = BTreeMap<RegisterName, (u64, i64)>;

struct Day {
    figures: TodayFigures,
    registers: ByRegister,
    sold: SoldOnDay,
}

/// The day's totals so far.
pub(crate) struct Today(Mutex<Counted>);

struct Counted {
    /// The day of the latest sale is the last.
    days: VecDeque<Day>,
    /// The sequence number of the first sale that is not counted yet.
    next: u64,
}

impl Today {
    /// Counts a day's sales in the store, back to the first page without any. Stops at a sale that can't be read and
    /// passes the error to `fault`.
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
        let mut counted = Counted { days: VecDeque::new(), next };
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
            let of_today = sales.iter().filter(|sale| sale.business_day == business_day);
            let count = of_today.map(|sale| counted.count(sale)).count();
            match sales.last() {
                Some(last) if count > 0 => before = Some(last.id.sequence),
                _ => break,
            }
        }
        Ok(Self(Mutex::new(counted)))
    }

    /// The totals of a day; zeros if there are no sales.
    pub(crate) fn figures(&self, business_day: BusinessDay) -> (TodayFigures, ByRegister) {
        let counted = self.lock();
        counted.day(business_day).map_or_else(
            || (TodayFigures::none(business_day), ByRegister::new()),
            |day| (day.figures.clone(), day.registers.clone()),
        )
    }

    /// The hours of a day with sales, and its items with the highest totals, at most `most`.
    pub(crate) fn sold(
        &self,
        business_day: BusinessDay,
        calendar: &Calendar,
        most: usize,
    ) -> (Vec<HourFigures>, Vec<ItemFigures>) {
        let counted = self.lock();
        counted.day(business_day).map(|day| (day.sold.hours(calendar), day.sold.top(most))).unwrap_or_default()
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
    fn day(&self, business_day: BusinessDay) -> Option<&Day> {
        self.days.iter().find(|day| day.figures.business_day == business_day)
    }

    fn count(&mut self, sale: &Sale) {
        let known = self.days.iter().position(|day| day.figures.business_day == sale.business_day);
        let day = known.and_then(|place| self.days.remove(place)).unwrap_or_else(|| Day::none(sale.business_day));
        self.days.push_back(day.with(sale));
        if self.days.len() > DAYS {
            self.days.pop_front();
        }
    }
}

impl Day {
    fn none(business_day: BusinessDay) -> Self {
        Self { figures: TodayFigures::none(business_day), registers: ByRegister::new(), sold: SoldOnDay::default() }
    }

    fn with(mut self, sale: &Sale) -> Self {
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
                Tender::Prepaid { .. } => figures.prepaid += amount,
                Tender::GiftCard { .. } => figures.gift_card += amount,
            }
        }
        let register = self.registers.entry(sale.register.clone()).or_default();
        register.0 += 1;
        register.1 += sale.totals.net.get();
        self.sold.count(sale);
        self
    }
}

#[cfg(test)]
mod tests {
    use commerce::{
        Basket, BasketId, Currency, Item, Minor, NewLine, Quantity, ReceiptNumber, SaleId, ShiftId, Stamp, line::What,
    };
    use serde_json::json;

    use super::*;

    fn day(day: u8) -> BusinessDay {
        BusinessDay::new(2026, 11, day).unwrap()
    }

    /// A sale of 1.00 for cash.
    fn sale(business_day: BusinessDay) -> Sale {
        let item = json!({ "sku": "A", "description": "Soap", "price": { "minor": 100, "per": "each" } });
        let (item, usd) = (serde_json::from_value::<Item>(item).unwrap(), Currency::from_code("USD").unwrap());
        let mut basket = Basket::open(BasketId(1), "till-1".parse().unwrap(), None, usd, 1, None, None).unwrap();
        let quantity = Quantity::pieces(1).unwrap();
        basket
            .add_line(NewLine {
                what: What::Item(&item),
                quantity,
                keyed: None,
                discounts: vec![],
                particulars: commerce::Particulars::default(),
            })
            .unwrap();
        basket.tender(Tender::Cash { amount: Minor::literal(100) }).unwrap();
        let id = SaleId { epoch: 7, sequence: 1 };
        let (receipt, shift) = (ReceiptNumber(1), ShiftId { epoch: 7, number: 1 });
        let (fiscal_year, sold_at_ms) = (2026, 1);
        basket
            .complete(Stamp { id, receipt, receipt_prefix: None, fiscal_year, sold_at_ms, business_day, shift })
            .unwrap()
    }

    #[test]
    fn a_clock_that_jumps_and_comes_back_leaves_the_days_figures_whole() {
        let today = Today(Mutex::new(Counted { days: VecDeque::new(), next: 1 }));
        let figures = |of: u8| {
            let (figures, registers) = today.figures(day(of));
            assert_eq!(registers.values().map(|(sales, _)| sales).sum::<u64>(), figures.sales);
            (figures.sales, figures.net, figures.cash)
        };
        for (place, of) in (1..).zip([24, 24, 30, 24, 1, 24]) {
            today.count(&[sale(day(of))], place);
        }
        assert_eq!((figures(24), figures(30), figures(1)), ((4, 400, 400), (1, 100, 100), (1, 100, 100)));
        assert_eq!(figures(25), (0, 0, 0));
        let india = Calendar::new(jiff::tz::TimeZone::get("Asia/Kolkata").unwrap(), (1, 1));
        let (hours, items) = today.sold(day(24), &india, 1);
        assert_eq!(hours, [HourFigures { hour: 5, sales: 4, net: 400 }]);
        assert_eq!((items.len(), items[0].sku.as_str(), items[0].milli, items[0].net), (1, "A", 4000, 400));
        // Of the days that were counted last some are kept.
        (7..).zip(2..=4).for_each(|(place, of)| today.count(&[sale(day(of))], place));
        assert_eq!((figures(24), figures(4), today.next()), ((0, 0, 0), (1, 100, 100), 10));
    }
}
