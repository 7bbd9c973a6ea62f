//! Shifts against their sales.

use std::collections::BTreeMap;

use commerce::{RegisterName, ShiftId, cash::Takings};
use store::{Checked, Depth, Store, StoreError};

use super::readable;
use crate::{cash::each_shift, selling};

/// Sales per read.
const PAGE: usize = 500;

/// In the whole check: the takings of each shift are the sum of its sales, as far as those are still stored.
pub(super) fn check(store: &Store, depth: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    if depth != Depth::Whole {
        return Ok(());
    }
    let Some(given_up) = readable(checked, selling::given_up_to(store))? else { return Ok(()) };
    let mut sold = BTreeMap::<ShiftId, BTreeMap<RegisterName, Takings>>::new();
    let mut next = given_up + 1;
    loop {
        // A damaged sale is reported by the check of sales; without it no sum is known.
        let sales = match selling::sales_from(store, next, PAGE) {
            Err(StoreError::Corrupt { .. }) => return Ok(()),
            sales => sales?,
        };
        let Some(last) = sales.last() else { break };
        next = last.id.sequence + 1;
        for sale in &sales {
            if let Some(shift) = sale.shift {
                sold.entry(shift).or_default().entry(sale.register.clone()).or_default().add(&Takings::of(sale));
            }
        }
    }
    let mut faults = Vec::new();
    each_shift(store, |shift| {
        let Ok(shift) = shift else { return };
        let found = sold.remove(&shift.id).unwrap_or_default();
        let is_kept = shift.takings.values().all(|takings| takings.first_sale > given_up);
        if is_kept && found != shift.takings {
            faults.push(format!("shift {}: its takings are not the sum of its sales", shift.id));
        }
    })?;
    for fault in faults {
        checked.fault(fault);
    }
    Ok(())
}
