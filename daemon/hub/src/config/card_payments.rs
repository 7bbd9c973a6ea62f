//! `[card_payments]`: limits of payments that a terminal approves without its bank.

use commerce::Minor;
use serde::{Deserialize, Serialize};

/// Card payments. Everything has a default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CardPayments {
    /// The largest payment that may be approved without the bank, in minor units; default: the terminal's own limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline_limit: Option<Minor>,
    /// The largest sum of payments that the bank has not answered yet, in minor units; default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline_exposure: Option<Minor>,
}

impl CardPayments {
    pub(super) fn check(&self) -> Vec<String> {
        let limits = [("offline_limit", self.offline_limit), ("offline_exposure", self.offline_exposure)];
        let negative = limits.into_iter().filter(|(_, limit)| limit.is_some_and(Minor::is_negative));
        negative.map(|(name, _)| format!("card_payments.{name} is negative: write minor units, 0 or more")).collect()
    }
}
