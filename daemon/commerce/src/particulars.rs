//! What a scale or a code says about the goods of a line, besides item, quantity and price.

use serde::{Deserialize, Serialize};

use crate::{ids::BusinessDay, serial::Warranty};

/// The particulars of the goods of a line, as the devices gave them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Particulars {
    /// The scale's answer as sent, for a line that was weighed; unprintable bytes are escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weighed: Option<String>,
    /// The code as scanned, for a line that was entered by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanned: Option<String>,
    /// The batch or lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
    /// The serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The warranty of the unit, once it is sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warranty: Option<Warranty>,
    /// The last day on which the goods may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_by: Option<BusinessDay>,
    /// The last day on which they are at their best, or on which the maker wants them sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_before: Option<BusinessDay>,
}

impl Particulars {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn particulars_are_empty_until_something_is_known() {
        assert!(Particulars::default().is_empty());
        assert!(!Particulars { batch: Some("ABC123".into()), ..Particulars::default() }.is_empty());
    }
}
