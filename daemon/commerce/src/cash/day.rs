//! The business day of a store.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Moved, Refusal, Shift, Takings, sum_of, takings::add_moved};
use crate::{
    actor::Actor,
    ids::{BusinessDay, RegisterName, ShiftId},
    money::Minor,
};

/// How a day was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DayClosing {
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// Who closed it.
    pub by: Actor,
}

/// A business day: the shifts that were opened in it, and the sum of those that are closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = StoreDay))]
pub struct Day {
    /// Counted from 1 in the store.
    pub number: u64,
    /// Its date. Two days have the same one if the first was closed early.
    pub business_day: BusinessDay,
    /// When it began: milliseconds since 1970, UTC.
    pub opened_at_ms: i64,
    /// Whether a person has opened a shift in it. Such a day lasts until a person closes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub attended: bool,
    /// The shifts that are not closed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub open: BTreeSet<ShiftId>,
    /// The number of closed shifts.
    #[serde(default)]
    pub shifts: u64,
    /// How many of them nobody counted.
    #[serde(default)]
    pub uncounted: u64,
    /// The takings of closed shifts by register.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = BTreeMap<String, Takings>))]
    pub takings: BTreeMap<RegisterName, Takings>,
    /// The floats of closed shifts.
    #[serde(default)]
    pub float: Minor,
    /// Cash that went in and out of their tills without a sale.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = BTreeMap<String, super::Sum>))]
    pub moved: Moved,
    /// What should have been in their tills.
    #[serde(default)]
    pub expected: Minor,
    /// What was counted in them.
    #[serde(default)]
    pub counted: Minor,
    /// The sum of their differences.
    #[serde(default)]
    pub difference: Minor,
    /// How it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing: Option<DayClosing>,
}

impl Day {
    /// A new day.
    pub fn begin(number: u64, business_day: BusinessDay, at_ms: i64) -> Self {
        Self {
            number,
            business_day,
            opened_at_ms: at_ms,
            attended: false,
            open: BTreeSet::new(),
            shifts: 0,
            uncounted: 0,
            takings: BTreeMap::new(),
            float: Minor::ZERO,
            moved: Moved::new(),
            expected: Minor::ZERO,
            counted: Minor::ZERO,
            difference: Minor::ZERO,
            closing: None,
        }
    }

    /// Whether a sale on a date turns it: nobody attends to it, and its date is another.
    pub fn is_turned_by(&self, date: BusinessDay) -> bool {
        !self.attended && self.business_day != date
    }

    /// A shift begins in it, or a person opens one that had begun.
    pub fn enter(&mut self, shift: &Shift) {
        self.open.insert(shift.id);
        self.attended |= shift.is_attended();
    }

    /// Adds a shift that was closed. Once: a shift that is not open in it changes nothing.
    pub fn add(&mut self, shift: &Shift) {
        let Some(closing) = &shift.closing else { return };
        if !self.open.remove(&shift.id) {
            return;
        }
        self.shifts += 1;
        self.uncounted += u64::from(closing.counted.is_none());
        for (register, takings) in &shift.takings {
            self.takings.entry(register.clone()).or_default().add(takings);
        }
        for (kind, sum) in &shift.moved {
            add_moved(&mut self.moved, *kind, *sum);
        }
        self.float = sum_of(self.float, shift.float);
        self.expected = sum_of(self.expected, closing.expected);
        self.counted = sum_of(self.counted, closing.counted.unwrap_or_default());
        self.difference = sum_of(self.difference, closing.difference);
    }

    /// What the sales of its closed shifts brought in.
    pub fn total(&self) -> Takings {
        Takings::sum(self.takings.values())
    }

    /// Closes it.
    ///
    /// # Errors
    /// Shifts are not closed.
    pub fn close(&mut self, at_ms: i64, by: Actor) -> Result<(), Refusal> {
        if !self.open.is_empty() {
            return Err(Refusal::ShiftsOpen { shifts: self.open.iter().copied().collect() });
        }
        self.closing = Some(DayClosing { at_ms, by });
        Ok(())
    }
}
