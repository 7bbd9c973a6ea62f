//! What was sold on a day: by the hour, and by item. The console draws them.

use std::collections::{BTreeMap, HashMap};

use commerce::{Goods, Sale, Sku, Unit};
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Calendar;

/// A quarter of an hour: the offsets of time zones are multiples of it.
const QUARTER_MS: i64 = 15 * 60 * 1000;

/// The sales of an hour of the store's clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct HourFigures {
    /// The hour, 0 to 23.
    pub(crate) hour: u16,
    /// The number of sales.
    pub(crate) sales: u64,
    /// The net total, in minor units.
    pub(crate) net: i64,
}

/// What was sold of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ItemFigures {
    /// The item.
    pub(crate) sku: Sku,
    /// Its name.
    pub(crate) description: String,
    /// The unit of the quantity.
    pub(crate) unit: Unit,
    /// The quantity, in thousandths of the unit.
    pub(crate) milli: i64,
    /// The net total, in minor units.
    pub(crate) net: i64,
}

/// What was sold on a day. Voids take back what they void.
#[derive(Default)]
pub(crate) struct SoldOnDay {
    /// The number of sales and their net total, by quarter of an hour since 1970.
    quarters: BTreeMap<i64, (u64, i64)>,
    items: HashMap<(Sku, Unit), ItemFigures>,
}

impl SoldOnDay {
    pub(super) fn count(&mut self, sale: &Sale) {
        let (sales, net) = self.quarters.entry(sale.sold_at_ms.div_euclid(QUARTER_MS)).or_default();
        *sales += 1;
        *net += sale.totals.net.get();
        let direction = if sale.voids.is_some() { -1 } else { 1 };
        for line in sale.lines.iter().filter(|line| !line.voided) {
            let Goods::Item { sku, .. } = &line.goods else { continue };
            let unit = line.quantity.unit();
            let figures = self.items.entry((sku.clone(), unit)).or_insert_with(|| ItemFigures {
                sku: sku.clone(),
                description: line.description.clone(),
                unit,
                milli: 0,
                net: 0,
            });
            figures.milli += direction * line.quantity.milli();
            figures.net += line.net().get();
        }
    }

    /// The hours with sales, in the order of the day.
    pub(super) fn hours(&self, calendar: &Calendar) -> Vec<HourFigures> {
        let mut hours: Vec<HourFigures> = Vec::new();
        for (quarter, (sales, net)) in &self.quarters {
            let hour = calendar.pricing_moment(quarter * QUARTER_MS).minute / 60;
            match hours.iter_mut().find(|figures| figures.hour == hour) {
                Some(figures) => {
                    figures.sales += sales;
                    figures.net += net;
                }
                None => hours.push(HourFigures { hour, sales: *sales, net: *net }),
            }
        }
        hours
    }

    /// The items with the highest net totals.
    pub(super) fn top(&self, most: usize) -> Vec<ItemFigures> {
        let mut items: Vec<_> = self.items.values().filter(|item| item.net > 0).cloned().collect();
        items.sort_by(|one, other| (other.net, &one.sku).cmp(&(one.net, &other.sku)));
        items.truncate(most);
        items
    }
}
