//! The stock of an item, and how a line changes it.

use serde::{Deserialize, Serialize};

use super::{Kind, Line, Place, Refusal, Rule, State};
use crate::{item::Sku, quantity::Unit};

/// The stock of an item in one unit, in thousandths of it: the sum of its movements, stored beside them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Position {
    /// The item.
    pub sku: Sku,
    /// The unit.
    pub unit: Unit,
    /// Free to be sold; negative if more was sold than was on record.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub on_hand: i64,
    /// Set aside for somebody.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reserved: i64,
    /// On its way to another store.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub in_transit: i64,
    /// Held back for inspection.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub quarantined: i64,
    /// Damaged.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub damaged: i64,
    /// The policy's rule, copied here so that a sale reads only one record per item.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub rule: Rule,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
pub(crate) fn is_zero(milli: &i64) -> bool {
    *milli == 0
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_usual(rule: &Rule) -> bool {
    *rule == Rule::default()
}

impl Position {
    /// A position of zero.
    pub fn empty((sku, unit): Place, rule: Rule) -> Self {
        Self { sku, unit, on_hand: 0, reserved: 0, in_transit: 0, quarantined: 0, damaged: 0, rule }
    }

    /// The quantity in a state.
    pub fn of(&self, state: State) -> i64 {
        match state {
            State::OnHand => self.on_hand,
            State::Reserved => self.reserved,
            State::InTransit => self.in_transit,
            State::Quarantined => self.quarantined,
            State::Damaged => self.damaged,
        }
    }

    fn of_mut(&mut self, state: State) -> &mut i64 {
        match state {
            State::OnHand => &mut self.on_hand,
            State::Reserved => &mut self.reserved,
            State::InTransit => &mut self.in_transit,
            State::Quarantined => &mut self.quarantined,
            State::Damaged => &mut self.damaged,
        }
    }

    /// The quantity that may be promised: on_hand less the safety stock.
    pub fn available_to_sell(&self, safety_stock: i64) -> i64 {
        self.on_hand.saturating_sub(safety_stock)
    }

    /// Applies a line of this item; returns false without a change if the item is not tracked.
    ///
    /// `settled` marks a fact that can no longer be refused, such as a paid sale.
    ///
    /// # Errors
    /// Not enough stock, or the item is not tracked and the command needs its stock.
    pub fn apply(&mut self, kind: Kind, line: &Line, settled: bool) -> Result<bool, Refusal> {
        if self.rule == Rule::Untracked && line.from.is_none_or(|from| from == State::OnHand) {
            return match kind {
                Kind::Sale | Kind::Return | Kind::Receipt | Kind::TransferIn | Kind::Count => Ok(false),
                _ => Err(Refusal::Untracked { sku: self.sku.clone() }),
            };
        }
        if let Some(from) = line.from {
            let there = self.of(from);
            let may_go_below =
                settled || (from == State::OnHand && kind != Kind::Reservation && self.rule == Rule::BelowZero);
            if there < line.milli && !may_go_below {
                let sku = self.sku.clone();
                return Err(Refusal::Insufficient { sku, available: there, requested: line.milli, state: Some(from) });
            }
        }
        self.add(line);
        Ok(true)
    }

    /// Adds a line's effect without checks, to recompute a position from its movements. A sum cannot overflow: that
    /// would take twenty million lines of the maximum quantity.
    pub fn add(&mut self, line: &Line) {
        for state in [line.from, line.to].into_iter().flatten() {
            let held = self.of_mut(state);
            *held = held.saturating_add(line.effect(state));
        }
    }
}
