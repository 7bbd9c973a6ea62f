//! Current positions of a store, sent before the waiting events that led to them.
//!
//! After an outage thousands of events wait. Before the first of them, a hub sends the current positions of the items
//! that they touch. Each message is read in one snapshot and names its [`Version`]: the last event of each stream whose
//! effect it includes. HQ shows the positions beside its own sums. Once its cursors pass the version, the sum of the
//! events up to it must equal the positions: then they are confirmed and forgotten; a difference is an alarm. Positions
//! are compared, never added, so nothing is counted twice.
//!
//! A lost message only costs time: the events lead to the same positions.

use commerce::{Unit, stock::State};
use serde::{Deserialize, Serialize};

use crate::{
    message::BadMessage,
    name::{Epoch, HubId, Sequence},
    stock::{MAX_STANDING, OPENING_LINES},
    wire::Wire,
};

/// The maximum number of lines in a message.
pub const MAX_LINES: usize = OPENING_LINES;

/// The maximum length of a SKU, in bytes.
const MAX_SKU: usize = 32;

/// Current positions, read in one snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Positions {
    /// The hub.
    pub hub: HubId,
    /// The epoch of the hub's store.
    pub epoch: Epoch,
    /// When the snapshot was read: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The last events that it includes.
    pub version: Version,
    /// 1 to [`MAX_LINES`] lines, each of another item or unit.
    pub lines: Vec<Place>,
}

/// The last event of each stream whose effect is in a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = PositionsVersion))]
pub struct Version {
    /// The last sale.
    pub sales: Sequence,
    /// The last other movement.
    pub stock: Sequence,
}

/// The position of an item in one unit, in thousandths; absent states are zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Place {
    /// The item.
    pub sku: String,
    /// The unit.
    pub unit: Unit,
    /// Available for sale; negative if more was sold than was known.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub on_hand: i64,
    /// Reserved.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reserved: i64,
    /// In transit to another store.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub in_transit: i64,
    /// Quarantined.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub quarantined: i64,
    /// Damaged.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub damaged: i64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_zero(milli: &i64) -> bool {
    *milli == 0
}

impl Place {
    /// A position with these thousandths in each state, in the order of [`State::ALL`].
    pub fn new(sku: String, unit: Unit, states: [i64; State::ALL.len()]) -> Self {
        let [on_hand, reserved, in_transit, quarantined, damaged] = states;
        Self { sku, unit, on_hand, reserved, in_transit, quarantined, damaged }
    }

    /// Thousandths in each state, in the order of [`State::ALL`].
    pub fn states(&self) -> [i64; State::ALL.len()] {
        [self.on_hand, self.reserved, self.in_transit, self.quarantined, self.damaged]
    }
}

impl Wire for Positions {
    const NAME: &'static str = "positions";

    fn check(&self) -> Result<(), BadMessage> {
        let refuse = |why: String| Err(BadMessage::Unreadable { why });
        match self.lines.len() {
            0 => return refuse("no positions".into()),
            count if count > MAX_LINES => {
                return Err(BadMessage::TooMany { what: "positions", count, most: MAX_LINES });
            }
            _ => {}
        }
        let mut seen = std::collections::HashSet::new();
        for place in &self.lines {
            if place.sku.len() > MAX_SKU {
                return Err(BadMessage::TooLong { what: "SKU", bytes: place.sku.len(), most: MAX_SKU });
            }
            if !place.states().iter().all(|milli| (-MAX_STANDING..=MAX_STANDING).contains(milli)) {
                return refuse(format!("a position of item `{}` is out of range", place.sku.escape_debug()));
            }
            if !seen.insert((&place.sku, place.unit)) {
                return refuse(format!("two positions of item `{}`", place.sku.escape_debug()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Packed;

    fn place(sku: usize, milli: i64) -> Place {
        Place::new(sku.to_string(), Unit::Each, [milli, 0, 0, 0, 0])
    }

    fn read(lines: Vec<Place>) -> Result<Positions, BadMessage> {
        let version = Version { sales: Sequence(9), stock: Sequence(4) };
        let positions = Positions { hub: "store-1".parse().unwrap(), epoch: Epoch(7), at_ms: 1, version, lines };
        let Packed { content_type, payload } = positions.encode().unwrap();
        Positions::decode(Some(&content_type), &payload)
    }

    #[test]
    fn positions_read_back_and_zero_states_are_absent() {
        let all = Place::new("818981".into(), Unit::Kilogram, [-1, 2, 3, 4, 5]);
        assert_eq!(all.states(), [-1, 2, 3, 4, 5]);
        assert_eq!(read(vec![all.clone(), place(1, 0)]).unwrap().lines, [all, place(1, 0)]);
        assert_eq!(serde_json::to_string(&place(1, 0)).unwrap(), r#"{"sku":"1","unit":"each"}"#);
    }

    #[test]
    fn a_message_has_some_positions_each_once_and_in_range() {
        assert!(read((0..MAX_LINES).map(|sku| place(sku, MAX_STANDING)).collect()).is_ok());
        assert!(read((0..=MAX_LINES).map(|sku| place(sku, 1)).collect()).is_err());
        for wrong in
            [vec![], vec![place(1, 1), place(1, 2)], vec![place(1, MAX_STANDING + 1)], vec![place(1, i64::MIN)]]
        {
            assert!(read(wrong.clone()).is_err(), "{wrong:?}");
        }
        assert!(read(vec![Place::new("x".repeat(MAX_SKU + 1), Unit::Each, [0; 5])]).is_err());
    }
}
